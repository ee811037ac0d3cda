"""A configuration that changes while loadtap runs."""

import json
import os

from lib.daemon import bootstrap, settings
from lib.process import until

LOADED = "configuration loaded anew"


class Configuration:
    """A file as kubelet mounts a ConfigMap: folder/bootstrap.json -> ..data/…, ..data -> a folder."""

    def __init__(self, scratch, group):
        self.folder = os.path.join(scratch, "mounted")
        self.group = group
        self.number = 0
        os.mkdir(self.folder)
        os.symlink("..data/bootstrap.json", self.path())

    def path(self):
        return os.path.join(self.folder, "bootstrap.json")

    def swap(self, text):
        """All at once, as kubelet does."""
        self.number += 1
        folder = os.path.join(self.folder, f"..{self.number}")
        os.mkdir(folder)
        self._write(os.path.join(folder, "bootstrap.json"), text)
        link = os.path.join(self.folder, "..data")
        os.symlink(f"..{self.number}", link + "_tmp")
        os.rename(link + "_tmp", link)

    def save(self, text):
        """As an editor: another file takes the name."""
        target = os.path.realpath(self.path())
        self._write(target + "~", text)
        os.rename(target + "~", target)

    def write(self, text):
        self._write(self.path(), text)

    @staticmethod
    def _write(path, text):
        with open(path, "w") as out:
            out.write(text)

    def text(self, clusters, node="e2e", lrs_port=18000, **own):
        """own: settings of loadtap's own."""
        made = bootstrap(clusters, lrs_port)
        made["node"]["metadata"] = {"told": node}
        made.update(settings(self.group, {"admin_socket": "none", **own}))
        return json.dumps(made)


def loaded(daemon):
    return daemon.log().count(LOADED)


def reload(daemon, how, text):
    before = loaded(daemon)
    how(text)
    try:
        until(lambda: loaded(daemon) > before, 10, "the new configuration")
    except TimeoutError as error:
        raise RuntimeError(f"{error}; loadtap said:\n{daemon.log()[-3000:]}") from None
