"""Prints test results in the Test Anything Protocol, with what differed when one fails."""

import sys
import traceback


class Tap:
    def __init__(self):
        self.number = 0
        self.failed = 0

    def _line(self, good, name, note=""):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}{note}", flush=True)

    def equal(self, name, got, expected):
        """got and expected are compared; dictionaries are shown key by key."""
        self._line(got == expected, name)
        if got == expected:
            return
        if isinstance(got, dict) and isinstance(expected, dict):
            for key in sorted({*got, *expected}, key=str):
                if got.get(key) != expected.get(key):
                    self.say(f"  {key}: reported {got.get(key)}, expected {expected.get(key)}")
        else:
            self.say(f"  reported {got}")
            self.say(f"  expected {expected}")

    def true(self, name, good, why=""):
        self._line(bool(good), name)
        if not good and why:
            self.say(f"  {why}")

    def skip(self, name, reason):
        self._line(True, name, f" # SKIP {reason}")

    def say(self, text):
        """A comment, each of its lines marked."""
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def end(self):
        print(f"1..{self.number}", flush=True)
        return 1 if self.failed or not self.number else 0


def run(test, *arguments):
    """Calls test(tap, *arguments) and exits; an exception is a failed test."""
    tap = Tap()
    try:
        test(tap, *arguments)
    except Exception:  # whatever it was, the plan has to be printed
        tap.true("ran to its end", False, traceback.format_exc())
    sys.exit(tap.end())
