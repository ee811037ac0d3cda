/* What the daemon is up to, in the words of Envoy's admin interface. Pure. */
#pragma once

#include <stdbool.h>

#include "admin/view.h"

enum server_state {
    SERVER_INITIALIZING, /* names are looked up for the first time; each has an answer soon, or a failure */
    SERVER_LIVE,         /* all is counted; whether the management server answers or not */
    SERVER_DRAINING, /* told to end: the last report is on its way */
};

/* The programs are attached and the configuration is valid in all of them. */
enum server_state server_state(const struct admin_view *view);
const char *server_state_text(enum server_state state);
