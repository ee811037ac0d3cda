#!/bin/bash
# What a text editor sees: clang-format's layout, and files short enough to read.
. tests/check/lib/tap.sh

mapfile -t sources < <(find bpf user tests -name '*.[ch]')

short_enough() {
    wc -l "${sources[@]}" | awk '$2 != "total" && $1 > 500 { print; found = 1 } END { exit found }'
}

check "clang-format" clang-format --dry-run -Werror "${sources[@]}"
check "no source is longer than 500 lines" short_enough
finish
