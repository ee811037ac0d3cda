#!/bin/bash
# Every file of configs/ is one that loadtap takes; the collector's is tests/e2e/test_collector_settings.py's.
. tests/check/lib/tap.sh

accepted() {
    [ "$("$BUILD/loadtap" --mode validate -c "$1")" = "configuration '$1' OK" ]
}

for file in configs/*.{yaml,yml,json}; do
    [ "$file" = configs/collector.yaml ] && continue
    [ ! -e "$file" ] || check "$file" accepted "$file"
done
finish
