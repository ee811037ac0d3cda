"""Certificates made by the openssl command, as files."""

import os
import subprocess


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """A certificate authority; `ca` is the path of its certificate."""

    def __init__(self, folder, name):
        self.folder = folder
        self.ca = os.path.join(folder, f"{name}-ca.pem")
        self._key = os.path.join(folder, f"{name}-ca.key")
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", self._key, "-out", self.ca, "-subj", f"/CN={name}", "-days", "1")

    def issue(self, common_name, names=None, over=False):
        """Returns (certificate, key), paths. names: "DNS:a,IP:127.0.0.1". over: it has expired."""
        base = os.path.join(self.folder, f"{os.path.basename(self.ca)}-{common_name}")
        request, extensions = f"{base}.csr", f"{base}.ext"
        with open(extensions, "w") as out:
            out.write(f"subjectAltName={names}\n" if names else "")
        _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                 "-keyout", f"{base}.key", "-out", request, "-subj", f"/CN={common_name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._key,
                 "-CAcreateserial", "-extfile", extensions, "-out", f"{base}.pem",
                 "-days", "-1" if over else "1")
        os.chmod(f"{base}.key", 0o644)  # loadtap becomes another user, who reads it
        return f"{base}.pem", f"{base}.key"
