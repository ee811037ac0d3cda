#!/bin/bash
# Include directions of the tree, and that the checker refuses what breaks them.
. tests/check/lib/tap.sh

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# A tree of one file with one include, below the real headers' names.
verdict() { # file, include
    rm -rf "${tree:?}"/*
    mkdir -p "$tree/bpf" "$tree/user" "$tree/$(dirname "$1")"
    touch "$tree"/bpf/{abi.h,http1.h,maps.bpf.h}
    echo "#include $2" >"$tree/$1"
    scripts/check_includes.sh "$tree"
}

refused() {
    ! verdict "$@"
}

check "the tree" scripts/check_includes.sh
while read -r word file include; do
    check "$word: $file $include" "$word" "$file" "$include"
done <<'TABLE'
verdict user/config/clusters.c "message/tree.h"
verdict user/config/clusters.c "base/mem.h"
verdict user/config/clusters.c "envoy/type/v3/semantic_version.pb-c.h"
verdict user/message/yaml_tree.c <yaml.h>
verdict user/kernel/tap.c "loadtap.skel.h"
verdict user/kernel/tap.c <bpf/libbpf.h>
verdict user/daemon/main.c "stream/transport.h"
verdict user/daemon/main.c "privilege/privilege.h"
verdict user/privilege/capabilities.c <cap-ng.h>
verdict user/privilege/filter.c <seccomp.h>
verdict user/command/command.c "base/mem.h"
verdict user/daemon/main.c "command/command.h"
verdict user/collector/settings.c "message/message_fill.h"
verdict user/collector/collector.c "http/server.h"
verdict user/http/server.c <event2/http.h>
verdict user/admin/pages.c "report/reporter.h"
verdict user/admin/pages.c <jansson.h>
verdict user/daemon/admin.c "admin/pages.h"
verdict bpf/loadtap.bpf.c "http1.h"
verdict bpf/loadtap.bpf.c <bpf/bpf_helpers.h>
verdict bpf/http1.h <stdint.h>
refused user/base/log.c "message/tree.h"
refused user/message/message_fill.c "config/clusters.h"
refused user/config/clusters.c "upstream/hosts.h"
refused user/config/clusters.c <yaml.h>
refused user/upstream/hosts.c "report/window.h"
refused user/report/report.c "kernel/tap.h"
refused user/report/report.c "http1.h"
refused user/report/report.c "loadtap.skel.h"
refused user/stream/lrs_stream.c "report/report.h"
refused user/stream/lrs_stream.c <event2/event.h>
refused user/stream/transport.c <nghttp2/nghttp2.h>
refused user/privilege/privilege.c "config/bootstrap.h"
refused user/privilege/privilege.c <cap-ng.h>
refused user/daemon/loop.c <seccomp.h>
refused user/http/server.c "admin/pages.h"
refused user/http/request.c <event2/http.h>
refused user/admin/pages.c "kernel/tap.h"
refused user/admin/pages.c <event2/event.h>
refused user/stream/transport.c "admin/pages.h"
verdict user/doctor/names.c "upstream/resolver.h"
verdict user/doctor/findings_json.c <jansson.h>
verdict user/command/doctor.c "doctor/doctor.h"
refused user/doctor/doctor.c "daemon/daemon.h"
refused user/doctor/doctor.c "command/command.h"
refused user/doctor/doctor.c <jansson.h>
refused user/command/command.c "daemon/options.h"
refused user/stream/lrs_stream.c "command/command.h"
refused user/stream/outbox.c <nghttp2/nghttp2.h>
refused user/stream/lrs_stream.h <nghttp2/nghttp2.h>
refused user/stream/outbox.c <event2/event.h>
refused user/command/command.c "daemon/options.h"
refused user/stream/lrs_stream.c "command/command.h"
refused user/daemon/loop.c "collector/server.h"
refused user/daemon/loop.c <bpf/libbpf.h>
refused user/collector/main.c "report/response.h"
refused user/collector/sums.c <jansson.h>
refused bpf/loadtap.bpf.c "base/mem.h"
refused bpf/http1.h <bpf/bpf_helpers.h>
refused bpf/http1.h "base/address.h"
TABLE
finish
