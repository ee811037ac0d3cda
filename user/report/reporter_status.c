#include "report/reporter_state.h"

static const char *state_text(enum state state)
{
    static const char *const texts[] = {
        [STATE_IDLE] = "idle",       [STATE_OPENING] = "connecting", [STATE_UP] = "connected",
        [STATE_WAITING] = "waiting", [STATE_LAST] = "last report",   [STATE_FINISHED] = "finished",
    };

    return texts[state];
}

bool reporter_reports(const struct reporter *reporter, uint32_t cluster)
{
    return window_reports(reporter->window, cluster);
}

static uint64_t oldest_start(const struct reporter *reporter)
{
    uint64_t oldest = 0;

    for (uint32_t i = 0; i < reporter->options.clusters->count; i++) {
        uint64_t start =
            window_reports(reporter->window, i) ? window_start(reporter->window, i) : 0;

        if (start && (!oldest || start < oldest))
            oldest = start;
    }
    return oldest;
}

void reporter_status(const struct reporter *reporter, struct reporter_status *out)
{
    *out = (struct reporter_status){
        .state = state_text(reporter->state),
        .counts = reporter->counts,
        .wishes = *wishes_settings(reporter->wishes),
        .clusters = window_set_size(reporter->window),
        .stream = reporter->stream,
        .report = reporter->report,
        .confirmed = reporter->confirmed,
        .up_us = reporter->up_us,
        .down_us = reporter->down_us,
        .response_us = reporter->response_us,
        .report_us = reporter->report_us,
        .confirmed_us = reporter->confirmed_us,
        .due_us = reporter->due,
        .unsent_us = oldest_start(reporter),
    };
}
