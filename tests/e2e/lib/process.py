"""Starts and stops the programs of a test; every wait is bounded."""

import os
import signal
import subprocess
import time

PATIENCE = int(os.environ.get("PATIENCE", "1"))  # on a slow machine every wait may be longer


def until(condition, seconds, what):
    """Polls condition() until it is true and returns its value; once more after the time is up, as
    one poll may take long on a busy machine."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() > end
        value = condition()
        if value:
            return value
        if late:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


def listening(port):
    """Whether a socket listens on port. A probing connect would be counted, and /proc/net/tcp is slow
    where many connections are in TIME_WAIT."""
    return bool(subprocess.run(["ss", "-Hltn", f"sport = :{port}"], stdout=subprocess.PIPE).stdout)


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
