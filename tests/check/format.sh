#!/bin/bash
# What a text editor sees: clang-format's layout, short files, shallow nesting.
. tests/check/lib/tap.sh

mapfile -t sources < <(find bpf user tests -name '*.[ch]')

# A test has one file per module, however much there is to try.
short_enough() {
    wc -l bpf/*.[ch] user/*/*.[ch] | awk '$2 != "total" && $1 > 500 { print; found = 1 } END { exit found }'
}

# With four spaces a level, these keywords stand this deep only inside three others.
shallow() {
    ! grep -nE '^ {16,}(if|for|while|do|switch)\>' "${sources[@]}"
}

# clang-format does not wrap comments. A name that alone is longer stands.
narrow() {
    ! LC_ALL=C.UTF-8 grep -nP '^(?=.{111}) *\S+ ' "${sources[@]}"
}

check "clang-format" clang-format --dry-run -Werror "${sources[@]}"
check "no file of bpf/ or user/ is longer than 500 lines" short_enough
check "no line is longer than 110 columns" narrow
check "nothing is nested deeper than three levels" shallow
finish
