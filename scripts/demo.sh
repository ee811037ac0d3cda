#!/bin/sh
# `make demo`: nginx, its upstreams, loadtap and a collector, live. KEEP=1 stays until Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
# It leaves nothing behind, compiled modules neither. The test library starts the programs.
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/e2e
exec python3 scripts/demo/main.py
