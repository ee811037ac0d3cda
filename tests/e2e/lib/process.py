"""Starts and stops the programs of a test; every wait is bounded."""

import os
import signal
import subprocess
import time


def until(condition, seconds, what):
    """Polls condition() until it is true and returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def listening(port):
    """Whether a socket listens on port. Read from /proc: a probing connect would be counted."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not os.path.exists(table):
            continue
        with open(table) as lines:
            for line in lines:
                fields = line.split()
                if fields[3] == "0A" and fields[1].endswith(wanted):
                    return True
    return False


class Process:
    """One program, its standard output and error in files of the scratch folder."""

    def __init__(self, scratch, name, command, ports=(), cwd=None):
        self.name = name
        self.out_path = os.path.join(scratch, name + ".out")
        self.err_path = os.path.join(scratch, name + ".err")
        with open(self.out_path, "ab") as out, open(self.err_path, "ab") as err:
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=err, cwd=cwd, start_new_session=True)
        for port in ports:
            until(lambda p=port: listening(p) or self.child.poll() is not None, 10,
                  f"{name} on port {port}")
        if ports and self.child.poll() is not None:
            raise RuntimeError(f"{name} ended with {self.child.returncode}:\n{self.log()}")

    def log(self):
        """What it wrote to standard error."""
        with open(self.err_path, errors="replace") as err:
            return err.read()

    def stop(self, number=signal.SIGTERM, seconds=10):
        """Sends the signal and waits; kills it when it does not end. Returns the exit status."""
        if self.child.poll() is None:
            self.child.send_signal(number)
            try:
                self.child.wait(seconds)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        return self.child.returncode
