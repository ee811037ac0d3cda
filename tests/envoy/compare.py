"""What two clients sent of the same traffic, field by field; and reports in short, for expectations."""

from differences import comparable
from management import CLIENTS

TOLERANCE = 0.020  # seconds
LETTERS = {"I": "total_issued_requests", "S": "total_successful_requests",
           "E": "total_error_requests", "A": "total_requests_in_progress"}


def seconds(stats):
    interval = stats.get("load_report_interval", {})
    return interval.get("seconds", 0) + interval.get("nanos", 0) / 1e9


def place(locality):
    return "/".join(locality.get(name, "") for name in ("region", "zone", "sub_zone")).strip("/")


def numbers(entry):
    return [f"{letter}{entry[field]}" for letter, field in LETTERS.items() if field in entry]


def brief(stats):
    """"eu/a/1 I2 S2; p1 us I1 A1 D3": the localities in their order, without their endpoints."""
    parts = []
    for entry in stats.get("upstream_locality_stats", []):
        words = [f"p{entry['priority']}"] if "priority" in entry else []
        where = place(entry["locality"])
        parts.append(" ".join(words + ([where] if where else []) + numbers(entry)))
    dropped = stats.get("total_dropped_requests")
    return "; ".join(parts + ([f"D{dropped}"] if dropped else []))


def endpoints(stats):
    """["20001 I2 S2", …]: the endpoints in their order, by port."""
    return [" ".join([str(entry["address"]["socket_address"]["port_value"]), *numbers(entry)])
            for locality in stats.get("upstream_locality_stats", [])
            for entry in locality.get("upstream_endpoint_stats", [])]


def total(reports):
    """"I3 S2 E1": the sums over all reports."""
    sums = dict.fromkeys("ISE", 0)
    for stats in reports:
        for entry in stats.get("upstream_locality_stats", []):
            for letter in sums:
                sums[letter] += entry.get(LETTERS[letter], 0)
    dropped = sum(stats.get("total_dropped_requests", 0) for stats in reports)
    return " ".join(f"{letter}{value}" for letter, value in (*sums.items(), ("D", dropped)) if value)


def unequal(a, b, path=""):
    """["cluster_stats[0].x: 1, 2", …]. A load_report_interval has to be there; late() looks at it."""
    if path.endswith(".load_report_interval") and a and b:
        return []
    if isinstance(a, dict) and isinstance(b, dict):
        return [line for key in sorted({*a, *b})
                for line in unequal(a.get(key), b.get(key), f"{path}.{key}")]
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return [line for number, (one, other) in enumerate(zip(a, b))
                for line in unequal(one, other, f"{path}[{number}]")]
    return [] if a == b else [f"{path}: {a}, {b}"]


def both(management, cluster, stream=1):
    """What the clients' reports of a cluster differ in, report by report."""
    series = [[comparable(client, {"cluster_stats": [stats]})["cluster_stats"][0]
               for stats in management.reports(client, cluster, stream)] for client in CLIENTS]
    found = [f"report {number}{line}"
             for number, pair in enumerate(zip(*series), 1) for line in unequal(*pair)]
    if abs(len(series[0]) - len(series[1])) > 1:
        found.append(f"Envoy sent {len(series[0])} reports, loadtap {len(series[1])}")
    return found


def is_off(management, told, begin, end):
    """Whether an interval is not the time from one arrival to the next, as far as this can be seen."""
    return abs(end - begin - told) > TOLERANCE + management.stalls.before(begin, end)


def late(management, client):
    """Reports whose load_report_interval is not the time since the cluster's last report arrived."""
    found = []
    for stream in management.streams[client]:
        for last, message in zip(stream.messages, stream.messages[1:]):
            for name, stats in message.clusters.items():
                told, times = seconds(stats), (last.time, message.time)
                if name in last.clusters and is_off(management, told, *times):
                    found.append(f"{name}: told {told:.4f} s, arrived after {times[1] - times[0]:.4f} s")
    return found
