#!/bin/bash
# clang-tidy with the checks of .clang-tidy.
# test: timeout=900
. tests/check/lib/tap.sh

tidy() {
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I FILE nice clang-tidy --quiet FILE -- \
        -std=gnu11 -D_GNU_SOURCE -Ibpf -Iuser -isystem "$BUILD/proto" -isystem "$BUILD/bpf" -isystem "$BUILD/pages" \
        2> >(grep -v 'warnings generated' >&2)
}

check "clang-tidy" tidy user/*/*.c
finish
