"""The load generators. A run returns requests (answered), us (it took), p99_us (0: not known), errors."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from lib.reports import BUILD

FOLDER = Path(__file__).resolve().parent


@dataclass
class Wrk:
    """HTTP/1.1."""
    path: str = "/"
    connections: int = 16
    pipeline: int = 1
    headers: tuple = ()

    @property
    def in_flight(self):
        """Requests that may be under way when it stops."""
        return self.connections * self.pipeline

    def run(self, attached, address, seconds, timed):
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{seconds}s",
                   f"-s{FOLDER / 'wrk.lua'}", *self.headers, f"http://{address}{self.path}"]
        said = attached.run(command, {"PIPELINE": str(self.pipeline)})
        result = json.loads(said.splitlines()[-1])
        if self.pipeline > 1:
            result["p99_us"] = 0  # it takes the time of a batch
        return result


@dataclass
class H2load:
    """HTTP/2 with prior knowledge."""
    path: str = "/"
    paths: tuple = ()  # instead of one, taken in turn
    connections: int = 4
    streams: int = 1
    headers: tuple = ()
    body: str = ""  # of each request: a file in the scratch folder

    @property
    def in_flight(self):
        return self.connections * self.streams

    def run(self, attached, address, seconds, timed):
        log = os.path.join(attached.scratch, "h2load.log")
        command = ["h2load", "-t1", f"-c{self.connections}", f"-m{self.streams}", f"-D{seconds}",
                   *(f"-H{line}" for line in self.headers)]
        if timed:
            command.append(f"--log-file={log}")
        if self.body:
            command.append(f"-d{os.path.join(attached.scratch, self.body)}")
        command += [f"http://{address}{path}" for path in self.paths or (self.path,)]
        result = self._result(attached.run(command, {}), seconds)
        if timed:
            result["p99_us"] = self._p99(log)
        return result

    @staticmethod
    def _result(said, seconds):
        done, failed = re.search(r"(\d+) done, \d+ succeeded, (\d+) failed", said).groups()
        return {"requests": int(done), "us": seconds * 1_000_000, "p99_us": 0,
                "errors": int(failed)}

    @staticmethod
    def _p99(log):
        with open(log, "rb") as lines:
            times = sorted(int(line.rsplit(b"\t", 1)[1]) for line in lines)
        os.unlink(log)
        return times[len(times) * 99 // 100]


@dataclass
class GrpcGo:
    """Unary calls by a real gRPC stack."""
    connections: int = 4
    concurrent: int = 1
    in_flight = 0  # it waits for the last

    def run(self, attached, address, seconds, timed):
        return json.loads(attached.run([os.path.join(BUILD, "tests/bench/grpc/calls"), "call", address,
                                        str(self.connections), str(self.concurrent), str(seconds)], {}))
