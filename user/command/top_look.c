#include "command/top_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define TIMEOUT_MS 2000

/* The moment of a look is that in which the answer came; the next one is asked for the same way, so what the
 * way takes falls out of the difference. */
int top_look(const struct admin_target *target, struct top_look *look, char *error)
{
    json_t *clusters, *lrs;
    struct top_rows rows;
    uint64_t now;
    int result = admin_get(target, "/clusters?format=json", TIMEOUT_MS, &clusters, error);

    if (result)
        return result;
    now = clock_us();
    result = top_rows_read(clusters, look->at_us ? &look->rows : NULL,
                           (double)(now - look->at_us) / 1e6, &rows);
    if (result) {
        snprintf(error, ADMIN_ERROR_MAX, "%s: %s", target->text, strerror(-result));
        return result;
    }
    result = admin_get(target, "/lrs?format=json", TIMEOUT_MS, &lrs, error);
    if (result) {
        top_rows_clear(&rows);
        return result;
    }
    top_look_clear(look);
    *look = (struct top_look){.rows = rows, .lrs = lrs, .at_us = now};
    return 0;
}

const struct top_row **top_look_pick(const struct top_look *look, const struct top_state *state,
                                     size_t *count)
{
    const struct top_row **picked = calloc(look->rows.count + 1, sizeof(*picked));

    if (picked)
        *count = top_rows_pick(&look->rows, state->filter, state->sort, state->descending, picked);
    return picked;
}

void top_look_clear(struct top_look *look)
{
    top_rows_clear(&look->rows);
    json_decref(look->lrs);
    *look = (struct top_look){0};
}
