/* Runs an iterator program over all TCP sockets of the caller's network namespace. */
#pragma once

struct bpf_program;

/* Once for each socket; returns when all were shown. 0 or -errno. */
int open_sockets_walk(const struct bpf_program *iterator);
