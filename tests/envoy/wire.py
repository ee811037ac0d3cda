"""LoadStatsRequests as they are on the wire: what a field holds, and whether it is there at all.

No protobuf library: it would not tell an absent field from one that is there with a zero. Numbers
and names are those of Envoy's API 1.40.
"""

import struct

from lib.protobuf import block, fields, scalar

# {message: {number: (name, kind)}}: a message's name, "text", "count", "double", "bool"; in a list: repeated.
MESSAGES = {
    "LoadStatsRequest": {1: ("node", "Node"), 2: ("cluster_stats", ["ClusterStats"])},
    "Node": {1: ("id", "text"), 2: ("cluster", "text"), 3: ("metadata", "Struct"),
             4: ("locality", "Locality"), 6: ("user_agent_name", "text"),
             7: ("user_agent_version", "text"), 8: ("user_agent_build_version", "BuildVersion"),
             9: ("extensions", ["Extension"]), 10: ("client_features", ["text"])},
    "Extension": {1: ("name", "text"), 2: ("category", "text"), 4: ("version", "BuildVersion"),
                  5: ("disabled", "bool"), 6: ("type_urls", ["text"])},
    "BuildVersion": {1: ("version", "SemanticVersion"), 2: ("metadata", "Struct")},
    "SemanticVersion": {1: ("major_number", "count"), 2: ("minor_number", "count"), 3: ("patch", "count")},
    "Locality": {1: ("region", "text"), 2: ("zone", "text"), 3: ("sub_zone", "text")},
    "Struct": {1: ("fields", ["Entry"])},
    "Entry": {1: ("key", "text"), 2: ("value", "Value")},
    "Value": {1: ("null_value", "count"), 2: ("number_value", "double"), 3: ("string_value", "text"),
              4: ("bool_value", "bool"), 5: ("struct_value", "Struct"), 6: ("list_value", "ListValue")},
    "ListValue": {1: ("values", ["Value"])},
    "ClusterStats": {1: ("cluster_name", "text"), 2: ("upstream_locality_stats", ["UpstreamLocalityStats"]),
                     3: ("total_dropped_requests", "count"), 4: ("load_report_interval", "Duration"),
                     5: ("dropped_requests", ["DroppedRequests"]), 6: ("cluster_service_name", "text")},
    "DroppedRequests": {1: ("category", "text"), 2: ("dropped_count", "count")},
    "UpstreamLocalityStats": {
        1: ("locality", "Locality"), 2: ("total_successful_requests", "count"),
        3: ("total_requests_in_progress", "count"), 4: ("total_error_requests", "count"),
        5: ("load_metric_stats", ["EndpointLoadMetricStats"]), 6: ("priority", "count"),
        7: ("upstream_endpoint_stats", ["UpstreamEndpointStats"]), 8: ("total_issued_requests", "count"),
        9: ("total_active_connections", "count"), 10: ("total_new_connections", "count"),
        11: ("total_fail_connections", "count")},
    "UpstreamEndpointStats": {
        1: ("address", "Address"), 2: ("total_successful_requests", "count"),
        3: ("total_requests_in_progress", "count"), 4: ("total_error_requests", "count"),
        5: ("load_metric_stats", ["EndpointLoadMetricStats"]), 6: ("metadata", "Struct"),
        7: ("total_issued_requests", "count")},
    "EndpointLoadMetricStats": {1: ("metric_name", "text"), 2: ("num_requests_finished_with_metric", "count"),
                                3: ("total_metric_value", "double")},
    "Address": {1: ("socket_address", "SocketAddress")},
    "SocketAddress": {1: ("protocol", "count"), 2: ("address", "text"), 3: ("port_value", "count")},
    "Duration": {1: ("seconds", "count"), 2: ("nanos", "count")},
}
IN_A_ONEOF = {"Value"}  # a member of a oneof is written whatever it holds


class Decoder:
    """`zeros`: paths of scalars that are there although they are zero; `unknown`: of fields that have
    no name."""

    def __init__(self, data):
        self.zeros, self.unknown = [], []
        self.message = self._message(data, "LoadStatsRequest", "")

    def _message(self, data, kind, path):
        found = {}
        for number, value in fields(data):
            if number not in MESSAGES[kind]:
                self.unknown.append(f"{path}{kind}:{number}")
                continue
            name, inner = MESSAGES[kind][number]
            repeated = isinstance(inner, list)
            content = self._value(value, inner[0] if repeated else inner, f"{path}{name}.")
            if not content and not repeated and inner not in MESSAGES and kind not in IN_A_ONEOF:
                self.zeros.append(path + name)
            if repeated:
                found.setdefault(name, []).append(content)
            else:
                found[name] = content
        return _plain(kind, found)

    def _value(self, value, kind, path):
        if kind in MESSAGES:
            return self._message(value, kind, path)
        if kind == "text":
            return value.decode()
        if kind == "double":
            return struct.unpack("<d", value)[0]
        return bool(value) if kind == "bool" else value


def _plain(kind, found):
    """A Struct's entries have no order."""
    if kind == "Struct":
        return {entry["key"]: entry.get("value") for entry in found.get("fields", [])}
    return found


def response(clusters=(), interval=None, endpoints=False, send_all=False):
    """A LoadStatsResponse. interval: seconds, any at all; None leaves it out."""
    out = b"".join(block(1, name.encode()) for name in clusters)
    if interval is not None:
        nanos = round(interval * 1e9)
        sign = -1 if nanos < 0 else 1
        seconds, nanos = divmod(abs(nanos), 1_000_000_000)
        out += block(2, scalar(1, sign * seconds) + scalar(2, sign * nanos))
    return out + scalar(3, int(endpoints)) + scalar(4, int(send_all))
