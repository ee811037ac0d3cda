#!/bin/bash
# The systemd unit: systemd knows all of it, and how much it leaves open.
. tests/check/lib/tap.sh

unit=configs/systemd/loadtap.service
EXPOSURE_MAX=20 # tenths

analyze() {
    SYSTEMD_PAGER='' systemd-analyze "$@"
}

# Without the binary and the manual page in place, everything but them is complained about.
understood() { # unit
    local said
    said=$(analyze verify "$1" 2>&1 | grep -Ev "Command (/usr/sbin/loadtap is not executable|'man loadtap)")
    echo "$said"
    [ -z "$said" ]
}

# A directive that is misspelt would be ignored, with what it keeps shut.
notices() {
    local copy result
    copy=$(mktemp -d)
    sed 's/^ProtectHome=/ProtectHouse=/' "$unit" >"$copy/loadtap.service"
    ! understood "$copy/loadtap.service"
    result=$?
    rm -rf "$copy"
    return $result
}

check "systemd understands it" understood "$unit"
check "a slip in it is noticed" notices
check "its exposure is at most $EXPOSURE_MAX tenths" \
    analyze security --offline=true --threshold=$EXPOSURE_MAX "$unit"
finish
