"""How the numbers are shown: Markdown, to go into tests/bench/README.md as it is, or JSON lines."""

import json


class Table:
    def __init__(self, as_json):
        self.as_json = as_json
        self.title = None
        self.rows = []
        self.headings = []

    def say(self, text, data):
        """A sentence between tables."""
        if self.as_json:
            print(json.dumps(data), flush=True)
        else:
            self.flush()
            print(f"\n{text}", flush=True)

    def row(self, title, name, columns):
        """columns: heading -> text, or a pair of text and data"""
        pairs = {key: value if isinstance(value, tuple) else (str(value), value)
                 for key, value in columns.items()}
        if self.as_json:
            print(json.dumps({"table": title, "what": name,
                              **{key: data for key, (_, data) in pairs.items()}}), flush=True)
            return
        if title != self.title:
            self.flush()
            self.title = title
        self.headings = [title, *pairs]
        self.rows.append([name, *(text for text, _ in pairs.values())])

    def flush(self):
        if not self.rows:
            return
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        print()
        for line in [lines[0], rule, *lines[1:]]:
            cells = [line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]
            print(f"| {' | '.join(cells)} |", flush=True)
        self.rows = []


def column(spread, digits=0):
    return spread.show(digits), spread.data()


def middle(spread, digits=0):
    """The median alone; JSON has the quartiles as well."""
    return f"{spread.median:.{digits}f}", spread.data()
