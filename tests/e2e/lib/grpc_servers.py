"""Management servers on grpcio and grpc-go, which print what they receive."""

import os

from lib.process import Process
from lib.protobuf import nested
from lib.reports import BUILD

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVERS = {
    "grpcio": ([os.path.join(HERE, "grpcio_server.py"), "--interval", "0.25"], "--"),
    "grpc-go": ([os.path.join(BUILD, "tests/e2e/grpcgo/server"), "-interval", "0.25s"], "-"),
}


class Server(Process):
    def __init__(self, scratch, name, port, **options):
        """name: of SERVERS; options as the programs have them: end_after=4 is --end-after 4."""
        command, dash = SERVERS[name]
        words = [word for key, value in options.items()
                 for word in (dash + key.replace("_", "-"), str(value))]
        super().__init__(scratch, name, [*command, f"{dash}listen", f"127.0.0.1:{port}", *words],
                         ports=[port])

    def said(self, word):
        with open(self.out_path) as out:
            return [line.split()[1:] for line in out if line.endswith("\n") and
                    line.startswith(word)]

    def streams(self):
        """The metadata of each, as a dictionary."""
        return [dict(pair.split("=", 1) for pair in words) for words in self.said("stream")]

    def issued(self):
        """The sum over all reports."""
        return sum(count for words in self.said("request")
                   for stats in nested(bytes.fromhex(words[0]), 2)
                   for locality in nested(stats, 2) for count in nested(locality, 8))
