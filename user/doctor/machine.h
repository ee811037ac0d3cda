/* The machine: its kernel and what that offers to BPF, and what this process may do there. */
#pragma once

#include "doctor/findings.h"

/* False: it may not do what loadtap does, so nothing more can be tried. */
bool machine_check(struct findings *findings, const char *run_as_user);
