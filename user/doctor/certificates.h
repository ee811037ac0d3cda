/* The files of the management server's TLS: can they be used, also by whom the daemon becomes? */
#pragma once

#include "config/bootstrap.h"
#include "doctor/findings.h"

void certificates_examine(struct findings *findings, const struct bootstrap *bootstrap);
