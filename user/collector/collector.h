/* The collector's parts, put together; the event loop and its signals. [libevent] */
#pragma once

#include <stdio.h>

#include "collector/options.h"

/* Serves until SIGINT or SIGTERM, then writes the sums; SIGHUP reads the settings and the TLS files
 * again. `output` stays the caller's. 0, or -errno: what was wrong has been logged. */
int collector_run(const struct options *options, FILE *output);
