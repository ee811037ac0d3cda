/* Runs an iterator program (attached: a link) over all TCP sockets of the caller's network namespace. */
#pragma once

struct bpf_link;
struct bpf_program;

/* Once for each socket; returns when all were shown. 0 or -errno. */
int open_sockets_walk(const struct bpf_link *iterator);
/* The same with a program that is not attached. */
int open_sockets_walk_once(const struct bpf_program *iterator);
/* Whether the process may walk, without walking. 0 or -errno. */
int open_sockets_try(const struct bpf_link *iterator);
