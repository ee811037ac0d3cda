"""The side of a service manager: what a daemon tells it (sd_notify), and how a unit has its program started."""

import os
import socket
import subprocess
import time

from lib.process import until


class Manager:
    """The socket that a service manager listens at."""

    def __init__(self, address):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(0.01)
        if not address.startswith("\0"):
            os.chmod(address, 0o777)
        self.name = address.replace("\0", "@")
        self.words = []

    def heard(self):
        """All words so far: (when, word)."""
        try:
            while True:
                text = self.socket.recv(4096).decode()
                self.words += [(time.monotonic(), line) for line in text.split("\n")]
        except TimeoutError:
            return self.words

    def times(self, word):
        return [when for when, heard in self.heard() if heard == word]

    def wait(self, word, count=1, seconds=30):
        until(lambda: len(self.times(word)) >= count, seconds, word)


def _seconds(text):
    return float(text.removesuffix("s"))


class Unit:
    """What a systemd unit says of how to run its program; of a key that stands twice, the last one."""

    def __init__(self, path):
        with open(path) as file:
            lines = (line.partition("=") for line in file if "=" in line and not line.startswith("#"))
            self.values = {key: value.strip() for key, _, value in lines}

    def command(self, root):
        """Its ExecStart as its user in another root, with its capabilities and no more."""
        user = self.values["User"]
        sets = ",".join(["-all", *("+" + name.removeprefix("CAP_").lower()
                                   for name in self.values["AmbientCapabilities"].split())])
        return ["chroot", root, "setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups",
                f"--bounding-set={sets}", f"--inh-caps={sets}", f"--ambient-caps={sets}",
                *(["--no-new-privs"] if self.values["NoNewPrivileges"] == "yes" else []),
                *self.values["ExecStart"].split()]

    def make_runtime_directory(self, root):
        path = os.path.join("/run", self.values["RuntimeDirectory"])
        subprocess.run(["chroot", root, "install", "-d", "-o", self.values["User"], path], check=True)
        return path

    def reload(self, pid):
        command = self.values["ExecReload"].replace("$MAINPID", str(pid))
        subprocess.run(command.split(), check=True, timeout=30)

    def seconds_to_stop(self):
        return _seconds(self.values["TimeoutStopSec"])
