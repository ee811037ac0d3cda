"""What was received twice because a stream had ended, by the daemon's own account.

The daemon logs which reports of the ended stream are covered again by the next stream's first one.
Those of them that had arrived are in the collector's lines twice.
"""

import collections
import re

from lib.reports import COUNTS, Sums, address_of

SENT_AGAIN = re.compile(r"sent again: stream=(\d+) reports=(\d+)-(\d+) cluster=(\S+) (.*)")
REPORT_SENT = re.compile(r"report sent: stream=(\d+) report=(\d+) clusters=\d+ (.*)")


def _counts(text):
    fields = dict(item.split("=", 1) for item in text.split())
    return Sums({name: int(fields[name]) for name in COUNTS})


def sent_again(log, cluster):
    """[(stream, first report, last report, Sums)] as logged at info."""
    return [(int(stream), int(first), int(last), _counts(counts))
            for stream, first, last, name, counts in SENT_AGAIN.findall(log) if name == cluster]


def sent_first(log, stream, first, last):
    """What those reports held when they were sent first, as logged at debug."""
    total = Sums({name: 0 for name in COUNTS})
    for number, report, counts in REPORT_SENT.findall(log):
        if int(number) == stream and first <= int(report) <= last:
            total.update(_counts(counts))
    return total


def streams(collector):
    """The streams received, in their order: [[message, …], …]. The daemon numbers them from 1."""
    found = collections.OrderedDict()
    for entry in collector.messages():
        found.setdefault((entry["life"], entry["peer"], entry["stream"]), []).append(entry)
    return list(found.values())


def twice(log, collector, cluster):
    """{endpoint: Sums} of what was received and then received again."""
    received = streams(collector)
    doubled = collections.defaultdict(Sums)
    for stream, first, last, _ in sent_again(log, cluster):
        for entry in received[stream - 1]:
            if first <= int(entry["message"]) <= last:
                _add(doubled, entry, cluster)
    return doubled


def once(log, collector, cluster):
    """{endpoint: Sums} received, without what was received a second time."""
    sums = collector.endpoints(cluster)
    for address, row in twice(log, collector, cluster).items():
        sums[address].subtract(row)
    return sums


def _add(doubled, entry, cluster):
    for stats in entry["request"].get("cluster_stats", ()):
        if stats["cluster_name"] != cluster:
            continue
        for locality in stats.get("upstream_locality_stats", ()):
            for row in locality.get("upstream_endpoint_stats", ()):
                doubled[address_of(row)].add(row, COUNTS)
