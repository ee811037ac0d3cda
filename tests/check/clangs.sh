#!/bin/bash
# Every clang on this machine builds the BPF objects (CLANGS names others): they load here, they are the
# same for x86-64 and arm64, and the early one has no atomics with a result, which Linux 5.10 refuses.
# test: timeout=300
. tests/check/lib/tap.sh
set -f
objects="loadtap loadtap_early"

clangs() {
    if [ -n "${CLANGS-}" ]; then
        printf '%s\n' $CLANGS
    else
        compgen -c clang- | grep -xE 'clang-[0-9]+' | sort -Vu
    fi
}

folder() {
    echo "$BUILD/clangs/$(basename "$1")-$2"
}

build() {
    local folder=$(folder "$1" "$2")

    env -u MAKEFLAGS -u MAKELEVEL nice make CLANG="$1" BPF_ARCH="$2" BUILD="$folder" \
        $(printf "$folder/bpf/%s.bpf.o " $objects)
}

same() {
    for object in $objects; do
        cmp "$(folder "$1" x86)/bpf/$object.bpf.o" "$(folder "$1" arm64)/bpf/$object.bpf.o" || return
    done
}

# Of the atomics' last word, 0 is a plain addition; objdump does not know all the others by name.
without_results() {
    ! llvm-objdump -d "$(folder "$1" x86)/bpf/loadtap_early.bpf.o" |
        awk '$1 ~ /^[0-9]+:$/ && ($2 == "c3" || $2 == "db") && $6 != "00"' | grep .
}

loads() {
    local said
    said=$(OBJECTS="$(folder "$1" x86)/bpf" "$BUILD/tests/bpf/test_verified") || return
    echo "$said"
    ! grep -q '^# refused' <<<"$said"
}

for clang in $(clangs); do
    name=$(basename "$clang")
    check "$name builds for x86-64" build "$clang" x86
    check "$name builds for arm64" build "$clang" arm64
    check "$name: the objects are the same for both" same "$clang"
    check "$name: the early object has no atomics with a result" without_results "$clang"
    if [ "$(id -u)" = 0 ] && [ -x "$BUILD/tests/bpf/test_verified" ]; then
        check "$name: the objects load" loads "$clang"
    fi
done
finish
