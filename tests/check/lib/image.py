"""The OCI image: well-formed, with the static binaries and nothing else, which run where nothing else is; and another
build in another place makes the same bytes."""

import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

from lib import tap
from lib.reports import BUILD, ROOT

NOBODY = 65534
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine of the ELF header
FILES = ["etc", "etc/group", "etc/passwd", "loadtap", "loadtap-collector"]
CONFIG = "minimal.yaml"
BUILT_FROM = ["Makefile", "bpf", "proto", "scripts", "user"]


def members(content):
    """Name -> content of a tar's files; None for a folder."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return {info.name: archive.extractfile(info).read() if info.isfile() else None for info in archive}


class Image:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.content = file.read()
        self.files = members(self.content)
        self.wrong = []  # blobs that are not what their descriptor says

    def blob(self, descriptor):
        content = self.files["blobs/" + descriptor["digest"].replace(":", "/")]
        found = f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)
        if found != (descriptor["digest"], descriptor["size"]):
            self.wrong.append(descriptor)
        return content

    def parsed(self, descriptor):
        return json.loads(self.blob(descriptor))

    def manifests(self):
        [top] = json.loads(self.files["index.json"])["manifests"]
        return {entry["platform"]["architecture"]: self.parsed(entry)
                for entry in self.parsed(top)["manifests"]}


def run_in(root, *command, user=0):
    """The command in an image's file system: its exit status, and what it said."""
    done = subprocess.run(command, preexec_fn=lambda: (os.chroot(root), os.chdir("/"), os.setuid(user)),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env={})
    return done.returncode, done.stdout.decode()


def check_architecture(results, scratch, image, architecture, manifest):
    config = image.parsed(manifest["config"])
    [layer] = manifest["layers"]
    plain = gzip.decompress(image.blob(layer))
    files = members(plain)
    results.equal(f"{architecture}: the layer is the one that the configuration names",
                  (config["architecture"], config["rootfs"]["diff_ids"]),
                  (architecture, [f"sha256:{hashlib.sha256(plain).hexdigest()}"]))
    results.equal(f"{architecture}: nothing but what is needed", sorted(files), FILES)
    results.equal(f"{architecture}: binaries for it",
                  {struct.unpack_from("<H", files[name], 18)[0] for name in FILES[-2:]},
                  {MACHINES[architecture]})
    results.true(f"{architecture}: no folder of this machine is named",
                 not any(ROOT.encode() in content for content in files.values() if content))
    root = os.path.join(scratch, architecture)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        archive.extractall(root)
    return root, config["config"]["Entrypoint"]


def check_native(results, root, entrypoint, version):
    shutil.copy(os.path.join(ROOT, "configs", CONFIG), root)
    results.equal("it runs where nothing else is", run_in(root, *entrypoint, "--version", user=NOBODY),
                  (0, f"loadtap {version}\n"))
    results.equal("the collector too", run_in(root, "/loadtap-collector", "--version", user=NOBODY),
                  (0, f"loadtap-collector {version}\n"))
    results.equal("it takes a configuration",
                  run_in(root, *entrypoint, "--mode", "validate", "-c", f"/{CONFIG}", user=NOBODY),
                  (0, f"configuration '/{CONFIG}' OK\n"))


def check_emulated(results, root, version):
    def run(*words):
        return subprocess.run(["qemu-aarch64-static", os.path.join(root, "loadtap"), *words], timeout=60,
                              stdout=subprocess.PIPE, text=True).stdout

    path = os.path.join(ROOT, "configs", CONFIG)
    results.equal("arm64 runs", run("--version"), f"loadtap {version}\n")
    results.equal("arm64 takes a configuration", run("--mode", "validate", "-c", path),
                  f"configuration '{path}' OK\n")


def again(scratch, version):
    """The image from another build, in another folder, of this machine's architecture."""
    source = os.path.join(scratch, "a-folder-elsewhere")
    os.mkdir(source)
    for name in BUILT_FROM:
        here, there = os.path.join(ROOT, name), os.path.join(source, name)
        shutil.copytree(here, there) if os.path.isdir(here) else shutil.copy(here, there)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment.pop("BUILD")
    subprocess.run(["nice", "make", "static"], cwd=source, env=environment, check=True, timeout=360,
                   stdout=sys.stderr)
    out = os.path.join(scratch, "again.tar")
    subprocess.run(["scripts/oci_image.py", out, version, "amd64=build/static",
                    f"arm64={BUILD}/arm64/static"], cwd=source, check=True, stdout=sys.stderr)
    with open(out, "rb") as file:
        return file.read()


def test(results, path):
    version = os.path.basename(path).removeprefix("loadtap-").removesuffix(".oci.tar")
    image = Image(path)
    manifests = image.manifests()
    results.equal("the layout", json.loads(image.files["oci-layout"]), {"imageLayoutVersion": "1.0.0"})
    results.equal("architectures", sorted(manifests), sorted(MACHINES))
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        roots = {architecture: check_architecture(results, scratch, image, architecture, manifest)
                 for architecture, manifest in manifests.items()}
        results.equal("every blob is what its descriptor says", image.wrong, [])
        check_native(results, *roots["amd64"], version)
        check_emulated(results, roots["arm64"][0], version)
        results.true("another build makes the same bytes", again(scratch, version) == image.content)


if __name__ == "__main__":
    tap.run(test, sys.argv[1])
