#include "admin/server_state.h"

#include <string.h>

enum server_state server_state(const struct admin_view *view)
{
    struct reporter_status status;

    reporter_status(view->reporter, &status);
    if (!strcmp(status.state, "idle"))
        return SERVER_INITIALIZING;
    if (!strcmp(status.state, "last report") || !strcmp(status.state, "finished"))
        return SERVER_DRAINING;
    return SERVER_LIVE;
}

const char *server_state_text(enum server_state state)
{
    static const char *const texts[] = {
        [SERVER_INITIALIZING] = "INITIALIZING",
        [SERVER_LIVE] = "LIVE",
        [SERVER_DRAINING] = "DRAINING",
    };

    return texts[state];
}
