# TAP for the checks: `check NAME COMMAND...` is one test, `finish` prints the plan.
count=0

check() {
    local name=$1
    shift
    count=$((count + 1))
    if "$@" >&2; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
    fi
}

finish() {
    echo "1..$count"
}
