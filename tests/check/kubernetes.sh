#!/bin/bash
# configs/kubernetes, rendered and checked: tests/check/lib/kubernetes.py.
# test: timeout=300
python=$BUILD/kubernetes/python/bin/python3

if [ ! -e "$BUILD/kubernetes/complete" ]; then
    echo "1..0 # SKIP no helm, kustomize or schemas: $(tail -n 1 "$BUILD/kubernetes.log" 2>/dev/null)"
    exit
fi
PYTHONPATH=tests/e2e exec "$python" tests/check/lib/kubernetes.py
