"""A cgroup for the clients of one variant, with that variant's programs attached to it."""

import json
import os
import subprocess

from lib.reports import BUILD
from traffic import IP, UPSTREAMS

PROGRAM = os.path.join(BUILD, "tests/bench/attach")


class Attached:
    """variant: "bare" (no programs), "empty", "loadtap"; "Envoy" is bare, with another way to go."""

    def __init__(self, variant, parent, scratch):
        self.variant = variant
        self.scratch = scratch
        self.group = os.path.join(parent, variant)
        os.mkdir(self.group)
        self.process = None
        if variant not in ("empty", "loadtap"):
            return
        self.process = subprocess.Popen([PROGRAM, variant, self.group, IP, *map(str, UPSTREAMS)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"bench: cannot attach {self.variant}")
        return json.loads(line)

    def _ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self._answer()

    def read(self):
        """Per hook [runs, nanoseconds, program], and what loadtap counted, since the programs were loaded."""
        return self._ask("read")

    def statistics(self, on):
        """Of all programs of this machine, while this process keeps them on."""
        if self._ask("on" if on else "off")["stats"] is not on:
            raise SystemExit("bench: the kernel refuses statistics of BPF programs")

    def enter(self):
        """For a child process before it becomes another program."""
        with open(os.path.join(self.group, "cgroup.procs"), "w") as procs:
            procs.write("0")

    def run(self, command, environment):
        """Runs a client inside the cgroup; returns what it printed."""
        return subprocess.run(command, env={**os.environ, **environment}, preexec_fn=self.enter,
                              text=True, check=True, stdout=subprocess.PIPE).stdout

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait(10)
