#!/bin/bash
# What `make install` puts where, and nothing beside it.
. tests/check/lib/tap.sh

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
prefix=/opt/lt
installed=$root$prefix

# By the script itself: make would build first.
install_all() {
    (umask 077 && scripts/install.sh "$BUILD" "$root" $prefix) && [ "$(ls "$root")" = opt ]
}

runs() {
    [ "$("$installed/sbin/$1" --version)" = "$("$BUILD/$1" --version)" ]
}

# Every configuration, unchanged.
examples() {
    local file
    for file in configs/*.{yaml,json,md} $(find configs/kubernetes -type f); do
        cmp "$file" "$installed/share/doc/loadtap/examples/${file#configs/}" || return
    done
}

# Of a folder that the tree has, each file is there, and of one that it has not, none.
mirrored() { # folder below the prefix, files of the tree
    local folder=$installed/$1 file
    shift
    for file in "$@"; do
        [ ! -e "$file" ] || [ -s "$folder/${file##*/}" ] || return
    done
}

units_name_the_binary() {
    ! grep -r '/usr/sbin' "$installed/lib" 2>/dev/null
}

everyone_reads() {
    [ -z "$(find "$installed" -type f ! -perm -444)" ] && [ -z "$(find "$installed/sbin" -type f ! -perm -555)" ]
}

check "it installs below DESTDIR only" install_all
check "loadtap runs" runs loadtap
check "loadtap-collector runs" runs loadtap-collector
check "examples" examples
check "manual pages" mirrored share/man/man8 configs/man/*.8
check "units" mirrored lib/systemd/system configs/systemd/*.service
check "units name the installed binary" units_name_the_binary
check "documentation" mirrored share/doc/loadtap README.md LICENSE
check "whatever the umask, everyone may read it" everyone_reads
finish
