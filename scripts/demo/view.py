"""What a person sees: reports as they arrive, headlines, and the comparison at the end."""

import shutil
import sys

COLOURS = {"green": "32", "red": "31", "dim": "2", "bold": "1", "yellow": "33"}
SHOWN = ("issued", "success", "error")


class View:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.colour = out.isatty()
        wide = (out.encoding or "").lower().startswith("utf")
        self.marks = ("█", "▒", "─", "✓", "✗") if wide else ("#", "!", "-", "=", "x")
        self.width = min(shutil.get_terminal_size((100, 24)).columns, 110)

    def _paint(self, text, colour):
        return f"\033[{COLOURS[colour]}m{text}\033[0m" if self.colour and text else text

    def say(self, text="", colour=None):
        self.out.write((self._paint(text, colour) if colour else text) + "\n")
        self.out.flush()

    def headline(self, second, text):
        line = f"{self.marks[2] * 2} {second:4.1f} s  {text} "
        self.say(line + self.marks[2] * max(0, self.width - len(line)), "yellow")

    def columns(self):
        self.say(f"{'report':>6}  {'endpoint':<16}{'issued':>8}{'success':>9}{'error':>7}"
                 f"{'in progress':>13}", "bold")

    def report(self, number, rows, connections, largest):
        """rows: [(endpoint, {issued, success, error, active})]; largest scales the bars."""
        for place, (endpoint, row) in enumerate(rows):
            text = (f"{number if place == 0 else '':>6}  {endpoint:<16}{row['issued']:>8}"
                    f"{row['success']:>9}")
            error = self._paint(f"{row['error']:>7}", "red") if row["error"] else f"{0:>7}"
            self.say(f"{text}{error}{row['active']:>13}  {self._bar(row, largest)}")
        self.say(f"{'':8}connections: {connections['connections']} open, "
                 f"{connections['connected']} new, {connections['failed']} failed", "dim")

    def _bar(self, row, largest):
        room = max(10, self.width - 64)
        good = round(room * row["success"] / largest)
        bad = min(room, -(-room * row["error"] // largest))
        return self._paint(self.marks[0] * good, "green") + self._paint(self.marks[1] * bad, "red")

    def comparison(self, endpoint, witnesses):
        """witnesses: [(who, counts, remark)], the first is what was reported. Whether all agree."""
        self.say(f"{endpoint:<26}{'issued':>8}{'success':>9}{'error':>7}", "bold")
        reported = witnesses[0][1]
        agree = True
        for who, counts, remark in witnesses:
            same = all(counts[name] == reported[name] for name in SHOWN)
            agree = agree and same
            mark = self._paint(self.marks[3], "green") if same else self._paint(self.marks[4], "red")
            mark = " " if counts is reported else mark
            self.say(f"  {who:<24}{counts['issued']:>8}{counts['success']:>9}{counts['error']:>7} "
                     f"{mark} {self._paint(remark, 'dim')}")
        return agree
