#!/usr/bin/env python3
"""oci_image.py OUT VERSION ARCHITECTURE=FOLDER...: an image (OCI image layout, in a tar) of the static binaries in
each folder and nothing else but what names their users. The same binaries make the same bytes: no times, no names of
this machine.

Layout and media types: image-layout.md, image-index.md, manifest.md, config.md and layer.md of OCI's image-spec 1.1.
"""

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile

GNU_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}
PROGRAMS = ["loadtap", "loadtap-collector"]
EPOCH = "1970-01-01T00:00:00Z"
NOBODY = 65534
FILES = {
    "etc/passwd": f"root:x:0:0:root:/:/loadtap\nnobody:x:{NOBODY}:{NOBODY}:nobody:/:/loadtap\n",
    "etc/group": f"root:x:0:\nnogroup:x:{NOBODY}:\n",
}
TYPE = "application/vnd.oci.image."
LICENSE = "BSD-2-Clause AND (BSD-2-Clause OR GPL-2.0-only)"


def tar(members):
    """members: (name, bytes or None for a folder, mode), in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content, mode in members:
            info = tarfile.TarInfo(name)
            info.mode = mode
            info.type = tarfile.DIRTYPE if content is None else tarfile.REGTYPE
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return out.getvalue()


def stripped(path, architecture):
    """Without the build id too: it is a hash of what is left out here."""
    with tempfile.NamedTemporaryFile() as out:
        subprocess.run([f"{GNU_NAMES[architecture]}-linux-gnu-strip",
                        "--remove-section=.note.gnu.build-id", "-o", out.name, path], check=True)
        return out.read()


def layer(architecture, folder):
    members = [("etc/", None, 0o755)]
    members += [(name, text.encode(), 0o644) for name, text in sorted(FILES.items())]
    members += [(name, stripped(f"{folder}/{name}", architecture), 0o755) for name in PROGRAMS]
    return tar(members)


class Blobs:
    """What an image consists of, each named by its hash."""

    def __init__(self):
        self.by_name = {}

    def add(self, kind, content, **more):
        """Its descriptor."""
        digest = hashlib.sha256(content).hexdigest()
        self.by_name[digest] = content
        return {"mediaType": TYPE + kind, "digest": f"sha256:{digest}", "size": len(content), **more}

    def add_json(self, kind, value, **more):
        return self.add(kind, as_json(value), **more)


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def manifest(blobs, version, architecture, folder):
    """The descriptor of one architecture's image."""
    plain = layer(architecture, folder)
    packed = blobs.add("layer.v1.tar+gzip", gzip.compress(plain, mtime=0))
    labels = {"org.opencontainers.image.title": "loadtap", "org.opencontainers.image.version": version,
              "org.opencontainers.image.licenses": LICENSE}
    config = blobs.add_json("config.v1+json", {
        "architecture": architecture, "os": "linux", "created": EPOCH,
        "config": {"Entrypoint": ["/loadtap"], "Cmd": ["--help"], "WorkingDir": "/", "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(plain).hexdigest()}"]},
        "history": [{"created": EPOCH, "created_by": "make image"}]})
    return blobs.add_json("manifest.v1+json", {
        "schemaVersion": 2, "mediaType": TYPE + "manifest.v1+json", "config": config, "layers": [packed],
        "annotations": labels}, platform={"architecture": architecture, "os": "linux"})


def image(version, folders):
    blobs = Blobs()
    manifests = [manifest(blobs, version, *folder) for folder in folders]
    index = {"schemaVersion": 2, "mediaType": TYPE + "index.v1+json"}
    of_all = blobs.add_json("index.v1+json", {**index, "manifests": manifests}, annotations={
        "org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"loadtap:{version}"})
    return tar([("oci-layout", as_json({"imageLayoutVersion": "1.0.0"}), 0o644),
                ("index.json", as_json({**index, "manifests": [of_all]}), 0o644),
                ("blobs/", None, 0o755), ("blobs/sha256/", None, 0o755),
                *((f"blobs/sha256/{name}", content, 0o644)
                  for name, content in sorted(blobs.by_name.items()))])


def main(out, version, *folders):
    content = image(version, [folder.split("=", 1) for folder in folders])
    with open(out, "wb") as file:
        file.write(content)
    print(f"{out}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
