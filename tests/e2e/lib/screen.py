"""A program on a terminal of its own, and what its screen shows."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

from lib.process import until

HOME, END = "\x1b[H", "\x1b[J"  # how a program begins a picture, and ends it
SEQUENCE = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


class Screen:
    def __init__(self, command, columns=80, lines=24, **environment):
        self.master, self.slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self.slave)
        self.output = ""
        self.child = subprocess.Popen(command, stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                      start_new_session=True, preexec_fn=self._own,
                                      env={**os.environ, "TERM": "xterm", **environment})

    def _own(self):
        """It is the terminal that the program is controlled from."""
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP):
            signal.signal(number, signal.SIG_DFL)

    def resize(self, columns, lines):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, keys):
        os.write(self.master, keys.encode())

    def read(self):
        """All that it wrote, escape sequences and all."""
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65536).decode(errors="replace")
        return self.output

    def picture(self):
        """The last whole one: its lines, without escape sequences."""
        pictures = [part for part in self.read().split(HOME)[1:] if END in part]
        if not pictures:
            return []
        return SEQUENCE.sub("", pictures[-1].split(END)[0]).replace("\r", "").split("\n")

    def wait_for(self, condition, what):
        """Until condition(lines of the picture); returns them."""
        def good():
            lines = self.picture()
            return lines if lines and condition(lines) else None
        try:
            return until(good, 10, what)
        except TimeoutError as error:
            raise RuntimeError(f"{error}; the screen shows:\n" + "\n".join(self.picture())) from None

    def is_as_before(self):
        """The terminal's settings."""
        return termios.tcgetattr(self.slave) == self.before

    def stopped(self):
        """Is it, as after Ctrl-Z?"""
        with open(f"/proc/{self.child.pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] == "T"

    def end(self, seconds=10):
        """Its exit status, once it ends by itself."""
        def over():
            self.read()  # what nobody reads would hold it
            return self.child.poll() is not None
        until(over, seconds, "the program's end")
        self.read()
        return self.child.returncode

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.slave)
        os.close(self.master)
