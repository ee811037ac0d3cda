/* The cgroup: is there one, who is in it, who else looks at it. */
#pragma once

#include "doctor/findings.h"

/* `path`: NULL: the root. A descriptor, or -errno where there is none. */
int place_check(struct findings *findings, const char *path);
