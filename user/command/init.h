/* loadtap init: a bootstrap for what is dialled here. */
#pragma once

#include "command/command.h"

extern const struct command init_command;
