"""A small DNS server on 127.0.0.1:53 of the test's network namespace, over UDP and TCP."""

import collections
import os
import random
import socket
import struct
import subprocess
import threading

UDP_MAX = 512  # without EDNS; a longer answer is cut, and asked for again over TCP
A, CNAME, AAAA = 1, 5, 28
SERVFAIL, NXDOMAIN = 2, 3
RESOLV_CONF = """nameserver 127.0.0.1
options timeout:1 attempts:2 retrans:1000 retry:2
"""


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def record(name, kind, data, ttl):
    return encode(name) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def long_name(number):
    """255 bytes on the wire, the most there can be."""
    return ".".join(["x" * 63] * 3 + [f"{number:061d}"])


class Dns:
    """records[name]: addresses. behaviours[name]: a method below instead. Both may change at any time;
    a name that is in neither does not exist."""

    def __init__(self, scratch, ttl=0):
        self.records = {}
        self.behaviours = {}
        self.ttl = ttl
        self.asked = collections.Counter()  # by name, and by "udp" and "tcp"
        self.running = True
        path = os.path.join(scratch, "resolv.conf")
        with open(path, "w") as out:
            out.write(RESOLV_CONF)
        subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 53))
        self.tcp = socket.create_server(("127.0.0.1", 53))
        threading.Thread(target=self._serve_udp, daemon=True).start()
        threading.Thread(target=self._serve_tcp, daemon=True).start()

    # --- behaviours: (name, kind) -> (code, records), or None for no answer at all ---

    def servfail(self, _name, _kind):
        return SERVFAIL, []

    def silent(self, _name, _kind):
        return None

    def loop(self, name, _kind):
        return 0, [record(name, CNAME, encode("other." + name), 1),
                   record("other." + name, CNAME, encode(name), 1)]

    def far(self, name, kind):
        """A chain of the longest names there are, and an address at its end."""
        names = [name, *(long_name(number) for number in range(50))]
        chain = [record(one, CNAME, encode(other), 1) for one, other in zip(names, names[1:])]
        end = [record(names[-1], A, socket.inet_aton("127.0.9.9"), 1)] if kind == A else []
        return 0, chain + end

    def lie(self, name, kind):
        """Other addresses each time, as many as a message has room for."""
        if kind != A:
            return 0, []
        size = 65000 // (len(encode(name)) + 14)
        return 0, [record(name, A, struct.pack("!I", 0x0a000000 + random.getrandbits(24)), 1)
                   for _ in range(size)]

    # --- the server ---

    def _known(self, name, kind):
        if name not in self.records:
            return NXDOMAIN, []
        families = {A: socket.AF_INET, AAAA: socket.AF_INET6}
        found = [address for address in self.records[name]
                 if families.get(kind) == (socket.AF_INET6 if ":" in address else socket.AF_INET)]
        return 0, [record(name, kind, socket.inet_pton(families[kind], address), self.ttl)
                   for address in found]

    def _answer(self, query, way):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, question = ".".join(labels).lower(), query[12:at + 5]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        self.asked.update([name, way])
        behaviour = self.behaviours.get(name, self._known)
        result = behaviour(name, kind)
        if result is None or not self.running:
            return None
        code, records = result
        body = b"".join(records)
        cut = way == "udp" and 12 + len(question) + len(body) > UDP_MAX
        if cut:
            records, body = [], b""
        flags = 0x8180 | code | (0x0200 if cut else 0)
        return query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0) + question + body

    def _serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self._answer(query, "udp")
            if answer:
                self.udp.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            peer, _ = self.tcp.accept()
            threading.Thread(target=self._serve_peer, args=(peer,), daemon=True).start()

    def _serve_peer(self, peer):
        with peer, peer.makefile("rb") as stream:
            while len(head := stream.read(2)) == 2:
                answer = self._answer(stream.read(struct.unpack("!H", head)[0]), "tcp")
                if answer:
                    peer.sendall(struct.pack("!H", len(answer)) + answer)
