"""Kernel memory: what the maps take, and what a connection takes."""

import json
import re
import subprocess

TITLE = "kernel memory"
# What the kernel rounds an allocation up to (kmalloc's caches).
CACHES = (8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)


def small_objects():
    """Bytes in the kernel's caches of small objects, on the whole machine."""
    with open("/proc/meminfo") as lines:
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("SUnreclaim:"))


def _bpftool(*words):
    return json.loads(subprocess.run(["bpftool", "-j", *words], check=True, text=True,
                                     stdout=subprocess.PIPE).stdout)


def program(number):
    """What the kernel says of a loaded program, by its id."""
    return _bpftool("prog", "show", "id", str(number))


def maps(number):
    """The maps of a loaded program, by its id."""
    return [_bpftool("map", "show", "id", str(each)) for each in program(number)["map_ids"]]


def _kernel_types():
    return subprocess.run(["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux"], check=True,
                          text=True, stdout=subprocess.PIPE).stdout


def _offset(types, struct, member):
    bits = re.search(rf"STRUCT '{struct}' .*(?:\n\t.*)*?\n\t'{member}' .*bits_offset=(\d+)", types)
    return int(bits[1]) // 8


def _rounded(size):
    return next((cache for cache in CACHES if cache >= size), size)


def connection(value):
    """What the kernel allocates for a program's `value` bytes of state with a socket: (its own head
    before them, both as allocated, what it allocates once for the socket itself)."""
    types = _kernel_types()
    head = _offset(types, "bpf_local_storage_elem", "sdata")
    head += _offset(types, "bpf_local_storage_data", "data")
    once = int(re.search(r"STRUCT 'bpf_local_storage' size=(\d+)", types)[1])
    return head, _rounded(head + value), _rounded(once)


def show(number, table):
    """Returns the bytes that a connection takes."""
    taken = 0
    for one in sorted(maps(number), key=lambda m: m["name"]):
        value = one["bytes_value"]
        columns = {"entries": f"{one['max_entries']:,}", "value": f"{value:,}",
                   "in all": f"{one.get('bytes_memlock', 0):,}"}
        if one["type"] == "sk_storage":
            head, state, once = connection(value)
            taken = state + once
            columns = {"entries": "one a connection", "value": f"{head} + {value:,}",
                       "in all": f"{state:,} + {once} each"}
        table.row(TITLE, one["name"], columns)
    return taken
