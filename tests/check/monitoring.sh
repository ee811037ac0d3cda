#!/bin/bash
# The alert rules fire where they should, and rules and dashboard ask only for metrics that there are.
. tests/check/lib/tap.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

queries() { # rules, dashboard
    scripts/monitoring_queries.py "$1" "$2" configs/metrics.md >"$scratch/queries.yaml" &&
        promtool check rules "$scratch/queries.yaml"
}

refused() { # edit of the dashboard
    sed "$1" configs/grafana/loadtap.json >"$scratch/edited.json"
    ! cmp -s configs/grafana/loadtap.json "$scratch/edited.json" &&
        ! queries configs/prometheus/alerts.yaml "$scratch/edited.json"
}

# A rule with another threshold does not pass its own test.
rules_bite() {
    cp configs/prometheus/*.yaml "$scratch"
    sed -i "$1" "$scratch/alerts.yaml"
    ! cmp -s configs/prometheus/alerts.yaml "$scratch/alerts.yaml" &&
        ! promtool test rules "$scratch/alerts_test.yaml"
}

check "the rules are valid" promtool check rules configs/prometheus/alerts.yaml
check "each fires where it should, and not before" promtool test rules configs/prometheus/alerts_test.yaml
check "rules and dashboard ask for metrics that there are" \
    queries configs/prometheus/alerts.yaml configs/grafana/loadtap.json
check "a metric that is not there is noticed" refused 's/loadtap_lrs_connected/loadtap_lrs_conected/'
check "a query that is none is noticed" refused 's/"expr": "max(/"expr": "max((/'
check "a rule that never fires is noticed" rules_bite 's/ > 0.9/ > 9/'
check "a rule that fires too early is noticed" rules_bite 's/for: 2m/for: 1s/'
finish
