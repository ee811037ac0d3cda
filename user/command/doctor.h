/* loadtap doctor: what would keep loadtap from counting or reporting here, a line each. */
#pragma once

#include "command/command.h"

extern const struct command doctor_command;
