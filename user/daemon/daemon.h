/* The daemon: wires the modules in the order of the flow and runs the event loop, the only clock.
 */
#pragma once

#include "config/bootstrap.h"

/* Runs until SIGINT, SIGTERM or SIGHUP. 0, or -errno after one line in the log says why. Borrows. */
int daemon_run(const struct bootstrap *bootstrap);
