"""loadtap over the endpoints of a test, and the comparison of what it reports with what was so."""

from lib.daemon import Daemon, bootstrap, cluster
from lib.reports import COUNTS, Collector, Sums

ROW = (*COUNTS, "active")


def counts(issued=0, success=0, error=0, active=0):
    return dict(zip(ROW, (issued, success, error, active)))


def counted(counter):
    """What an upstream counted, as a report has it once everything has ended."""
    return counts(*(counter[name] for name in COUNTS))


class Watch:
    def __init__(self, scratch, group, members, clusters=None, **own):
        """members: [(address, port)] of one cluster; or clusters, as lib/daemon.py makes them. own:
        settings of loadtap's own."""
        clusters = clusters or [cluster("watched", [(None, 0, members)])]
        self.names = [made["name"] for made in clusters]
        self.collector = Collector(scratch)
        self.daemon = Daemon(scratch, group, bootstrap(clusters), **own)
        self.daemon.wait_ready(self.collector, *self.names)

    def rows(self, members):
        sums = {}
        for name in self.names:
            sums.update(self.collector.endpoints(name))
        return [sums.get("{}:{}".format(*member), Sums()).of(*ROW) for member in members]

    def settle(self, members, reached, seconds=10):
        """Until reached(rows of the members), and two reports more; or the time is up."""
        self.collector.settle(self.names[0], lambda: reached(self.rows(members)), seconds)

    def compare(self, results, expected, seconds=10):
        """expected: {name: (member, counts)}, a result for each. Waits for them to be reported."""
        members = [member for member, _ in expected.values()]
        wanted = [row for _, row in expected.values()]
        self.settle(members, lambda rows: rows == wanted, seconds)
        for name, got, row in zip(expected, self.rows(members), wanted):
            results.equal(name, got, row)

    def compare_total(self, results, name, expected):
        """expected(the sums over all members, connections too) -> counts"""
        def good():
            total = self.collector.total(self.names[0])
            return total.of(*ROW) == expected(total)

        self.collector.settle(self.names[0], good)
        total = self.collector.total(self.names[0])
        results.equal(name, total.of(*ROW), expected(total))

    def end(self, results, warnings=()):
        """loadtap may have warned of nothing else than of lines with these words."""
        log = self.daemon.log().splitlines()
        results.equal("nothing was hidden: no warnings",
                      [line for line in log if " warning " in line
                       and not any(words in line for words in warnings)], [])
        results.equal("loadtap ends cleanly", self.daemon.finish(), 0)
        self.collector.stop()
