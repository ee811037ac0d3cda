#!/usr/bin/python3
"""The comparison itself: what must not go unseen is seen."""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(1, str(Path(__file__).resolve().parents[1] / "e2e"))

import compare
import wire
from lib import tap

# LoadStatsRequest{cluster_stats{cluster_name "a", upstream_locality_stats{locality{}, issued 2}}}
LOCALITY = bytes([0x0A, 0, 0x40, 2])
ZERO_ERRORS = bytes([0x20, 0])
FIELD_15 = bytes([0x78, 1])


def request(locality, cluster=b""):
    stats = b"\x0a\x01a\x12" + bytes([len(locality)]) + locality + cluster
    return wire.Decoder(b"\x12" + bytes([len(stats)]) + stats)


def entry(region, issued):
    return {"locality": {"region": region}, "total_issued_requests": issued}


def stats(*localities):
    made = {"cluster_name": "a", "load_report_interval": {"seconds": 1}}
    return {**made, "upstream_locality_stats": list(localities)} if localities else made


def test_wire(results):
    good = request(LOCALITY)
    results.equal("a message", good.message["cluster_stats"][0]["upstream_locality_stats"],
                  [{"locality": {}, "total_issued_requests": 2}])
    results.equal("nothing wrong with it", (good.zeros, good.unknown), ([], []))
    results.equal("a zero that is there", request(LOCALITY + ZERO_ERRORS).zeros,
                  ["cluster_stats.upstream_locality_stats.total_error_requests"])
    results.equal("an empty text that is there", request(LOCALITY, b"\x32\x00").zeros,
                  ["cluster_stats.cluster_service_name"])
    results.equal("a field without a name", len(request(LOCALITY + FIELD_15).unknown), 1)


def differs(a, b):
    """What both() finds where Envoy reported a and loadtap b."""
    series = {"envoy": a, "loadtap": b}
    management = SimpleNamespace(reports=lambda client, _cluster, _stream: copy.deepcopy(series[client]))
    return bool(compare.both(management, "a"))


def test_both(results):
    eu, us, connected = entry("eu", 1), entry("us", 2), {"total_active_connections": 1}
    for name, envoys, loadtaps, wanted in (
            ("the same", [stats(eu, us)], [stats(eu, us)], False),
            ("connections of loadtap's", [stats(eu)], [stats({**eu, **connected})], False),
            ("a locality of loadtap's with nothing else", [stats(eu)],
             [stats(eu, {"locality": {}, **connected})], False),
            ("the last report of one", [stats()], [stats()] * 2, False),
            ("connections of Envoy's", [stats({**eu, **connected})], [stats(eu)], True),
            ("localities in another order", [stats(eu, us)], [stats(us, eu)], True),
            ("a count", [stats(eu)], [stats(entry("eu", 2))], True),
            ("a locality too many", [stats(eu)], [stats(eu, us)], True),
            ("an idle report in place of one", [stats(eu)], [stats()], True),
            ("no interval", [stats(eu)], [{**stats(eu), "load_report_interval": {}}], True),
            ("two reports fewer", [stats()] * 3, [stats()], True)):
        results.equal(f"{name}: {'seen' if wanted else 'no difference'}", differs(envoys, loadtaps), wanted)


def test_late(results):
    messages = [SimpleNamespace(time=when, clusters={"a": stats()}) for when in (0, 1.01, 2.05)]
    for stalled, wanted in ((0, 1), (0.03, 0)):
        management = SimpleNamespace(streams={"envoy": [SimpleNamespace(messages=messages)]},
                                     stalls=SimpleNamespace(before=lambda *_, took=stalled: took))
        results.equal(f"intervals that are not those of arrival, {stalled} s without a turn",
                      len(compare.late(management, "envoy")), wanted)


def test(results):
    test_wire(results)
    test_both(results)
    test_late(results)


if __name__ == "__main__":
    tap.run(test)
