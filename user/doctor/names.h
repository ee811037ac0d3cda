/* The addresses of the configuration's endpoints, names looked up as the daemon does. */
#pragma once

#include "base/address.h"
#include "config/bootstrap.h"
#include "doctor/findings.h"

#define NAMES_NO_CLUSTER UINT32_MAX /* the management server, where it is none */

struct named_address {
    uint32_t cluster; /* index */
    struct address address;
};

struct named_addresses { /* all zero: none */
    struct named_address *items;
    size_t count;
};

/* A finding for each name that has no address; those of the others, and of the literals, are added to
 * `out`, in the order of the configuration. 0; -ENOMEM. */
int names_check(struct findings *findings, const struct bootstrap *bootstrap,
                struct named_addresses *out);
void named_addresses_clear(struct named_addresses *addresses);
