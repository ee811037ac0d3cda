#!/bin/sh
# deb.sh BUILD OUT: a Debian package of what `make install` installs. The same binaries make the same bytes.
set -eu
build=$1 out=$2
here=$(dirname "$0")/debian
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
doc=$root/usr/share/doc/loadtap
umask 022

"$here/../install.sh" "$build" "$root" /usr
mkdir -p "$root/lib" "$root/DEBIAN" "$root/scratch/debian"
mv "$root/usr/lib/systemd" "$root/lib/systemd"
rmdir "$root/usr/lib"
mkdir "$root/usr/share/zsh/vendor-completions"
mv "$root"/usr/share/zsh/site-functions/* "$root/usr/share/zsh/vendor-completions"
rmdir "$root/usr/share/zsh/site-functions"
strip --remove-section=.comment --remove-section=.note "$root"/usr/sbin/*
install -D -m 644 configs/minimal.yaml "$root/etc/loadtap/loadtap.yaml"

# The text of a field is indented, and an empty line a dot.
sed '1,2d; s/^$/./; s/^/ /' LICENSE >"$root/scratch/license"
sed -e "/@LICENSE@/{r $root/scratch/license" -e 'd}' "$here/copyright" >"$doc/copyright"
rm "$doc/LICENSE"
install -m 644 "$here/README.Debian" "$doc"
gzip -9n <"$here/changelog" >"$doc/changelog.gz"
gzip -9n "$root"/usr/share/man/man8/*.8

size=$(du -sk --apparent-size "$root/usr" "$root/lib" "$root/etc" | awk '{ sum += $1 } END { print sum }')
touch "$root/scratch/debian/control"
depends=$(cd "$root/scratch" && dpkg-shlibdeps -O -e"$root/usr/sbin/loadtap" -e"$root/usr/sbin/loadtap-collector" |
    sed -n 's/^shlibs:Depends=//p')
version=$(dpkg-parsechangelog -l "$here/changelog" -S Version)
rm -r "$root/scratch"
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$(dpkg --print-architecture)/; s/@SIZE@/$size/; s/@DEPENDS@/$depends/" \
    "$here/control" >"$root/DEBIAN/control"
install -m 644 "$here/conffiles" "$root/DEBIAN"
install -m 755 "$here/postinst" "$here/prerm" "$here/postrm" "$root/DEBIAN"
(cd "$root" && find usr lib -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums)

SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -l "$here/changelog" -S Timestamp)
export SOURCE_DATE_EPOCH
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --build "$root" "$out"
