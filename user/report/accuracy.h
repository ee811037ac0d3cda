/* Where counting was not exact, in words: each kind of trouble is told once for each host, when it
 * is first seen. Pure. The numbers themselves stay in the kernel's counters. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "upstream/hosts.h"

struct accuracy;

/* Borrows hosts, which may grow. NULL: out of memory. */
struct accuracy *accuracy_new(const struct hosts *hosts);
void accuracy_free(struct accuracy *accuracy); /* NULL is fine */

struct accuracy_ops {
    void (*read)(void *arg, uint32_t slot, struct counters *out);
    /* `what` is a sentence without its subject: "carries connections that cannot be read …". */
    void (*tell)(void *arg, const struct host *host, const char *what);
    void *arg;
};

/* Looks at every host. 0, -ENOMEM: new hosts could not be taken in, and are looked at next time. */
int accuracy_check(struct accuracy *accuracy, const struct accuracy_ops *ops);
