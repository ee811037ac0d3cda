"""Many runs in a few numbers."""

import math
import statistics


class Spread:
    """Median and quartiles."""

    def __init__(self, values):
        self.values = sorted(values)
        self.median = statistics.median(self.values)
        self.low = self.high = self.median
        if len(self.values) > 1:
            self.low, _, self.high = statistics.quantiles(self.values, n=4, method="inclusive")

    def interval(self):
        """Where the true median lies with 95 %: the narrowest pair of runs, counted from both ends,
        for which that follows from tossing coins. With fewer than 6 runs no pair is enough; then
        the outermost."""
        count = len(self.values)
        outside, cut = 2 * 0.5 ** count, 0
        while outside + 2 * math.comb(count, cut + 1) * 0.5 ** count <= 0.05:
            cut += 1
            outside += 2 * math.comb(count, cut) * 0.5 ** count
        return self.values[cut], self.values[count - 1 - cut]

    def show(self, digits=0):
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"

    def data(self):
        return [round(x, 3) for x in (self.low, self.median, self.high)]


def ratios(above, below, what):
    """Taken within each round, whose runs followed one another directly."""
    return Spread(what(a) / max(what(b), 1e-9) for a, b in zip(above, below))


def turns(variants, round_number):
    """A B, then B A: no variant always runs first."""
    return variants if round_number % 2 == 0 else list(reversed(variants))
