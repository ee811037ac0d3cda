#!/bin/bash
# The manual and the shell completions say what --help of the binaries says.
. tests/check/lib/tap.sh

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r configs/man configs/completions "$copy"

manual_fits() { # folder
    scripts/command_line.py "$BUILD" manual "$1"
}

# A flag that is missing, one that is too much, and one whose value has another name are each noticed.
notices() { # edit of configs/man/loadtap.8
    sed "$1" configs/man/loadtap.8 >"$copy/man/loadtap.8"
    ! manual_fits "$copy/man"
}

are_current() {
    scripts/command_line.py "$BUILD" completions "$copy/made" && diff -r configs/completions "$copy/made"
}

# What bash offers behind these words.
offered() { # completion, words: the last one is being typed
    bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _loadtap; echo "${COMPREPLY[*]}"' \
        bash configs/completions/bash/loadtap "$@"
}

offers() { # expected, words
    local got
    got=$(offered "${@:2}")
    [ "$got" = "$1" ] || { echo "$got"; false; }
}

fish_offers() { # expected, line
    fish --no-config -c "source configs/completions/fish/loadtap.fish; complete -C '$2'" | cut -f 1 | grep -qx -- "$1"
}

check "the manual has every flag, and no other" manual_fits configs/man
check "a flag that the manual lacks is noticed" notices '/^.It Fl -config-yaml/d'
check "one that there is not is noticed" notices 's/^.It Fl -config-yaml/&s/'
check "a value of another name is noticed" notices 's/^\(.It Fl -config-yaml Ar\) TEXT/\1 YAML/'
check "the manual is well-formed" mandoc -T lint -W warning configs/man/*.8
check "the completions are made of what --help says" are_current
check "bash: flags" offers "--mode" loadtap --mo
check "bash: values" offers "validate" loadtap --mode v
check "bash: values behind =" offers "validate" loadtap --mode = v
check "bash: commands" offers "init" loadtap ini
check "bash: a command's flags" offers "--seconds" loadtap init --sec
check "bash: not the daemon's there" offers "" loadtap init --mode
check "bash: files" offers "configs/minimal.yaml" loadtap -c configs/mini
check "zsh" zsh -n configs/completions/zsh/_loadtap configs/completions/zsh/_loadtap-collector
check "fish: flags" fish_offers "--seconds" "loadtap init --sec"
check "fish: commands" fish_offers "init" "loadtap in"
finish
