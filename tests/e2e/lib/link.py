"""A bad link between this network namespace and one beyond it: packets get lost, late and doubled.

The kernel's netem does that, but many kernels are built without it. So the link is two TUN devices
and this program between them. They take packets of 64 KB, unsegmented, as a veth pair does.

    lib/link.py SEED PERCENT    started by Link
"""

import contextlib
import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import struct
import subprocess
import sys
import time

NEAR, FAR = "10.9.0.1", "10.9.0.2"
TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
TUN, NO_PI, VNET_HDR = 1, 0x1000, 0x4000
CHECKSUM, SEGMENTS = 1, 2  # what the device may leave undone: the packets never leave the machine
NEW_NETWORK = 0x40000000
LATE, DOUBLED = 15, 1  # percent
DELAY = 0.0005, 0.004  # seconds
AT_ONCE = 64  # packets that are read before some are written
LIBC = ctypes.CDLL(None, use_errno=True)


def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "network namespace")


class Link:
    """Runs until stopped. Endpoints of a test are at FAR."""

    def __init__(self, scratch, seed, percent):
        from lib.process import Process, until
        self.process = Process(scratch, f"link-{seed}", [sys.executable, __file__, str(seed),
                                                         str(percent)])
        until(lambda: "up" in self.said() or self.process.child.poll() is not None, 10, "the link")
        if self.process.child.poll() is not None:
            raise RuntimeError(self.process.log())

    def said(self):
        with open(self.process.out_path) as out:
            return out.read()

    @contextlib.contextmanager
    def far(self):
        """Threads and programs that are started in here live beyond the link, and stay there."""
        with open("/proc/thread-self/ns/net") as near, \
                open(f"/proc/{self.process.child.pid}/ns/net") as far:
            checked(LIBC.setns(far.fileno(), NEW_NETWORK))
            try:
                yield
            finally:
                checked(LIBC.setns(near.fileno(), NEW_NETWORK))

    def stop(self):
        """Returns how many packets went which way."""
        self.process.stop(signal.SIGTERM)
        words = self.said().split()
        return dict(zip(words[1::2], map(int, words[2::2])))


def device(own, peer):
    """A TUN device of this thread's network namespace."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"link", TUN | NO_PI | VNET_HDR))
    fcntl.ioctl(tun, TUNSETOFFLOAD, CHECKSUM | SEGMENTS)
    for words in (f"addr add {own} peer {peer} dev link", "link set dev link txqueuelen 10000 up",
                  f"route replace {peer} dev link rto_min 20ms"):
        subprocess.run(["ip", *words.split()], check=True)
    return tun


class Carrier:
    def __init__(self, ends, seed, percent):
        self.other = dict(zip(ends, reversed(ends)))
        self.random = random.Random(seed)
        self.percent = percent
        self.held = []  # a heap of (when, number, device, packet)
        self.counts = {"passed": 0, "lost": 0, "late": 0, "doubled": 0}

    def write(self, tun, packet):
        try:
            os.write(tun, packet)
        except OSError:
            pass  # a namespace that is going away

    def take(self, tun, packet):
        fate = self.random.random() * 100
        self.counts["passed"] += 1
        if fate < self.percent:
            self.counts["lost"] += 1
            return
        if fate >= self.percent + LATE:
            self.write(tun, packet)
        if fate < self.percent + LATE + DOUBLED:
            self.counts["late" if fate < self.percent + LATE else "doubled"] += 1
            heapq.heappush(self.held, (time.monotonic() + self.random.uniform(*DELAY),
                                       self.counts["passed"], tun, packet))

    def read(self, tun):
        for _ in range(AT_ONCE):
            try:
                packet = os.read(tun, 1 << 17)
            except BlockingIOError:
                return
            self.take(self.other[tun], packet)

    def carry(self):
        while True:
            wait = max(0, self.held[0][0] - time.monotonic()) if self.held else None
            for tun in select.select(list(self.other), [], [], wait)[0]:
                self.read(tun)
            while self.held and self.held[0][0] <= time.monotonic():
                _, _, tun, packet = heapq.heappop(self.held)
                self.write(tun, packet)


def stopped(*_):
    raise SystemExit


def main(seed, percent):
    near = device(NEAR, FAR)
    checked(LIBC.unshare(NEW_NETWORK))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    carrier = Carrier((near, device(FAR, NEAR)), seed, percent)
    signal.signal(signal.SIGTERM, stopped)
    print("up", flush=True)
    try:
        carrier.carry()
    finally:
        print(*(f"{name} {count}" for name, count in carrier.counts.items()), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
