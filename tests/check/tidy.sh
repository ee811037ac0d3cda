#!/bin/bash
# clang-tidy with the checks of .clang-tidy, one test per folder.
# test: timeout=900
. tests/check/lib/tap.sh

tidy() {
    printf '%s\n' "$@" | xargs -P "$(nproc)" -n 2 sh -c \
        'clang-tidy --quiet "$@" -- -std=gnu11 -D_GNU_SOURCE -Ibpf -Iuser -I"$BUILD/proto" -I"$BUILD/bpf"' sh
}

for folder in user/*/; do
    check "$folder" tidy "$folder"*.c
done
finish
