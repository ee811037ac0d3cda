/* Endpoints of the configuration that could not be observed yet. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "config/cluster_changes.h"

struct missing { /* all zero: none */
    struct endpoint_change *items;
    size_t count;
};

void missing_clear(struct missing *missing);
/* 0, -ENOMEM: it is not kept. */
int missing_add(struct missing *missing, const struct endpoint_change *endpoint);
/* Takes one such out. False: there is none. */
bool missing_take(struct missing *missing, const struct endpoint_change *endpoint);
