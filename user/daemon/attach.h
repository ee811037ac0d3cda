/* Attaches the kernel side, with room for a configuration and for what later ones bring. It logs. */
#pragma once

#include "config/bootstrap.h"
#include "kernel/tap.h"
#include "upstream/hosts.h"

/* Limits the hosts to as many as there are rows of counters. 0, or -errno, and the log says why. */
int attach(const struct bootstrap *bootstrap, struct hosts *hosts, struct tap **out);
