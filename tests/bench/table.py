"""How the numbers are shown: tables for a person, or JSON lines."""

import json
import os
import platform
import statistics

NOTE = """
What the numbers mean
  Medians over the rounds, quartiles in brackets. A ratio is taken within each round, whose runs
  follow one another directly, and then its median. Absolute numbers differ by 10 to 40 % between
  runs of a shared machine: trust the ratios of one run, and no throughput difference below 10 %.
  Only the client is in the observed cgroup, as a proxy would be; ns are those of its programs,
  egress and ingress together. `empty` is a program that returns at once: most of its time is the
  statistics' own reading of the clock, which loadtap's has in it as well.
  p/req: packets that the client's hooks see per request (nginx answers each pipelined request in
  a packet of its own). Computed: what is left of the bare throughput when each request takes
  loadtap's whole time longer, the statistics' included: all of it on one busy CPU - on all CPUs.
  The parsers alone: with the copy of each window, without the kernel's way to them."""


class Spread:
    """Median and quartiles."""

    def __init__(self, values):
        values = list(values)
        self.median = statistics.median(values)
        if len(values) > 1:
            self.low, _, self.high = statistics.quantiles(values, n=4, method="inclusive")
        else:
            self.low = self.high = self.median

    def show(self, digits=0):
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"

    def data(self):
        return [round(x, 3) for x in (self.low, self.median, self.high)]


def ratios(above, below, what):
    return Spread(what(a) / max(what(b), 1e-9) for a, b in zip(above, below))


class Table:
    def __init__(self, as_json):
        self.as_json = as_json
        self.title = None
        self.rows = []

    def begin(self, rounds, seconds):
        self.machine = {"kernel": platform.release(), "cpus": os.cpu_count(),
                        "machine": platform.machine(), "rounds": rounds, "seconds": seconds}
        if self.as_json:
            print(json.dumps(self.machine))
        else:
            print("Linux {kernel}, {machine}, {cpus} CPUs; {rounds} rounds of {seconds} s, taking "
                  "turns".format(**self.machine))

    def end(self):
        if not self.as_json:
            self._flush()
            print(NOTE)

    def _row(self, title, name, columns):
        """columns: heading -> (text, data)"""
        if self.as_json:
            print(json.dumps({"table": title, "what": name,
                              **{key: data for key, (_, data) in columns.items()}}), flush=True)
            return
        if title != self.title:
            self._flush()
            self.title = title
        self.rows.append([name, *(text for text, _ in columns.values())])
        self.headings = [title, *columns]

    def _flush(self):
        if not self.rows:
            return
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines)]
        print()
        for line in lines:
            cells = [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
            print("  ".join(cells).rstrip(), flush=True)
        self.rows = []

    @staticmethod
    def _column(spread, digits=0):
        return spread.show(digits), spread.data()

    def cost(self, name, empty, loadtap):
        packets = statistics.median(r["packets"] for r in loadtap)
        self._row("cost in the kernel", name, {
            "p/req": (f"{packets:.2f}", round(packets, 3)),
            "empty ns/packet": self._column(Spread(r["ns"] / r["packets"] for r in empty)),
            "loadtap ns/packet": self._column(Spread(r["ns"] / r["packets"] for r in loadtap)),
            "empty ns/req": self._column(Spread(r["ns"] for r in empty)),
            "loadtap ns/req": self._column(Spread(r["ns"] for r in loadtap)),
            "ratio": self._column(ratios(loadtap, empty, lambda r: r["ns"]), 2),
            "egress": self._column(ratios(loadtap, empty, lambda r: r["egress"]["each"]), 2),
            "ingress": self._column(ratios(loadtap, empty, lambda r: r["ingress"]["each"]), 2),
        })

    def sockops(self, name, empty, loadtap):
        calls = statistics.median(r["sockops"]["runs"] for r in loadtap)
        if calls < 0.5:
            return
        self._row("sockops, per connection", name, {
            "calls, empty": self._column(Spread(r["sockops"]["runs"] for r in empty), 1),
            "calls, loadtap": self._column(Spread(r["sockops"]["runs"] for r in loadtap), 1),
            "empty ns/call": self._column(Spread(r["sockops"]["each"] for r in empty)),
            "loadtap ns/call": self._column(Spread(r["sockops"]["each"] for r in loadtap)),
            "loadtap ns/conn": self._column(Spread(r["sockops"]["ns"] for r in loadtap)),
        })

    def throughput(self, name, variant, bare, runs, added):
        load = statistics.median(r["rate"] for r in bare) * added / 1e9  # CPUs kept busy by it
        computed = [1 / (1 + load), 1 / (1 + load / os.cpu_count())]
        columns = {
            "requests/s": self._column(Spread(r["rate"] for r in runs)),
            "p99 us": ("", None), "requests : bare": ("", None), "p99 : bare": ("", None),
            "computed": ("", None)}
        timed = all(r["p99_us"] for r in [*runs, *bare])  # wrk cannot say for pipelines
        if timed:
            columns["p99 us"] = self._column(Spread(r["p99_us"] for r in runs))
        if variant != "bare":
            columns["requests : bare"] = self._column(ratios(runs, bare, lambda r: r["rate"]), 3)
        if variant != "bare" and timed:
            columns["p99 : bare"] = self._column(ratios(runs, bare, lambda r: r["p99_us"]), 2)
        if variant == "loadtap":
            columns["computed"] = (
                "{:.3f} - {:.3f}".format(*computed), [round(x, 3) for x in computed])
        self._row("throughput", f"{name.removeprefix('HTTP/1.1 ')}: {variant}", columns)

    def parser(self, case, bytes, ns):
        spread = Spread(ns)
        self._row("the parsers alone, natively", case, {
            "bytes/pair": (f"{bytes}", bytes),
            "ns/pair": self._column(spread),
            "ns/byte": (f"{spread.median / bytes:.2f}", round(spread.median / bytes, 3)),
        })
