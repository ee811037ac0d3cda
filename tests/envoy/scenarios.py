"""A scenario: the traffic to a cluster of its own, and a check of what each client reported of it."""

import traceback

import compare
from cases import Case
from differences import comparable
from management import CLIENTS

NOT_COVERED = {"s22": "EDS", "s39": "ORIGINAL_DST", "s41": "ORCA"}


class Scenarios(list):
    """[(check, its case)]"""

    def add(self, ask=None, **case):
        """Registers check(view) under its name, with a case of the same name; see cases.Case."""
        def register(check):
            self.append((check, Case(check.__name__, ask, **case)))
            return check
        return register

    def cases(self):
        return [case for _, case in self]


class View:
    """What a check looks at. What is not as it shall be it notes in problems."""

    def __init__(self, run, case):
        self.run, self.management, self.case = run, run.management, case
        self.problems = list(case.failed) if case else []

    def reports(self, client):
        """Without what is meant to differ."""
        return [comparable(client, {"cluster_stats": [stats]})["cluster_stats"][0]
                for stats in self.management.reports(client, self.case.name)]

    def expect(self, what, got, wanted):
        if got != wanted:
            self.problems.append(f"{what}: {got}, expected {wanted}")

    def near(self, what, got, wanted):
        """Seconds: as far apart as a busy machine may bring it, and far from what else it could be."""
        self.expect(f"{what}, about {wanted} s ({got:.2f})", abs(got - wanted) < 0.25, True)

    def are(self, *wanted, clients=CLIENTS):
        """The first reports of each client in short; all later ones are idle."""
        for client in clients:
            got = [compare.brief(stats) for stats in self.reports(client)]
            idle = [""] * max(0, len(got) - len(wanted))
            self.expect(client, got, [*wanted, *idle])

    def endpoints(self, *wanted):
        """Of the first report, e.g. "20001 I2 S2"."""
        for client in CLIENTS:
            self.expect(f"{client}: endpoints", compare.endpoints(self.reports(client)[0]), list(wanted))


def judge(results, run, check, case=None, equal=True):
    """One result. equal: and both clients' reports have to be the same."""
    view = View(run, case)
    try:
        check(view)
        if case and equal:
            view.problems += compare.both(run.management, case.name)
    except Exception:  # the others are judged all the same
        view.problems.append(traceback.format_exc())
    results.true(check.__name__, not view.problems, "\n".join(view.problems))


def say_not_covered(results):
    for name, what in NOT_COVERED.items():
        results.say(f"{name}: not yet covered, awaits {what}")
