/* loadtap explain: where an address or a cluster belongs, and its next report. */
#pragma once

#include "command/command.h"

extern const struct command explain_command;
