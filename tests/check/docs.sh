#!/bin/bash
# The pages that are made from sources are those that `make docs` makes now.
. tests/check/lib/tap.sh

is_current() { # page, the command that makes it
    diff "$1" <("${@:2}")
}

# A source with one field more makes another page.
notices() {
    local copy
    copy=$(mktemp -d)
    cp -r proto scripts "$copy"
    sed -i 's/^  string cgroup_path = 1;/&\n  string another = 100;/' "$copy/proto/loadtap/v1/settings.proto"
    ! diff -q configs/fields.md <("$copy/scripts/config_fields.py") >/dev/null
    local result=$?
    rm -rf "$copy"
    return $result
}

check "configs/fields.md" is_current configs/fields.md scripts/config_fields.py
check "configs/metrics.md" is_current configs/metrics.md scripts/metrics_table.sh "$BUILD"
check "a field that the page lacks is noticed" notices
finish
