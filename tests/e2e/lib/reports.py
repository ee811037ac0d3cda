"""The collector as a management server, and the sums of what it received."""

import collections
import json
import os
import time

from lib.process import Process, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))

# Counters of a report, by the short names used in the tests.
COUNTS = {
    "issued": "total_issued_requests",
    "success": "total_successful_requests",
    "error": "total_error_requests",
}
GAUGES = {"active": "total_requests_in_progress"}
# Of a locality only; "connections" is a gauge as well.
CONNECTION_COUNTS = {"connected": "total_new_connections", "failed": "total_fail_connections"}


def address_of(entry):
    socket = entry["address"]["socket_address"]
    return f"{socket['address']}:{socket['port_value']}"


def _number(message, field):
    return int(message.get(field, 0))


def _parse(line):
    """None for a line that a kill cut short, and for the sums at the end."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if "request" in entry else None


def metrics_of(message):
    """{metric_name: total} of a locality's or endpoint's load_metric_stats."""
    return {metric["metric_name"]: metric["total_metric_value"]
            for metric in message.get("load_metric_stats", ())}


class Sums(collections.Counter):
    """Totals by short name; a gauge has the value of the last report that spoke of its row."""

    def add(self, message, counts):
        for name, field in counts.items():
            self[name] += _number(message, field)

    def of(self, *names):
        return {name: self[name] for name in names}


class _Written:
    """The messages in a file that grows: each line is parsed once, as tests ask often."""

    def __init__(self, path):
        self.path = path
        self.parsed = 0  # bytes
        self.entries = []

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.parsed)
            *lines, rest = file.read().split(b"\n")
        self.parsed += sum(len(line) + 1 for line in lines)
        self.entries += filter(None, map(_parse, lines))
        last = _parse(rest)
        return self.entries + [last] if last else self.entries


class Collector:
    """loadtap-collector; each life of it writes a file of its own, all are read as one."""

    def __init__(self, scratch, port=18000, interval="0.25s", options=("--send-all", "--endpoints"),
                 host="127.0.0.1", name="collector"):
        self.scratch = scratch
        self.name = name
        self.port = port
        self.command = [os.path.join(BUILD, "loadtap-collector"), "--listen", f"{host}:{port}",
                        "--interval", interval, *options]
        self.lives = []
        self.start()

    def start(self):
        name = f"{self.name}-{len(self.lives) + 1}"
        self.process = Process(self.scratch, name, self.command, ports=[self.port])
        self.lives.append(_Written(self.process.out_path))

    def kill(self):
        """As by the kernel's out-of-memory killer: no goodbye."""
        self.process.child.kill()
        self.process.child.wait()

    def stop(self):
        return self.process.stop()

    def messages(self):
        """Every LoadStatsRequest received, oldest first, with the number of the collector's life."""
        for life, written in enumerate(self.lives, 1):
            for entry in written.read():
                yield {**entry, "life": life}

    def clusters(self, name):
        for entry in self.messages():
            for stats in entry["request"].get("cluster_stats", ()):
                if stats["cluster_name"] == name:
                    yield stats

    def wait_ready(self, cluster, reports=1, seconds=15):
        """Until `reports` more reports spoke of the cluster: from then on counts are kept."""
        had = sum(1 for _ in self.clusters(cluster))
        until(lambda: sum(1 for _ in self.clusters(cluster)) >= had + reports, seconds,
              f"a report of {cluster}")

    def endpoints(self, cluster):
        """{"127.0.0.1:80": Sums}; the gauge is that of the last report, 0 when not listed."""
        sums = collections.defaultdict(Sums)
        for stats in self.clusters(cluster):
            for row in sums.values():
                row["active"] = 0
            for locality in stats.get("upstream_locality_stats", ()):
                for entry in locality.get("upstream_endpoint_stats", ()):
                    row = sums[address_of(entry)]
                    row.add(entry, COUNTS)
                    row["active"] = _number(entry, GAUGES["active"])
        return sums

    def localities(self, cluster):
        """{("region/zone/sub_zone", priority): Sums}, with connections."""
        sums = collections.defaultdict(Sums)
        for stats in self.clusters(cluster):
            for row in sums.values():
                row["active"] = row["connections"] = 0
            for entry in stats.get("upstream_locality_stats", ()):
                place = entry.get("locality", {})
                name = "/".join(place.get(key, "") for key in ("region", "zone", "sub_zone"))
                row = sums[name, int(entry.get("priority", 0))]
                row.add(entry, COUNTS | CONNECTION_COUNTS)
                row["active"] = _number(entry, GAUGES["active"])
                row["connections"] = _number(entry, "total_active_connections")
        return sums

    def metrics(self, cluster):
        """({"127.0.0.1:80": Sums}, Sums of all localities): load_metric_stats by metric_name."""
        endpoints, localities = collections.defaultdict(Sums), Sums()
        for stats in self.clusters(cluster):
            for locality in stats.get("upstream_locality_stats", ()):
                localities.update(metrics_of(locality))
                for entry in locality.get("upstream_endpoint_stats", ()):
                    endpoints[address_of(entry)].update(metrics_of(entry))
        return endpoints, localities

    def total(self, cluster):
        """One Sums over all localities."""
        total = Sums()
        for row in self.localities(cluster).values():
            total.update(row)
        return total

    def settle(self, cluster, reached, seconds=10):
        """Waits for reached() and then for two more reports: what is too much must show as well.
        Does not fail when it is never reached, the comparison that follows will say why."""
        end = time.monotonic() + seconds
        while not reached() and time.monotonic() < end:
            time.sleep(0.05)
        self.wait_ready(cluster, reports=2)
