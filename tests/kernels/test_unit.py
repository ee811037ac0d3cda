#!/usr/bin/env python3
# test: serial timeout=600
"""The systemd unit under systemd, in a virtual machine: it starts as a user that is made up for it, shut in as the
unit says, is ready, alive, reloaded, started again when it was killed, and ended with its last report."""

import json
import os
import re
import sys
from pathlib import Path

from lib.machine import Machine

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")
SERIES = "6.1"
SECONDS = 500
PORT = 18000
DYNAMIC = range(61184, 65520)  # systemd.exec(5), DynamicUser=
CAPABILITIES = 1 << 12 | 1 << 38 | 1 << 39  # CAP_NET_ADMIN, CAP_PERFMON, CAP_BPF

# Only what the unit needs of a system, and its log in a file.
SYSTEMD = """
units=/root/run/systemd/system
busybox mkdir -p $units/loadtap.service.d /root/etc/loadtap
busybox cp /root@DIRECTORY@/configs/systemd/loadtap.service $units
busybox cp /root@LOADTAP@ /root/usr/sbin/loadtap
busybox cat >/root/etc/loadtap/loadtap.yaml <<'END'
@BOOTSTRAP@
END
busybox cat >$units/loadtap.service.d/test.conf <<'END'
[Unit]
DefaultDependencies=no
[Service]
StandardOutput=file:/run/said
StandardError=file:/run/said
END
busybox cat >/root/run/visit <<'END'
@COMMAND@
END
busybox cat >$units/visit.target <<'END'
[Unit]
Requires=visit.service
DefaultDependencies=no
END
busybox cat >$units/visit.service <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sh /run/visit
StandardOutput=file:/dev/ttyS1
TimeoutStartSec=infinity
END
exec busybox switch_root /root /lib/systemd/systemd --unit=visit.target
"""

VISIT = """
state() {
    echo "= $1"
    systemctl show loadtap -p ActiveState,Result,NRestarts,MainPID,ExecMainStatus,WatchdogTimestampMonotonic
    cat /proc/$(systemctl show -p MainPID --value loadtap)/status 2>/dev/null
}
wait_for() {
    for try in $(seq 100); do eval "$1" && return; sleep 0.2; done
    echo "waited for $1"
}
@COLLECTOR@ --listen 127.0.0.1:@PORT@ --interval 1s --output /run/reports 2>/dev/null &
systemctl start loadtap
wait_for "[ -s /run/reports ]"
state started
systemctl reload loadtap && echo reloaded=yes
systemctl kill -s KILL loadtap
wait_for '[ "$(systemctl show -p NRestarts --value loadtap)" = 1 ]'
wait_for "systemctl -q is-active loadtap"
state restarted
systemctl stop loadtap
state stopped
echo "= log"
cat /run/said
/run/busybox poweroff -f
"""


def socket_address(port):
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}


def bootstrap():
    return {
        "node": {"id": "unit", "cluster": "unit"},
        "static_resources": {"clusters": [
            {"name": name, "load_assignment": {"cluster_name": name, "endpoints": [
                {"lb_endpoints": [{"endpoint": socket_address(port)}]}]}}
            for name, port in (("watched", 20001), ("lrs", PORT))]},
        "cluster_manager": {"load_stats_config": {
            "api_type": "GRPC", "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "lrs"}}]}},
    }


def fill(text, **words):
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def parts(said):
    """{title: {name: value}}, and the log's lines."""
    found = dict(re.findall(r"^= (\w+)\n(.*?)(?=^= |\Z)", said, re.MULTILINE | re.DOTALL))
    pairs = {title: dict(re.findall(r"^(\w+)[=:]\s*(\S*)", text, re.MULTILINE)) for title, text in found.items()}
    return pairs, found.get("log", "").splitlines()


def main():
    chosen = BUILD / "kernels" / f"{SERIES}.chosen"
    if not chosen.exists():
        print(f"1..0 # SKIP there is no kernel {SERIES} yet: tests/kernels/run gets it")
        return
    ending = fill(SYSTEMD, LOADTAP=BUILD / "loadtap", BOOTSTRAP=json.dumps(bootstrap()),
                  COMMAND=fill(VISIT, COLLECTOR=BUILD / "loadtap-collector", PORT=PORT))
    said = Machine(chosen.resolve()).run("", ROOT, SECONDS, ending)
    pairs, log = parts(said)
    started, restarted, stopped = (pairs.get(title, {}) for title in ("started", "restarted", "stopped"))
    results = {
        "it is active": started.get("ActiveState") == "active",
        "as a user of its own": int(started.get("Uid", 0)) in DYNAMIC,
        "without capabilities": all(int(started.get(name, "1"), 16) == 0 for name in
                                    ("CapInh", "CapPrm", "CapEff", "CapAmb")),
        "with only three that it could have had": int(started.get("CapBnd", "0"), 16) == CAPABILITIES,
        "it gains none": started.get("NoNewPrivs") == "1",
        "its system calls are filtered": started.get("Seccomp") == "2",
        "systemd heard that it lives": int(started.get("WatchdogTimestampMonotonic", 0)) > 0,
        "it was reloaded": started.get("reloaded") == "yes",
        "killed, it is started again": (restarted.get("ActiveState"), restarted.get("NRestarts")) == ("active", "1"),
        "it ends cleanly": (stopped.get("Result"), stopped.get("ExecMainStatus")) == ("success", "0"),
        "with its last report": any("all is confirmed" in line for line in log),
        "its admin socket could be made": any("admin: unix:/run/loadtap/admin.sock" in line for line in log),
        "no system call was refused": log and not any("was refused" in line for line in log),
    }
    for number, (name, good) in enumerate(results.items(), 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    print(f"1..{len(results)}")
    print(said, file=sys.stderr)
    sys.exit(not all(results.values()))


if __name__ == "__main__":
    main()
