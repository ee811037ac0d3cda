#!/usr/bin/env python3
"""count_once.py FILE...: adds up what loadtap-collector wrote down, each load once.

The files may come from any number of collectors, in any order. A loadtap that lost its stream sends what
was not confirmed again, and says so (user/report/delivery.h); what its later report covers is left out
of the earlier ones here. Prints a line of JSON for each node and cluster, as the collector does at its
end, which does not leave anything out.
"""

import collections
import json
import sys

COUNTS = {
    "issued": "total_issued_requests",
    "success": "total_successful_requests",
    "error": "total_error_requests",
    "new_connections": "total_new_connections",
    "failed_connections": "total_fail_connections",
}


def lines_of(files):
    """The reports in files, without the sums at their end, and what a kill cut short. loadtap sends such a report
    again, as nothing was acknowledged; of other clients it is lost, so stderr tells."""
    for path in files:
        skipped = 0
        with open(path, "rb") as lines:  # a cut may be inside a character
            for text in lines:
                try:
                    line = json.loads(text)
                except ValueError:
                    skipped += 1
                    continue
                if "request" in line:
                    yield line
        if skipped:
            print(f"{path}: lines that are not whole, left out: {skipped}", file=sys.stderr)


def entries_of(line):
    return line["request"].get("cluster_stats", ())


def repeats(lines):
    """{(run, cluster): {stream: (stream, report)}}: what is covered again up to the beginning of that
    stream, for each stream whose first report of the cluster has come."""
    found = collections.defaultdict(dict)
    for line in lines:
        origin = line.get("origin", {})
        if "resent" not in origin:
            continue
        begin = (origin["resent"]["stream"], origin["resent"]["report"])
        for stats in entries_of(line):
            if "load_report_interval" in stats:  # without it, more of the same report follows
                found[origin["run"], stats["cluster_name"]][origin["stream"]] = begin
    return found


def counted(lines):
    """(line, entry of cluster_stats) for each entry that no later report covers again. lines: a list."""
    found = repeats(lines)
    for line in lines:
        origin = line.get("origin", {})
        place = (origin.get("stream"), line["message"])
        for stats in entries_of(line):
            covered = found.get((origin.get("run"), stats["cluster_name"]), {})
            if not any(begin <= place < (stream, 0) for stream, begin in covered.items()):
                yield line, stats


def main(files):
    sums = collections.defaultdict(collections.Counter)
    for line, stats in counted(list(lines_of(files))):
        node = line["request"].get("node", line.get("node", {}))  # gRPC's own clients name it but once
        row = sums[node.get("id", ""), node.get("cluster", ""), stats["cluster_name"]]
        row["dropped"] += int(stats.get("total_dropped_requests", 0))
        for locality in stats.get("upstream_locality_stats", ()):
            for name, field in COUNTS.items():
                row[name] += int(locality.get(field, 0))
    for (node, node_cluster, cluster), row in sorted(sums.items()):
        print(json.dumps({"sums": {"node": {"id": node, "cluster": node_cluster},
                                   "cluster": cluster, **row}}))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
