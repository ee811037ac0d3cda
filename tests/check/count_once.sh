#!/bin/bash
# scripts/count_once.py: what a later report covers again is counted once, from any number of files.
. tests/check/lib/tap.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# line RUN STREAM MESSAGE RESENT(STREAM.REPORT or -) CLUSTER ISSUED [part]
line() {
    local resent='' interval=', "load_report_interval": "1s"'
    [ "$4" = - ] || resent=", \"resent\": {\"stream\": ${4%.*}, \"report\": ${4#*.}}"
    [ "${7-}" != part ] || interval=''
    echo "{\"message\": $3, \"origin\": {\"run\": \"$1\", \"stream\": $2$resent}, \"request\": {\"node\":" \
        "{\"id\": \"n\"}, \"cluster_stats\": [{\"cluster_name\": \"$5\"$interval," \
        "\"upstream_locality_stats\": [{\"total_issued_requests\": \"$6\"}]}]}}"
}

issued() { # cluster
    scripts/count_once.py "$scratch"/* 2>/dev/null | grep "\"cluster\": \"$1\"" | grep -o '"issued": [0-9]*'
}

is() { # cluster, number
    [ "$(issued "$1")" = "\"issued\": $2" ] || { scripts/count_once.py "$scratch"/*; false; }
}

has() { # part of a line
    scripts/count_once.py "$scratch"/* 2>/dev/null | grep -qF "$1"
}

says() { # all of stderr
    [ "$(scripts/count_once.py "$scratch"/* 2>&1 >/dev/null)" = "$1" ]
}

{
    line a 1 2 - c 1            # confirmed
    line a 1 3 - c 2            # covered again by 2.1
    line a 1 4 - gone 4         # the cluster is not in 2.1
    line b 1 3 - c 8            # another run
    line a 3 2 2.1 parts 16     # behind its first report
    line a 1 3 - parts 32       # covered again by 3.1 alone, in two parts
    line a 1 3 - half 64        # of 2.1 only a part came
    line a 2 1 1.3 half 1 part
} >"$scratch/one"
{
    line a 3 1 1.3 parts 100 part
    line a 3 1 1.3 parts 200
    line a 2 1 1.3 c 512
    echo '{"message": 1, "request": {"cluster_stats": [{"cluster_name": "plain",' \
        '"upstream_locality_stats": [{"total_issued_requests": "3"}]}]}}'
    for node in '"id": "n", "cluster": ""' '"id": "o", "cluster": "k"'; do
        echo "{\"message\": 2, \"node\": {$node}, \"request\": {\"cluster_stats\":" \
            '[{"cluster_name": "kept", "upstream_locality_stats": [{"total_issued_requests": "5"}]}]}}'
    done
    echo '{"sums": {"cluster": "c", "issued": 1000}}'
    printf '{"message": 5, "request": {"node": {"id": "\303'
    echo
    line a 4 1 - behind 7
    echo '{"message": 5, "origin": {"run": "a", "str'
} >"$scratch/two"

check "covered again in another file, and another run" is c 521
check "not where the later report lacks the cluster" is gone 4
check "a report in parts" is parts 316
check "only by a whole report" is half 65
check "other clients, sums, a line cut short" is plain 3
check "a line behind one that was cut short, inside a character" is behind 7
check "the node that the collector kept" has \
    '{"id": "o", "cluster": "k"}, "cluster": "kept", "dropped": 0, "issued": 5'
check "those that were cut short are told" says "$scratch/two: lines that are not whole, left out: 2"
finish
