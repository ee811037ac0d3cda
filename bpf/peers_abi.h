/* The contract between loadtap_peers.bpf.c and its reader: who was dialled, by whom, how often.
 * Both sides include it after abi.h. */
#pragma once

#define PROCESS_NAME_SIZE 16 /* the kernel's, with its NUL */

struct peer_key {
    struct endpoint_key address;
    __u32 elsewhere;                 /* 1: a loopback address, of another network namespace */
    char process[PROCESS_NAME_SIZE]; /* empty: unknown; the group leader's, of several threads */
};

/* Connections. Of those that began before they were watched, or said nothing yet, only `all` tells. */
struct peer_value {
    __u64 all;
    __u64 open;    /* began before they were watched */
    __u64 http;    /* the first bytes can be those of an HTTP request, or of HTTP/2 */
    __u64 tls;     /* ... are those of TLS */
    __u64 session; /* ... cannot be HTTP, or the server was the first to speak */
};

_Static_assert(sizeof(struct peer_key) == 40, "peer_key has no padding");
