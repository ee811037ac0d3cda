"""A virtual machine with another kernel and this machine's files.

The root file system is shared read-only (9p); an overlay in the guest's memory takes what is
written. So everything is built outside and only run inside. QEMU translates (TCG): no time that is
measured in there means anything.
"""

import lzma
import subprocess
from pathlib import Path

INIT = """#!/bin/busybox sh
export PATH=/bin
mount() { busybox mount "$@" || stop "cannot mount $*"; }
stop() { busybox echo "$*" >/dev/ttyS1; busybox poweroff -f; }
mount -t devtmpfs none /dev
mount -t proc none /proc
mount -t sysfs none /sys
for module in /modules/*; do busybox insmod $module || stop "cannot load $module"; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=524288 files /shared
mount -t tmpfs none /memory
busybox mkdir /memory/upper /memory/work /dev/pts /dev/shm
mount -t overlay -o lowerdir=/shared,upperdir=/memory/upper,workdir=/memory/work none /root
mount -t devpts none /dev/pts
mount -t tmpfs none /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
mount -t bpf none /sys/fs/bpf
for part in dev proc sys; do mount --move /$part /root/$part; done
mount -t tmpfs none /root/run
busybox mkdir -p /root/lib/modules
mount --bind /root@MODULES@ /root/lib/modules
busybox cp /bin/busybox /root/run/
busybox ip link set lo up
busybox stty -F /root/dev/ttyS1 raw
"""
RUN = """exec busybox switch_root /root /run/busybox sh -c '
    cd "@DIRECTORY@"
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
    export PATH HOME
    { @COMMAND@; } </dev/null >/dev/ttyS1 2>&1
    exec /run/busybox poweroff -f'
"""
MODULES = ["virtio_pci", "9p", "9pnet_virtio", "overlay"]


class Machine:
    def __init__(self, root):
        """root: where a kernel package was unpacked."""
        self.root = root
        if not (root / "lib").exists():
            (root / "lib").symlink_to("usr/lib")
        self.modules = root / "lib/modules"
        self.release = next(path.name for path in self.modules.iterdir())
        self.log = root.parent / "console.log"

    def run(self, command, directory, seconds, ending=RUN):
        """Boots, runs a shell command in `directory` and returns what it said. ending: how the first program
        ends, with the file system at /root."""
        initrd = self.root.parent / "initrd"
        initrd.write_bytes(self._archive(INIT + ending, command, directory))
        return subprocess.run(
            ["timeout", "--kill-after=5", str(seconds), *self._qemu(initrd)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace").stdout

    def _qemu(self, initrd):
        kernels = [self.root / f"boot/vmlinuz-{self.release}", self.modules / self.release / "vmlinuz"]
        kernel = next(path for path in kernels if path.exists())
        # Both CPUs in one thread: with a thread each, QEMU lets one CPU run code that the other has
        # just patched, and the kernel stops at its own breakpoint.
        return ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "2",
                "-m", "2048", "-nodefaults", "-no-reboot", "-display", "none",
                "-kernel", kernel, "-initrd", initrd, "-append",
                "console=ttyS0 quiet panic=-1 no_timer_check random.trust_cpu=on",
                "-serial", f"file:{self.log}", "-serial", "stdio",
                "-virtfs", "local,path=/,mount_tag=files,security_model=none,readonly=on,"
                           "multidevs=remap"]

    def _archive(self, script, command, directory):
        """The initramfs: busybox, a few modules, and what to do."""
        tree = self.root.parent / "initramfs"
        for folder in ("bin", "dev", "proc", "sys", "modules", "shared", "memory", "root"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        busybox = subprocess.check_output(["sh", "-c", "command -v busybox"], text=True).strip()
        (tree / "bin/busybox").write_bytes(Path(busybox).read_bytes())
        (tree / "bin/busybox").chmod(0o755)
        for number, path in enumerate(self._module_files()):
            name = f"{number:03}-{path.name.removesuffix('.xz')}"
            (tree / "modules" / name).write_bytes(unpacked(path))
        words = {"@COMMAND@": command.replace("'", "'\\''"), "@DIRECTORY@": str(directory),
                 "@MODULES@": str(self.modules.resolve())}
        for word, text in words.items():
            script = script.replace(word, text)
        (tree / "init").write_text(script)
        (tree / "init").chmod(0o755)
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        return subprocess.run([busybox, "cpio", "-o", "-H", "newc"], input=names.encode(), cwd=tree,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout

    def _module_files(self):
        """In the order of loading, each once."""
        subprocess.run(["depmod", "-b", self.root, self.release], check=True)
        files = {}
        for module in MODULES:
            lines = subprocess.check_output(
                ["modprobe", "-d", self.root, "-S", self.release, "--show-depends", module],
                text=True).splitlines()
            files.update((Path(line.split()[1]), None) for line in lines if line.startswith("insmod"))
        return list(files)


def unpacked(path):
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data
