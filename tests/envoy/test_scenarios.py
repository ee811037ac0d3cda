#!/usr/bin/python3
# test: quiet timeout=120
"""Scenarios that one response serves, a cluster for each. Envoy and loadtap on the same traffic."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
from cases import Cases, Group
from lib import namespace, tap
from lib.client import Client, request
from lib.client2 import Client2
from lib.proxied import ask
from management import CLIENTS
from proxy import OWN
from run import Run
from scenarios import Scenarios, judge, say_not_covered
from traffic import asks, calls, later, leave, sessions, websocket

SILENT, INTERVAL, TICKS = 2.5, 1, 6
ALL = Scenarios()
US, ASIA_A, ASIA_B = {"region": "us"}, {"region": "asia", "zone": "a"}, {"region": "asia", "zone": "b"}


def s01_silent_server(view):
    for client in CLIENTS:
        stream = view.management.streams[client][0]
        early = [message for message in stream.messages if message.time < stream.answers[0]]
        view.expect(f"{client}: messages before the first response", len(early), 1)
        view.expect(f"{client}: its content", list(early[0].request), ["node"])
        view.expect(f"{client}: client_features", early[0].request["node"]["client_features"],
                    ["of.its.own", "envoy.lrs.supports_send_all_clusters"])


@ALL.add()
def s02_idle_cluster_is_sent(view):
    view.are(*[""] * TICKS)
    for client in CLIENTS:
        view.expect(client, set().union(*view.reports(client)), {"cluster_name", "load_report_interval"})
        stream = view.management.streams[client][0]
        off = compare.is_off(view.management, compare.seconds(view.reports(client)[0]),
                             stream.answers[0], stream.messages[1].time)
        view.expect(f"{client}: the first interval begins at the response", off, False)


def both_before(port):
    asks("/ok", times=5)(port)
    ask(port, request("/slow?s=1.5"))


@ALL.add(asks("/ok", times=2), before=both_before)
def s03_traffic_before_the_response(view):
    """Five are discarded; of one that still runs only the result is left."""
    view.are("I2 S3")


@ALL.add(asks("/ok", times=6), groups=[Group(US), Group(OWN), Group(ASIA_B)])
def s04_own_locality_first(view):
    view.are("eu/a/1 I2 S2; asia/b I2 S2; us I2 S2")


@ALL.add(asks("/ok", times=8), groups=[Group(US), Group(ASIA_B), Group(), Group(ASIA_A)])
def s05_localities_in_lexicographic_order(view):
    view.are("I2 S2; asia/a I2 S2; asia/b I2 S2; us I2 S2")


@ALL.add(asks("/ok", "/ok?status=503", "/ok?status=404"))
def s06_503_then_404(view):
    view.are("I3 S2 E1")


@ALL.add(asks("/slow?s=1"))
def s07_slow_request_across_tick(view):
    view.are("I1 A1", "S1")


@ALL.add(asks("/slow-body?s=2"))
def s07_slow_body_across_two_ticks(view):
    view.are("I1 S1 A1", "A1")


@ALL.add()
def s10_unknown_cluster_is_left_out(view):
    view.are()
    for client in CLIENTS:
        view.expect(client, view.management.reports(client, "nobody-knows"), [])


@ALL.add(asks("/ok"))
def s14_duplicate_names(view):
    view.are("I1 S1")
    for client in CLIENTS:
        names = [stats["cluster_name"] for stats in view.management.messages(client)[1].request["cluster_stats"]]
        view.expect(client, names.count(view.case.name), 1)


@ALL.add(asks("/ok"), groups=[Group(count=2)])
def s18_only_endpoints_with_counts(view):
    view.are("I1 S1")
    hit = compare.endpoints(view.reports("envoy")[0])
    view.expect("one endpoint", hit in [[f"{port} I1 S1"] for port in view.case.ports()], True)


@ALL.add(asks("/ok", times=6), groups=[Group(count=3)])
def s18_endpoints_in_the_order_of_the_configuration(view):
    view.endpoints(*[f"{port} I2 S2" for port in view.case.ports()])


@ALL.add(asks("/ok"), ip="0:0:0:0:0:0:0:1")
def s18_ipv6_endpoint_in_its_short_form(view):
    view.are("I1 S1")
    for client in CLIENTS:
        entry = view.reports(client)[0]["upstream_locality_stats"][0]["upstream_endpoint_stats"][0]
        view.expect(client, entry["address"]["socket_address"]["address"], "::1")


def two_priorities(view, first, second):
    """Envoy draws the priority of each request."""
    for client in CLIENTS:
        report = next(stats for stats in view.reports(client) if compare.brief(stats))
        view.expect(f"{client}: groups", [(compare.place(entry["locality"]), entry.get("priority"))
                                          for entry in report["upstream_locality_stats"]],
                    [(first, None), (second, 1)])
        view.expect(client, compare.total([report]), "I40 S40")


@ALL.add(later(1, asks("/ok", times=40)), groups=[Group(US, 0, 2, unhealthy=1), Group(OWN, 1), Group(US, 2)])
def s20_priority_before_locality(view):
    two_priorities(view, "us", "eu/a/1")


@ALL.add(later(2, asks("/ok", times=40)), groups=[Group(US, 1), Group(US, 0, 2, unhealthy=1)])
def s21_a_locality_in_two_priorities(view):
    two_priorities(view, "us", "us")


@ALL.add(asks("/ok"), served=False)
def s27_connect_refused(view):
    view.are("E1")


@ALL.add(lambda port: Client(port).drain(), kind="tcp", served=False)
def s27_connect_refused_tcp(view):
    view.are()


@ALL.add(calls("/grpc?grpc=0", "/grpc?grpc=5", "/grpc?grpc=14"), kind="http2")
def s28_grpc_trailers(view):
    view.are("I3 S2 E1")


@ALL.add(calls("/grpc?only&grpc=0", "/grpc?only&grpc=12", "/grpc?only&grpc=none"), kind="http2")
def s29_grpc_trailers_only(view):
    view.are("I3 S1 E2")


@ALL.add(calls("/ok?status=404", "/ok?status=503"), kind="http2")
def s30_grpc_without_trailers(view):
    view.are("I2 E2")


def reset_after_head(port):
    with Client2(port) as client:
        client.wait(client.call("/reset-after"))
        client.wait(client.ask("/reset-after"))


@ALL.add(reset_after_head, kind="http2")
def s31_reset_after_headers(view):
    view.are("I2 S1 E1")


@ALL.add(leave("/hang", 1.1))
def s32_client_cancels(view):
    view.are("I1 A1")


@ALL.add(asks("/interim", "/interim-reset"))
def s33_100_continue(view):
    view.are("I2 S1")


@ALL.add(websocket("/upgrade", 3.1))
def s34_websocket_over_three_ticks(view):
    view.are("I1 S1 A1", "A1", "A1")


@ALL.add(sessions(3, 1.2), kind="tcp")
def s35_tcp_sessions(view):
    view.are("I3 A3")


def refused_by_one(port):
    refusing = S36.ports()[0]
    with Client2(port) as client:
        for _ in range(4):
            client.wait(client.ask(f"/refused-at?port={refusing}"))


@ALL.add(refused_by_one, kind="http2", groups=[Group(count=2)], route={"retry_policy": {
    "retry_on": "refused-stream", "num_retries": 1, "retry_host_predicate": [{
        "name": "previous_hosts", "typed_config": {
            "@type": "type.googleapis.com/"
                     "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}]}})
def s36_refused_stream_retried_elsewhere(view):
    """How many of the four went to the refusing one first is Envoy's matter."""
    first, second = view.case.ports()
    for client in CLIENTS:
        refusing, other = compare.endpoints(view.reports(client)[0])
        view.expect(client, refusing in [f"{first} I{count} E{count}" for count in range(1, 5)], True)
        view.expect(client, other, f"{second} I4 S4")


S36 = ALL[-1][1]


@ALL.add(later(3, asks("/ok", times=100)))
def s37_keep_alive(view):
    view.are("", "", "", "I100 S100")


@ALL.add(asks("/ok"), preconnect_policy={"per_upstream_preconnect_ratio": 3})
def s37_preconnected_sockets(view):
    view.are("I1 S1")
    stats = view.management.reports("loadtap", view.case.name)[0]["upstream_locality_stats"][0]
    view.expect("connections", stats.get("total_new_connections"), 3)


@ALL.add(health_checks=[{"timeout": "1s", "interval": "0.2s", "no_traffic_interval": "0.2s",
                         "unhealthy_threshold": 1, "healthy_threshold": 1,
                         "http_health_check": {"path": "/healthz"}}])
def s40_health_checks(view):
    view.are()
    asked = view.run.cases.upstream.counts[view.case.ports()[0]]["issued"]
    view.expect("checks", asked > 10, True)


def fifty(port):
    with Client2(port) as client:
        client.wait(*[client.ask("/slow?s=1") for _ in range(50)])


@ALL.add(fifty, kind="http2")
def s40_fifty_streams(view):
    view.are("I50 A50", "S50")


def connections(view, client):
    """{cluster: (active, new, failed)} of all reports where one of them is told."""
    names = [f"total_{what}_connections" for what in ("active", "new", "fail")]
    return {stats["cluster_name"]: tuple(entry.get(name, 0) for name in names)
            for message in reversed(view.management.messages(client)) for stats in message.clusters.values()
            for entry in stats.get("upstream_locality_stats", []) if entry.keys() & set(names)}


def d01_connection_fields(view):
    """By the first report of each cluster."""
    view.expect("envoy", connections(view, "envoy"), {})
    told = connections(view, "loadtap")
    for check, says in ((s37_keep_alive, (1, 1, 0)), (s37_preconnected_sockets, (3, 3, 0)),
                        (s27_connect_refused, (0, 0, 1)), (s35_tcp_sessions, (3, 3, 0)),
                        (s27_connect_refused_tcp, (0, 0, 1))):
        view.expect(check.__name__, told.get(check.__name__), says)


def d02_own_user_agent(view):
    for client, header in (("envoy", None), ("loadtap", "loadtap/")):
        node = view.management.messages(client)[0].request["node"]
        view.expect(client, node["user_agent_name"], client)
        view.expect(f"{client}: version", node["user_agent_build_version"].get("version", {}) != {}, True)
        agent = view.management.streams[client][0].headers.get("user-agent")
        view.expect(f"{client}: header", agent and agent[:len(header or "")], header)


def d03_no_extensions(view):
    envoy, loadtap = (view.management.messages(client)[-1] for client in CLIENTS)
    view.expect("Envoy has many", len(envoy.request["node"]["extensions"]) > 400, True)
    view.expect("loadtap", loadtap.request["node"].get("extensions"), None)


def test(results, scratch, group):
    cases = Cases(ALL.cases())
    run = Run(scratch, group, cases.clusters(), cases.listeners())
    run.cases = cases
    run.at(SILENT - 1)
    cases.start("before")
    run.at(SILENT)
    names = cases.names()
    run.begin(clusters=[*names, "nobody-knows", *names], interval=INTERVAL, endpoints=True)
    run.at(0.2)
    cases.start("ask")
    run.at(INTERVAL * TICKS + 0.5)
    run.stop()
    judge(results, run, s01_silent_server)
    for check, case in ALL:
        judge(results, run, check, case)
    for check in (d01_connection_fields, d02_own_user_agent, d03_no_extensions):
        judge(results, run, check)
    say_not_covered(results)
    run.check(results)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
