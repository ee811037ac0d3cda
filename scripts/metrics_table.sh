#!/bin/sh
# metrics_table.sh BUILD: prints configs/metrics.md, the table of all metrics, from the tables in the sources.
set -eu

cat <<'TEXT'
# Metrics

Made from the sources by `make docs`. A page has a series for each endpoint, or for each set of labels, and counters
never fall while the program lives. `overflow="true"` alone is the label of what is beyond the bound on sets.

## loadtap: `/metrics` of the admin interface

TEXT
"$1/metrics_table"
cat <<'TEXT'

## loadtap-collector: `/metrics`

TEXT
"$1/collector_metrics_table"
