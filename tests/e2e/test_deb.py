#!/usr/bin/env python3
"""The Debian package: installed, run as its unit says by a small service manager, removed, purged. All of that in
a copy of this machine's file system, whose changes are kept apart and looked at in the end."""
# test: timeout=300

import filecmp
import glob
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess

from lib import namespace, tap
from lib.client import Client, request
from lib.daemon import bootstrap, cluster, settings
from lib.manager import Manager, Unit
from lib.process import PATIENCE, Process
from lib.reports import BUILD, Collector
from lib.upstream import Upstream

CLUSTER, PORT = "packaged", 20001
WATCHDOG = 2 * PATIENCE  # seconds; the unit's minute would be long to wait for
CONFIG = "etc/loadtap/loadtap.yaml"
WANTED = "etc/systemd/system/multi-user.target.wants/loadtap.service"
# What dpkg and its triggers keep for themselves, whatever the package; and backups of the user database.
NOT_OURS = ("var/lib/dpkg/", "var/log/", "var/cache/", "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-",
            "etc/subuid-", "etc/subgid-", "root/")


class Machine:
    """This machine's file system, with changes in memory."""

    def __init__(self, scratch):
        over = os.path.join(scratch, "over")
        self.changes, work, self.root = (os.path.join(over, name) for name in ("changes", "work", "root"))
        os.mkdir(over)
        self._mount("-t", "tmpfs", "none", over)
        for folder in (self.changes, work, self.root):
            os.mkdir(folder)
        os.chmod(self.root, 0o755)
        self._mount("-t", "overlay", "overlay", "-o",
                    f"lowerdir=/,upperdir={self.changes},workdir={work}", self.root)
        for folder in ("dev", "sys", "proc"):
            self._mount("--rbind", f"/{folder}", self.path(folder))
        self._mount("-t", "tmpfs", "none", self.path("run"))

    @staticmethod
    def _mount(*words):
        subprocess.run(["mount", *words], check=True)

    def path(self, name):
        return os.path.join(self.root, name)

    def run(self, *command):
        return subprocess.run(["chroot", self.root, *command], stdout=subprocess.PIPE, text=True, timeout=120,
                              stderr=subprocess.STDOUT, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})

    def user(self):
        """The package's user, as (uid, gid); None where there is none."""
        with open(self.path("etc/passwd")) as file:
            rows = (line.split(":") for line in file)
            return next(((int(row[2]), int(row[3])) for row in rows if row[0] == "loadtap"), None)

    def changed(self):
        """Files that are other than on this machine."""
        found = []
        for folder, _, names in os.walk(self.changes):
            for name in names:
                path = os.path.join(folder, name)
                here = "/" + os.path.relpath(path, self.changes)
                gone = stat.S_ISCHR(os.lstat(path).st_mode)
                same = not os.path.lexists(here) if gone else (
                    os.path.exists(here) and filecmp.cmp(path, here, shallow=False))
                if not same and not here[1:].startswith(NOT_OURS):
                    found.append(here)
        return sorted(found)

    def folders(self):
        """Folders that are not on this machine."""
        paths = (os.path.join(folder, name) for folder, names, _ in os.walk(self.changes) for name in names)
        names = ("/" + os.path.relpath(path, self.changes) for path in paths)
        return sorted(name for name in names if not os.path.exists(name) and not name[1:].startswith(NOT_OURS))


def install(results, machine, package):
    shutil.copy(package, machine.path("run/loadtap.deb"))
    done = machine.run("dpkg", "-i", "/run/loadtap.deb")
    results.equal("it installs", done.returncode, 0)
    if done.returncode:
        raise RuntimeError(done.stdout)
    results.true("with a user of its own", machine.user(), done.stdout)
    results.equal("its example is a configuration",
                  machine.run("loadtap", "--mode", "validate", "-c", f"/{CONFIG}").stdout.splitlines()[-1],
                  f"configuration '/{CONFIG}' OK")
    configure(machine, CLUSTER)


def configure(machine, *names):
    clusters = [cluster(name, [(None, 0, [("127.0.0.1", PORT + at)])]) for at, name in enumerate(names)]
    with open(machine.path(CONFIG), "w") as out:
        json.dump({**bootstrap(clusters), **settings(machine.group, {})}, out)


def start(scratch, machine, unit, manager):
    runtime = unit.make_runtime_directory(machine.root)
    environment = ["env", f"NOTIFY_SOCKET={manager.name}", f"WATCHDOG_USEC={int(WATCHDOG * 1e6)}",
                   f"RUNTIME_DIRECTORY={runtime}"]
    return Process(scratch, "loadtap", [*environment, *unit.command(machine.root)])


def status(process):
    with open(f"/proc/{process.child.pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def count(results, name, collector, total):
    with Client(PORT) as client:
        for _ in range(5):
            client.send(request("/ok")).answer()
    collector.settle(CLUSTER, lambda: collector.total(CLUSTER)["success"] == total)
    results.equal(name, collector.total(CLUSTER)["success"], total)


def supervise(results, scratch, machine):
    """Everything that its unit has a service manager do."""
    Upstream().listen(PORT)
    collector = Collector(scratch)
    unit = Unit(machine.path("lib/systemd/system/loadtap.service"))
    manager = Manager("\0" + os.path.basename(scratch))
    daemon = start(scratch, machine, unit, manager)
    try:
        manager.wait("READY=1", seconds=60)
    except TimeoutError as error:
        raise RuntimeError(f"{error}; loadtap said:\n{daemon.log()}") from None
    collector.wait_ready(CLUSTER)
    state = status(daemon)
    results.equal("it runs as its user", {int(uid) for uid in state["Uid"].split()}, {machine.user()[0]})
    results.true("which is not root", machine.user()[0] > 0)
    results.equal("without a capability, once it is ready", int(state["CapEff"], 16), 0)
    count(results, "it counts", collector, 5)
    manager.wait("WATCHDOG=1", 3)
    configure(machine, CLUSTER, "added")
    unit.reload(daemon.child.pid)
    collector.wait_ready("added")
    count(results, "it goes on after a reload", collector, 10)
    results.equal("it ends cleanly, in time", daemon.stop(signal.SIGTERM, unit.seconds_to_stop()), 0)
    results.equal("and says so", len(manager.times("STOPPING=1")), 1)
    collector.stop()


def remove(results, machine):
    # What `systemctl enable` does.
    os.symlink("/lib/systemd/system/loadtap.service", machine.path(WANTED))
    done = machine.run("dpkg", "-r", "loadtap")
    results.equal("it is removed", done.returncode, 0)
    results.equal("but for its configuration", (os.path.exists(machine.path(CONFIG)),
                                                glob.glob(machine.path("usr/sbin/loadtap*"))), (True, []))
    done = machine.run("dpkg", "-P", "loadtap")
    results.true("it is purged", done.returncode == 0, done.stdout)
    results.equal("no user is left", machine.user(), None)
    results.equal("no file is left, or other than before", machine.changed(), [])
    results.equal("no folder is left", machine.folders(), [])


def test(results, scratch, group):
    machine = Machine(scratch)
    machine.group = group
    [package] = glob.glob(os.path.join(BUILD, "loadtap_*.deb"))
    try:
        pwd.getpwnam("loadtap")
        results.true("this machine has no user loadtap itself", False)
    except KeyError:
        pass
    install(results, machine, package)
    supervise(results, scratch, machine)
    remove(results, machine)


if __name__ == "__main__":
    tap.run(test, *namespace.enter())
