"""h2load, and what it says of its requests."""

import re
import subprocess

from lib.watch import counts


def h2load(*options, seconds=250):
    """Returns the counts by status; raises where a request was not answered."""
    said = subprocess.run(["h2load", *map(str, options)], stdout=subprocess.PIPE, text=True,
                          timeout=seconds, check=True).stdout
    total, done, failed = map(int, re.search(
        r"requests: (\d+) total, \d+ started, (\d+) done, .* (\d+) errored", said).groups())
    by_class = [int(number) for number in re.search(
        r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", said).groups()]
    if done != total or failed or sum(by_class) != total:
        raise RuntimeError(f"h2load: {said}")
    return counts(total, total - by_class[3], by_class[3])
