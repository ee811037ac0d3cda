#!/bin/sh
# setup.sh build|test|demo|kernels|arm64|packages: finds what that step lacks on this machine. As root with apt it is
# installed, one line each; anywhere else the packages are named and the script fails.
set -eu

# step, Debian package, how it is recognised: a command, a header (with a slash or .h), or a path
needs() {
    cat <<'TABLE'
build gcc gcc
build libc6-dev stdio.h
build linux-libc-dev linux/bpf.h
build clang clang
build llvm llvm-strip
build bpftool bpftool
build libbpf-dev bpf/libbpf.h
build libelf-dev libelf.h
build zlib1g-dev zlib.h
build libnghttp2-dev nghttp2/nghttp2.h
build protobuf-c-compiler protoc-c
build libprotobuf-c-dev protobuf-c/protobuf-c.h
build libyaml-dev yaml.h
build libevent-dev event2/event.h
build libssl-dev openssl/ssl.h
build libc-ares-dev ares.h
build libjansson-dev jansson.h
build uthash-dev uthash.h
build libcap-ng-dev cap-ng.h
build libseccomp-dev seccomp.h
test libcmocka-dev cmocka.h
test openssl openssl
test clang-format clang-format
test clang-tidy clang-tidy
test libclang-rt-dev libclang_rt.fuzzer
test nginx-light nginx
test haproxy haproxy
test nftables nft
test iproute2 ip
test mount mount
test python3 python3
test python3-venv /usr/share/doc/python3-venv
test python3-grpcio /usr/lib/python3/dist-packages/grpc
test wrk wrk
test nghttp2-client nghttp
test nghttp2-server nghttpd
test lighttpd lighttpd
test python3-h2 /usr/lib/python3/dist-packages/h2
test libprotocol-http2-perl /usr/share/perl5/Protocol/HTTP2.pm
test curl curl
test systemd systemd-analyze
test util-linux setpriv
test prometheus promtool
test default-jdk-headless javac
test libgrpc-java /usr/share/java/grpc-netty.jar
test libguava-java /usr/share/java/guava.jar
test libnetty-java /usr/share/java/netty-all.jar
test libperfmark-java /usr/share/java/perfmark-api.jar
test chromium chromium
test mandoc mandoc
test zsh zsh
test fish fish
test golang-go go
test golang-golang-x-net-dev /usr/share/gocode/src/golang.org/x/net/http2
test golang-google-grpc-dev /usr/share/gocode/src/google.golang.org/grpc
demo nginx-light nginx
demo iproute2 ip
demo mount mount
demo python3 python3
demo python3-grpcio /usr/lib/python3/dist-packages/grpc
kernels qemu-system-x86 qemu-system-x86_64
kernels busybox-static busybox
kernels kmod modprobe
kernels python3 python3
test lintian lintian
packages dpkg-dev dpkg-shlibdeps
arm64 gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc
arm64 libc6-dev-arm64-cross /usr/aarch64-linux-gnu/include/stdio.h
arm64 qemu-user-static qemu-aarch64-static
TABLE
}

include_dirs="/usr/include /usr/include/$(uname -m)-linux-gnu /usr/local/include"

present() {
    case $1 in
    libclang_rt.fuzzer) [ -e "$(clang -print-file-name=libclang_rt.fuzzer-"$(uname -m)".a)" ] ;;
    /*) [ -e "$1" ] ;;
    *.h) for dir in $include_dirs; do [ -e "$dir/$1" ] && return; done; return 1 ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# The compiler's run-time library is packaged by version.
package_name() {
    case $1 in
    libclang-rt-dev) echo "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev" ;;
    *) echo "$1" ;;
    esac
}

# Quiet; what it said is in $log.
apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null
}

install() {
    apt install --no-install-recommends "$@" ||
        { apt update && apt install --no-install-recommends "$@"; } || { cat "$log"; return 1; }
}

PATH=$PATH:/usr/sbin:/sbin
step=$1
missing=$(needs | while read -r of package sign; do
    [ "$of" != "$step" ] || present "$sign" || package_name "$package"
done)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: to $step, these Debian packages (or their like) are needed:" $missing >&2
    exit 1
fi

# Two makes may want to install at once.
exec 9<"$0"
flock 9
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
[ ! -e $policy ] || policy=
trap 'rm -f "$log" $policy' EXIT

# No package may start a service, now or at the next boot.
if [ -n "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
fi
for package in $missing; do
    echo "setup: installing $package"
done
install $missing
for package in $missing; do
    case $package in
    nginx-light) update-rc.d nginx disable ;;
    haproxy) update-rc.d haproxy disable ;;
    lighttpd) update-rc.d lighttpd disable ;;
    prometheus) update-rc.d prometheus disable ;;
    esac >"$log" 2>&1
done
