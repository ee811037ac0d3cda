/* Runs an iterator program (attached: a link) over all TCP sockets of the caller's network namespace. */
#pragma once

struct bpf_link;

/* Once for each socket; returns when all were shown. 0 or -errno. */
int open_sockets_walk(const struct bpf_link *iterator);
/* Whether the process may walk, without walking. 0 or -errno. */
int open_sockets_try(const struct bpf_link *iterator);
