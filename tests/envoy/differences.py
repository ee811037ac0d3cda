"""Where loadtap is meant to differ from Envoy: the one list of it.

configs/README.md has the same rows with the reason of each, which test_differences.py compares; and only
what stands here is left out where messages are compared.
"""

import collections
import copy

# fields: {client: paths of what only this client's messages have, or have in its own way}
Difference = collections.namedtuple("Difference", "what test fields", defaults=({},))

AGENT = ("node.user_agent_name", "node.user_agent_build_version")
STATS = "cluster_stats.upstream_locality_stats"
CONNECTIONS = tuple(f"{STATS}.total_{what}_connections" for what in ("active", "new", "fail"))

DIFFERENCES = [
    Difference("connection fields", "d01_connection_fields", {"loadtap": CONNECTIONS}),
    Difference("user agent", "d02_own_user_agent", {"envoy": AGENT, "loadtap": AGENT}),
    Difference("extensions", "d03_no_extensions", {"envoy": ("node.extensions",)}),
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
    """A LoadStatsRequest without what is meant to differ."""
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
