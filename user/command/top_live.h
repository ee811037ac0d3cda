/* The live table, in the terminal, until one has seen enough. */
#pragma once

#include "command/admin_client.h"
#include "command/top_keys.h"

/* Begins with `state`. 0; -ENOTTY: there is no terminal; -errno. Afterwards the terminal is as it was,
 * whatever signal ended it. */
int top_live(const struct admin_target *target, unsigned interval_ms,
             const struct top_state *state);
