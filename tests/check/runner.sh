#!/bin/bash
# tests/run must see every way in which a test program can fail.
. tests/check/lib/tap.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Runs a script of these lines; its closing line and exit status must be as given.
closes() { # closing line, exit status, script
    local output status
    printf '#!/bin/bash\n%s\n' "$3" >"$folder/program"
    chmod +x "$folder/program"
    output=$(BUILD="$folder" tests/run "$folder/program")
    status=$?
    echo "$output"
    [ "$(tail -n 1 <<<"$output")" = "$1" ] && [ $status = "$2" ]
}

check "passes" closes "2 passed, 0 failed, 0 skipped" 0 'echo 1..2; echo ok 1 - a; echo ok 2 - b'
check "plan at the end" closes "1 passed, 0 failed, 0 skipped" 0 'echo ok 1; echo 1..1'
check "two plans, as of two groups" closes "2 passed, 0 failed, 0 skipped" 0 \
    'echo 1..1; echo ok 1 - a; echo 1..1; echo ok 1 - b'
check "not ok" closes "1 passed, 1 failed, 0 skipped" 1 \
    'echo 1..2; echo ok 1; echo not ok 2 - b; exit 1'
check "not ok with exit status 0" closes "0 passed, 1 failed, 0 skipped" 1 'echo 1..1; echo not ok 1'
check "exit status without not ok" closes "1 passed, 1 failed, 0 skipped" 1 \
    'echo 1..1; echo ok 1; exit 23'
check "crash" closes "1 passed, 1 failed, 0 skipped" 1 'echo 1..2; echo ok 1; kill -SEGV $$'
check "fewer than planned" closes "1 passed, 1 failed, 0 skipped" 1 'echo 1..2; echo ok 1'
check "more than planned" closes "2 passed, 1 failed, 0 skipped" 1 'echo 1..1; echo ok 1; echo ok 2'
check "no plan" closes "1 passed, 1 failed, 0 skipped" 1 'echo ok 1'
check "silence" closes "0 passed, 1 failed, 0 skipped" 1 true
check "not ending" closes "1 passed, 1 failed, 0 skipped" 1 \
    $'# test: timeout=1\necho 1..1; echo ok 1; sleep 100'
check "a skip" closes "0 passed, 0 failed, 1 skipped" 1 'echo "1..1"; echo "ok 1 - a # SKIP no"'
check "all skipped" closes "0 passed, 0 failed, 1 skipped" 1 'echo "1..0 # SKIP no"'
check "a skip in cmocka's words" closes "0 passed, 0 failed, 1 skipped" 1 \
    'echo 1..1; echo "not ok 1 # SKIP a"'
check "a name with ok in it" closes "1 passed, 0 failed, 0 skipped" 0 \
    'echo 1..1; echo ok 1 - not ok; echo okay; echo "# ok"'
check "no program" bash -c '! tests/run'
finish
