/* The cgroup: is there one, who is in it, who else looks at it. */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"

/* `bootstrap`: NULL: of the root. Its path in `out`; false: there is none. */
bool place_check(struct findings *findings, const struct bootstrap *bootstrap, char *out,
                 size_t size);
