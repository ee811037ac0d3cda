#!/bin/bash
# check_includes.sh [root]: which folder may include which, and where each library may be used.
# Prints each include that breaks a rule below, and fails.
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

# A folder of user/ and what else it may include: folders of user/, `abi.h` and `skeleton` of the
# kernel side; `pb-c` and `unread_fields.inc` are made from proto/.
declare -A allowed=(
    [base]=""
    [grpc]="base"
    [message]="base pb-c unread_fields.inc"
    [config]="base message abi.h pb-c"
    [upstream]="base config abi.h"
    [kernel]="base config abi.h peers_abi.h skeleton"
    [report]="base grpc config upstream abi.h pb-c"
    [stream]="base config grpc"
    [http]="base live_html.inc"
    [admin]="base message http config upstream report stream abi.h pb-c"
    [privilege]="base"
    [doctor]="base config upstream kernel report stream privilege pb-c"
    [command]="base message config kernel doctor"
    [daemon]="base http config upstream kernel report grpc stream admin privilege command abi.h"
    [collector]="base grpc message http pb-c"
)

# A library's headers, and the files that may include them.
libraries=(
    "yaml.h        user/message/yaml_tree.c"
    "nghttp2/*     user/stream/lrs_stream.c user/stream/lrs_call.[ch] user/collector/http2.c"
    "ares*.h       user/upstream/@(resolver|ares_loop).c"
    "event2/*      user/upstream/@(resolver|ares_loop).c user/stream/@(dial|connector|tls|transport|patience|keepalive).c user/http/@(server|clients|listen|listeners).c user/doctor/@(names|handshake).c user/daemon/*.c user/collector/*.c"
    "openssl/*     user/stream/tls*.[ch] user/collector/tls.c"
    "bpf/*         user/kernel/*.c bpf/*.bpf.c bpf/*.bpf.h"
    "cap-ng.h      user/privilege/capabilities.c"
    "seccomp.h     user/privilege/filter.c"
    "jansson.h     user/message/message_json.[ch] user/http/live.[ch] user/admin/*.[ch] user/command/*.[ch] user/collector/@(output|live_event).[ch] user/doctor/findings_json.c"
    "protobuf-c/*  user/message/* user/config/* user/report/* user/admin/* user/doctor/handshake.c user/collector/*"
)

# What a quoted include is, in the words of the table.
kind() {
    case $1 in
    *.pb-c.h) echo pb-c ;;
    *.skel.h) echo skeleton ;;
    */*) echo "${1%%/*}" ;;
    *) echo "$1" ;;
    esac
}

user_may() { # folder, included
    local what
    what=$(kind "$2")
    [ "$what" = "$1" ] || [[ " ${allowed[$1]-} " == *" $what "* ]]
}

# bpf/ includes only its own files; the parsers build natively too, so none of the kernel's helpers.
bpf_may() { # included
    [ -e "bpf/$1" ]
}

library_may() { # file, included
    local row pattern users user
    for row in "${libraries[@]}"; do
        read -r pattern users <<<"$row"
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $2 == $pattern ]] || continue
        for user in $users; do
            [[ $1 == $user ]] && return 0
        done
        return 1
    done
}

permitted() { # file, include as written
    local name=${2:1:-1} folder
    case $2 in
    "<"*) library_may "$1" "$name" ;;
    *) case $1 in
        bpf/*) bpf_may "$name" ;;
        *) folder=${1#user/} && user_may "${folder%%/*}" "$name" ;;
        esac ;;
    esac
}

status=0
while IFS=: read -r file line text; do
    [[ $text =~ (\"[^\"]+\"|\<[^\>]+\>) ]] || continue
    permitted "$file" "${BASH_REMATCH[1]}" && continue
    echo "$file:$line: must not include ${BASH_REMATCH[1]}"
    status=1
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include' user bpf --include='*.[ch]')
exit $status
