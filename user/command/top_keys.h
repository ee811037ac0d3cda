/* What a person does at the keyboard -> what `loadtap top` shows. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "command/top_rows.h"

#define TOP_FILTER_MAX 64

struct top_state {
    enum top_column sort;
    bool descending;
    char filter[TOP_FILTER_MAX];
    bool typing; /* keys go into the filter */
    bool paused;
    size_t first; /* row at the top of the table */
};

enum top_action { TOP_GO_ON, TOP_REDRAW, TOP_QUIT };

/* `keys`: bytes as the terminal sends them, of any number of keys; what is no key is passed over.
 * `page`: rows that fit, `count`: rows that there are. */
enum top_action top_keys(struct top_state *state, const char *keys, size_t length, size_t page,
                         size_t count);
