/* The programs, really loaded and attached, for a moment. */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"

/* `bootstrap`: NULL: as for one endpoint. */
void trial_check(struct findings *findings, const struct bootstrap *bootstrap);
