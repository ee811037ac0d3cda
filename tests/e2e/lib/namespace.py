"""Runs a program again inside network, mount and pid namespaces and a cgroup of its own.

The outer process only waits and cleans up: the pid namespace takes every process with it, the
cgroup is removed when it is empty, the scratch folder and with it the private hosts file go last.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

INSIDE = "LOADTAP_E2E_INSIDE"


def cgroup2_root():
    """Where cgroup2 is mounted, or None."""
    with open("/proc/mounts") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return fields[1]
    return None


def enter(hosts=()):
    """Returns (scratch folder, cgroup path) inside the namespaces; never returns outside of them.

    hosts are lines of the private /etc/hosts, e.g. "127.0.0.2 http_service".
    """
    if INSIDE in os.environ:
        return _arrange(hosts)
    sys.exit(_outside())


def _skip(reason):
    print(f"1..0 # SKIP {reason}")
    return 0


def _outside():
    root = cgroup2_root()
    if os.geteuid() != 0:
        return _skip("needs root")
    if root is None:
        return _skip("needs cgroup2")
    scratch = tempfile.mkdtemp(prefix="loadtap-e2e-")
    os.chmod(scratch, 0o755)  # loadtap becomes another user, who reads there
    group = os.path.join(root, os.path.basename(scratch))
    os.mkdir(group)
    child = None

    def stop(*_):
        raise SystemExit(130)

    signal.signal(signal.SIGTERM, stop)
    try:
        child = subprocess.Popen(
            ["unshare", "-n", "-m", "-p", "--fork", "--kill-child", "--mount-proc", "--",
             sys.executable, *sys.argv],
            env={**os.environ, INSIDE: f"{scratch}\n{group}"},
            preexec_fn=lambda: _join(group))
        return child.wait()
    except KeyboardInterrupt:
        return _settle(child)  # the terminal sent SIGINT to the inner program as well
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # a second one must not end the cleaning up
        if child and child.poll() is None:
            child.kill()
            child.wait()
        _remove_group(group)
        shutil.rmtree(scratch, ignore_errors=True)


def _settle(child):
    try:
        return child.wait(10)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        return 130


def _join(group):
    with open(os.path.join(group, "cgroup.procs"), "w") as procs:
        procs.write(str(os.getpid()))


def _remove_group(group):
    for _ in range(100):
        try:
            for folder, _, _ in os.walk(group, topdown=False):
                os.rmdir(folder)
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)  # the last processes are still going away
    print(f"# left behind: {group}", file=sys.stderr)


def _arrange(hosts):
    scratch, group = os.environ[INSIDE].split("\n")
    signal.signal(signal.SIGTERM, _end)  # the first process of a pid namespace has no default
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup, the daemons would ignore it too
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    path = os.path.join(scratch, "hosts")
    with open(path, "w") as out:
        out.write("127.0.0.1 localhost\n" + "".join(f"{line}\n" for line in hosts))
    subprocess.run(["mount", "--bind", path, "/etc/hosts"], check=True)
    os.makedirs("/run/loadtap", exist_ok=True)  # each daemon's admin socket is its own test's
    subprocess.run(["mount", "-t", "tmpfs", "loadtap", "/run/loadtap"], check=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return scratch, group


def _end(*_):
    raise SystemExit(143)
