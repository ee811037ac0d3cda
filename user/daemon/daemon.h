/* The daemon: wires the modules in the order of the flow and runs the event loop, the only clock.
 */
#pragma once

#include "config/bootstrap.h"

/* Runs until SIGINT or SIGTERM. 0, or -errno after one line in the log says why. Borrows both; what is loaded
 * anew from the source goes into the bootstrap. */
int daemon_run(struct bootstrap *bootstrap, const struct bootstrap_source *source);
