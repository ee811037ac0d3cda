#!/bin/bash
# The self-contained binaries need no library of the machine they run on.
. tests/check/lib/tap.sh

self_contained() {
    ! ldd "$1" && ! readelf --program-headers "$1" | grep INTERP
}

for program in loadtap loadtap-collector; do
    check "$program is self-contained" self_contained "$BUILD/static/$program"
    check "$program runs" "$BUILD/static/$program" --version
done
finish
