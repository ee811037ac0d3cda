#!/usr/bin/env python3
"""monitoring_queries.py RULES.yaml DASHBOARD.json METRICS.md: the queries of the alert rules and of the dashboard, as
recording rules on standard output, for promtool to parse. Fails where one asks for a metric that METRICS.md lacks."""

import json
import re
import sys
from pathlib import Path

# What Grafana puts in: any value of its kind will do.
VARIABLES = {"$__rate_interval": "5m", "$instance": ".*", "$cluster": ".*"}


def of_dashboard(path):
    for panel in json.loads(Path(path).read_text())["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            yield f"panel {panel['title']}", query


def main(rules, dashboard, metrics):
    known = set(re.findall(r"^\| `(\w+)`", Path(metrics).read_text(), re.M))
    queries = list(of_dashboard(dashboard))
    wrong = [f"{name}: no metric {metric}"
             for name, text in [("rules", Path(rules).read_text()), *queries]
             for metric in re.findall(r"\bloadtap_\w+", text) if metric not in known]
    print("\n".join(wrong), end="\n" if wrong else "", file=sys.stderr)
    print(json.dumps({"groups": [{"name": "dashboard", "rules": [
        {"record": f"panel_{number}", "expr": query} for number, (_, query) in enumerate(queries)]}]}))
    return 1 if wrong or not queries else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
