#!/bin/bash
# Every file of configs/ is one that loadtap takes.
. tests/check/lib/tap.sh

accepted() {
    [ "$("$BUILD/loadtap" --mode validate -c "$1")" = "configuration '$1' OK" ]
}

for file in configs/*.{yaml,yml,json}; do
    [ ! -e "$file" ] || check "$file" accepted "$file"
done
finish
