"""Where loadtap is meant to differ from Envoy: the one list of it.

configs/README.md has the same rows with the reason of each, which test_differences.py compares; and only
what stands here is left out where messages are compared.
"""

import collections
import copy

# fields: {client: paths of what only this client's messages have, or have in its own way}
Difference = collections.namedtuple("Difference", "what test fields", defaults=({},))

AGENT = ("node.user_agent_name", "node.user_agent_build_version")
PROXY_HEADERS = ("headers.x-envoy-internal", "headers.x-forwarded-for")
STATS = "cluster_stats.upstream_locality_stats"
CONNECTIONS = tuple(f"{STATS}.total_{what}_connections" for what in ("active", "new", "fail"))

DIFFERENCES = [
    Difference("connections", "d01_connection_fields", {"loadtap": CONNECTIONS}),
    Difference("user agent", "d02_own_user_agent",
               {"envoy": (*AGENT, *PROXY_HEADERS), "loadtap": (*AGENT, "headers.user-agent")}),
    Difference("extensions", "d03_no_extensions", {"envoy": ("node.extensions",)}),
    Difference("what only the proxy knows", "d04_only_the_proxy_knows"),
    Difference("own stream", "d05_own_stream_not_counted"),
    Difference("intervals that are none", "d06_clamped_intervals"),
    Difference("server away", "d07_nothing_lost_when_the_server_is_away"),
    Difference("stream that dies", "d08_windows_sent_again"),
    Difference("endpoints that DNS drops", "d09_nothing_lost_when_dns_drops_an_endpoint"),
    Difference("clusters that cannot be observed", "d10_unobserved_clusters_are_left_out"),
    Difference("server away for long", "test_then_longer_up_to_the_maximum"),
    Difference("end", "d11_last_report_at_the_end"),
    Difference("headers of a stream", "d12_headers_to_count_once",
               {"loadtap": ("headers.loadtap-run", "headers.loadtap-stream", "headers.loadtap-resent")}),
    Difference("large reports", "test_a_hundred_thousand_endpoints"),
    Difference("what older rules do not show", "d13_nothing_forgotten_by_older_rules"),
    Difference("clusters that change", "d14_nothing_lost_when_a_cluster_changes"),
    Difference("clusters that go", "d15_nothing_lost_when_a_cluster_goes"),
]


def _drop(message, path):
    first, _, rest = path.partition(".")
    if not rest:
        message.pop(first, None)
        return
    inner = message.get(first, [])
    for one in inner if isinstance(inner, list) else [inner]:
        _drop(one, rest)


def _shown(locality):
    """Connections alone bring a locality that Envoy leaves out."""
    return bool(locality.keys() - {"locality", "priority"})


def comparable(client, request):
    """A LoadStatsRequest, or {"headers": …} of its stream, without what is meant to differ."""
    request = copy.deepcopy(request)
    for difference in DIFFERENCES:
        for path in difference.fields.get(client, ()):
            _drop(request, path)
    for stats in request.get("cluster_stats", []):
        if "upstream_locality_stats" in stats and client == "loadtap":
            shown = [one for one in stats["upstream_locality_stats"] if _shown(one)]
            stats["upstream_locality_stats"] = shown
            if not shown:
                del stats["upstream_locality_stats"]
    return request
