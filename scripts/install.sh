#!/bin/sh
# install.sh BUILD DESTDIR PREFIX: copies what was built, and what belongs to it, below DESTDIR/PREFIX.
set -eu
build=$1 prefix=$3
root=$2$3

put() { # mode, folder below the prefix, files, of which none may exist
    mode=$1 folder=$root/$2
    shift 2
    for file in "$@"; do
        [ ! -e "$file" ] || install -D -m "$mode" -t "$folder" "$file"
    done
}

put 755 sbin "$build/loadtap" "$build/loadtap-collector"
put 644 share/man/man8 configs/man/*.8
put 644 share/bash-completion/completions configs/completions/bash/*
put 644 share/zsh/site-functions configs/completions/zsh/*
put 644 share/fish/vendor_completions.d configs/completions/fish/*
put 644 share/doc/loadtap README.md LICENSE
put 644 share/doc/loadtap/examples configs/*.yaml configs/*.json configs/*.md
for folder in $(find configs/kubernetes configs/prometheus configs/grafana -type d); do
    put 644 "share/doc/loadtap/examples/${folder#configs/}" $(find "$folder" -maxdepth 1 -type f)
done

# Units name the binary by its whole path.
for unit in configs/systemd/*.service; do
    [ -e "$unit" ] || continue
    install -d "$root/lib/systemd/system"
    sed "s|/usr/sbin/|$prefix/sbin/|g" "$unit" >"$root/lib/systemd/system/${unit##*/}"
    chmod 644 "$root/lib/systemd/system/${unit##*/}"
done
