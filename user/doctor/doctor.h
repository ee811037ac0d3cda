/* All checks, in the order in which a person would make them. */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"

/* `source`: NULL: of the machine only. Takes up to half a minute where names or servers do not answer. */
void doctor_examine(struct findings *findings, const struct bootstrap_source *source);
