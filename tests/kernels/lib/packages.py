"""Debian's kernels, by apt: from the mirror that this machine's apt uses, other suites of it included.

apt works in a folder of its own (lists, cache, configuration), so the machine's is left alone.
"""

import os
import re
import subprocess
import time

# A suite that the mirror has not (any more) costs nothing but its kernels.
SUITES = ["bullseye", "bookworm", "bookworm-backports", "trixie", "trixie-backports", "sid",
          "experimental"]
SECURITY = ["bullseye-security", "bookworm-security", "trixie-security"]
DAY = 24 * 3600


class Missing(Exception):
    """A kernel that cannot be had, with the reason."""


class Packages:
    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C"}

    def update(self):
        """Reads the lists, unless that was done within a day."""
        lists = self.folder / "lists"
        stamp = self.folder / "updated"
        if stamp.exists() and time.time() - stamp.stat().st_mtime < DAY:
            return
        for part in (lists / "partial", self.folder / "archives/partial", self.folder / "parts"):
            part.mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        self._apt("apt-get", "update")  # fails where one suite is missing
        if any(lists.glob("*Packages*")):
            stamp.touch()

    def newest(self, series):
        """The names of the kernel packages of "6.1", newest first; of any series if that is None."""
        wanted = re.escape(series) if series else r"\d+\.\d+"
        pattern = re.compile(rf"linux-image-{wanted}\.\d+([-+][0-9a-z.+]+)?-{architecture()}")
        names = self._apt("apt-cache", "pkgnames", "linux-image-").split()
        found = [name for name in names if pattern.fullmatch(name)]
        if not found:
            raise Missing(f"apt's mirror has no Linux {series or 'at all'}")
        return sorted(found, key=version, reverse=True)

    def unpack(self, name, root):
        """Unpacks a kernel package, and the parts that it is split into, below `root`."""
        if (root / "unpacked").exists():
            return
        root.mkdir(parents=True, exist_ok=True)
        files = self.folder / "archives"
        for package in [name, *self._parts(name)]:
            before = set(files.glob("*.deb"))
            said = self._apt("apt-get", "download", package, cwd=files)
            got = set(files.glob("*.deb")) - before
            if not got:
                raise Missing(f"{package} cannot be downloaded: {said.strip()[-300:]}")
            for file in got:
                subprocess.run(["dpkg", "-x", file, root], check=True)
                file.unlink()
        (root / "unpacked").touch()

    def _parts(self, name):
        release = name.removeprefix("linux-image-")
        words = self._apt("apt-cache", "depends", name).split()
        return [word for word in words if re.fullmatch(rf"linux-\w+-{re.escape(release)}", word)]

    def _write_configuration(self):
        (self.folder / "status").touch()
        options = {"Dir::Etc::Main": "/dev/null", "Dir::Etc::Parts": self.folder / "parts",
                   "Dir::Etc::SourceList": self.folder / "sources.list",
                   "Dir::Etc::SourceParts": self.folder / "parts",
                   "Dir::State::Lists": self.folder / "lists", "Dir::Cache": self.folder,
                   "Dir::State::Status": self.folder / "status", "Acquire::Languages": "none"}
        lines = [f'{key} "{value}";' for key, value in options.items()]
        # How this machine reaches its mirror: proxies, time-outs.
        lines += [line for line in said("apt-config", "dump").splitlines()
                  if re.match(r"Acquire::(https?|ftp|Retries|Check-)", line)]
        (self.folder / "apt.conf").write_text("\n".join(lines) + "\n")
        mirrors = debian_mirrors()
        sources = [f"deb {mirrors[label]} {suite} main"
                   for label, suites in (("Debian", SUITES), ("Debian-Security", SECURITY))
                   if label in mirrors for suite in suites]
        (self.folder / "sources.list").write_text("\n".join(sources) + "\n")

    def _apt(self, *command, cwd=None):
        return said(*command, env=self.environment, cwd=cwd)


def debian_mirrors():
    """{"Debian": address, "Debian-Security": address}, as far as this machine's apt has them."""
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)",
               "Created-By: Packages", "Origin: Debian"]
    rows = said(*command).split("\n")
    if not any(rows):
        said("apt-get", "update")
        rows = said(*command).split("\n")
    return dict(row.split() for row in rows if len(row.split()) == 2)


def version(name):
    return [int(part) for part in re.findall(r"\d+", name)]


def architecture():
    return said("dpkg", "--print-architecture").strip()


def said(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", **options).stdout
