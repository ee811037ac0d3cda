/* loadtap top: a live table of the endpoints. */
#pragma once

#include "command/command.h"

extern const struct command top_command;
