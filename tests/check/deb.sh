#!/bin/bash
# The Debian package of `make deb`: lintian, the version, the same bytes each time. tests/e2e/test_deb.py installs it.
. tests/check/lib/tap.sh

deb=$(echo "$BUILD"/loadtap_*.deb)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT

clean() {
    lintian --fail-on error,warning "$deb"
}

same_version() {
    [ "loadtap $(dpkg-deb -f "$deb" Version)" = "$("$BUILD/loadtap" --version)" ]
}

same_bytes() {
    scripts/deb.sh "$BUILD" "$copy/again.deb" && cmp "$copy/again.deb" "$deb"
}

# What a person types is `dpkg -i build/*.deb`.
only_one() {
    [ "$(echo "$BUILD"/*.deb)" = "$deb" ]
}

check "lintian" clean
check "nothing else ends in .deb" only_one
check "the version is the program's" same_version
check "built again it has the same bytes" same_bytes
finish
