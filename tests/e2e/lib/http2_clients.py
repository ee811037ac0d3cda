"""Unmodified HTTP/2 clients, each as a function (base, paths, count) -> {status: responses}.

base is ADDRESS:PORT. The paths are asked for in turn; a path that begins with POST: has a body. The
status of a stream that was reset is "reset".
"""

import collections
import itertools
import os
import re
import subprocess
import tempfile

from lib.client2 import Client2
from lib.reports import BUILD, ROOT

BODY = b"posted " * 3000
BIG = "b" * 900


def said(*command):
    result = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, timeout=60)
    return result.stdout


def pairs(text):
    """What the programs of this folder print."""
    return collections.Counter({status: int(count) for status, count in map(str.split,
                                                                            text.splitlines())})


def by_method(paths, count):
    """[(options for a body, how often each, paths)]: these clients have one body for all."""
    posts = [path[5:] for path in paths if path.startswith("POST:")]
    gets = [path for path in paths if not path.startswith("POST:")]
    times = count // len(paths)
    with_body = tempfile.NamedTemporaryFile()
    with_body.write(BODY)
    with_body.flush()
    for body, chosen in ((None, gets), (with_body, posts)):
        if chosen:
            yield body and body.name, times, chosen


def nghttp(*options):
    """Every run has a connection; what the server pushes has an even stream and does not count."""
    def ask(base, paths, count):
        statuses = collections.Counter()
        for body, times, chosen in by_method(paths, count):
            text = said("nghttp", "-ns", *options, *(["-d", body] if body else []), "-m", times,
                        *[f"http://{base}{path}" for path in chosen])
            for stream, status in re.findall(r"^ *(\d+) .* (\d{3}) +\S+ \S+$", text, re.MULTILINE):
                statuses[status] += int(stream) % 2
        return statuses
    return ask


def h2load(*options):
    """It tells classes of statuses only: 2xx is 200, and so on."""
    def ask(base, paths, count):
        statuses = collections.Counter()
        for body, times, chosen in by_method(paths, count):
            text = said("h2load", "-c", 2, "-m", 30, "-n", times * len(chosen), *options,
                        *(["-d", body] if body else []), *[f"http://{base}{path}" for path in chosen])
            for number, kind in re.findall(r"(\d+) ([2-5])xx", text):
                statuses[f"{kind}00"] += int(number)
        return statuses
    return ask


def curl(*options, urls=1000):
    """urls: how many to each run, so on each connection. Debian's curl cannot ask a second time on
    one where it has HTTP/2 by prior knowledge."""
    def ask(base, paths, count):
        statuses = collections.Counter()
        for body, times, chosen in by_method(paths, count):
            words = [("-o", "/dev/null", f"http://{base}{path}") for path in chosen * times]
            for start in range(0, len(words), urls):
                text = said("curl", "-s", "-w", "%{http_code}\n", *options,
                            *(["--data-binary", f"@{body}"] if body else []),
                            *itertools.chain(*words[start:start + urls]))
                statuses.update("reset" if code == "000" else code for code in text.split())
        return statuses
    return ask


def go(base, paths, count):
    return pairs(said(os.path.join(BUILD, "tests/e2e/http2go/client"), "-base", f"http://{base}",
                      "-count", count, "-streams", 20, *paths))


def perl(*options):
    def ask(base, paths, count):
        return pairs(said(os.path.join(ROOT, "tests/e2e/http2_client.pl"), *options, base, count, 20,
                          *paths))
    return ask


def python(**settings):
    def ask(base, paths, count):
        address, port = base.split(":")
        statuses = collections.Counter()
        with Client2(int(port), address, **settings) as client:
            for number, path in enumerate(itertools.islice(itertools.cycle(paths), count)):
                big = [(f"x-big-{name}", BIG) for name in range(20)] if number % 50 == 49 else []
                method, body = ("POST", BODY) if path.startswith("POST:") else ("GET", b"")
                stream = client.ask(path.removeprefix("POST:"), method, body,
                                    [("x-number", str(number)), *big])
                client.wait(stream)
                statuses[client.status.get(stream, "reset")] += 1
        return statuses
    return ask
