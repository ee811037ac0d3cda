#!/bin/sh
# setup_arm64.sh DIR: what a build for arm64 links, as Debian has it, unpacked in DIR/usr. This machine's own
# packages are left alone: apt works in a folder of its own. Fails with the reason in its last line.
set -eu
packages=$(sed -n 's/^build \([^ ]*-dev\) .*/\1/p' "$(dirname "$0")/setup.sh" | grep -vx 'libc6-dev\|linux-libc-dev')

mkdir -p "$1/apt/lists/partial" "$1/apt/archives/partial"
dir=$(cd "$1" && pwd)
wanted=$(echo $packages)
[ "$(cat "$dir/complete" 2>/dev/null)" != "$wanted" ] || exit 0

apt() {
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::Lists="$dir/apt/lists" \
        -o Dir::State::Status="$dir/apt/status" -o Dir::Cache="$dir/apt" -o Acquire::Languages=none \
        -o APT::Sandbox::User=root "$@"
}

touch "$dir/apt/status"
apt update || true # a source without arm64 fails
cd "$dir/apt/archives"
for package in $packages; do
    apt download "$package" >/dev/null || {
        echo "$package for arm64 cannot be downloaded"
        exit 1
    }
done
for file in *.deb; do
    dpkg -x "$file" "$dir"
done
rm -rf "$dir/apt"
echo "$wanted" >"$dir/complete"
