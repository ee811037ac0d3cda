#!/bin/bash
# The image of `make image`: tests/check/lib/image.py.
# test: timeout=400
PYTHONPATH=tests/e2e exec python3 tests/check/lib/image.py "$BUILD"/loadtap-*.oci.tar
