"""Cgroups as kubelet lays them out, and programs in them as in a pod's containers."""

import os
import subprocess

from lib import namespace

UIDS = ("01234567-89ab-cdef-0123-456789abcdef", "fedcba98-89ab-cdef-0123-456789abcdef")
HOST_TREE = "host-cgroup"  # of the scratch folder: where a container is shown the host's tree

# Its arguments: the cgroup, what unshare is to do for namespaces, the host's tree, where to show it (or ""),
# what the container has at /sys/fs/cgroup, and the command. As a runtime does it, but for the file system.
ENTER = """
set -e
echo $$ >"$1/cgroup.procs"
shift
exec unshare $1 --mount --pid --fork --kill-child --mount-proc -- sh -ec '
tree=$1 shown=$2 own=$3
shift 3
if [ "$shown" ]; then mkdir -p "$shown"; mount --bind -o ro "$tree" "$shown"; fi
umount --recursive /sys/fs/cgroup
mount -t "$own" none /sys/fs/cgroup
exec "$@"' sh "$2" "$3" "$4" "${@:5}"
"""


def systemd_pod(uid):
    return ("kubepods.slice/kubepods-burstable.slice/"
            f"kubepods-burstable-pod{uid.replace('-', '_')}.slice")


def cgroupfs_pod(uid):
    return f"kubepods/burstable/pod{uid}"


def make(group, *names):
    """A cgroup below another; its path."""
    path = os.path.join(group, *names)
    os.makedirs(path, exist_ok=True)
    return path


def _join(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as procs:
        procs.write(str(os.getpid()))


def ask(cgroup, *urls):
    """Requests that a program of that cgroup sends, each on a connection of its own."""
    for url in urls:
        subprocess.run(["curl", "-s", "-o", "/dev/null", url], preexec_fn=lambda: _join(cgroup),
                       check=True, timeout=30)


def command(cgroup, scratch, program, private=True, hybrid=False, shown=True):
    """The command line that runs the program in a container.

    private: with a cgroup namespace of its own, whose root is the cgroup. hybrid: on a host with cgroup v1
    and v2, where a container has nothing of v2 itself. shown: the host's tree is mounted, too.
    """
    return ["bash", "-c", ENTER, "bash", cgroup, "--cgroup" if private else "--ipc",
            namespace.cgroup2_root(), os.path.join(scratch, HOST_TREE) if shown else "",
            "tmpfs" if hybrid else "cgroup2", *program]
