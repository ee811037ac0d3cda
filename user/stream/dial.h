/* Opens a TCP connection to the first of several addresses that accepts it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"

struct event_base;
struct dial;

struct dial_options {
    struct event_base *base;
    const struct address *addresses;
    size_t address_count;
    uint64_t timeout_us; /* for each address */
    /* Called for each new socket before it connects; 0, or -errno to refuse it. May be NULL. */
    int (*prepare)(void *arg, int fd);
    void *prepare_arg;
    /* Called once, or again after dial_go_on(), from the event loop: either with a connected,
     * non-blocking socket, which is now the callee's, or with -1 and why the last address failed
     * ("cannot connect to 127.0.0.1:80: Connection refused"), a text that lives as long as the dial. It
     * may free the dial. */
    void (*done)(void *arg, int fd, const char *error);
    void *arg;
};

/* Copies the addresses; connects from the event loop, not at once. 0; -EINVAL: no address; -ENOMEM.
 */
int dial_start(const struct dial_options *options, struct dial **out);
/* The address that was tried last; NULL: none was. */
const struct address *dial_address(const struct dial *dial);
/* The socket that `done` gave is no good (and closed): goes on, and calls `done` again. False: there are
 * no more addresses. */
bool dial_go_on(struct dial *dial);
/* Closes the socket that is still connecting; `done` is not called any more. */
void dial_free(struct dial *dial);
