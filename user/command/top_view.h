/* Rows -> the text of a screen, or of a table. Pure. [jansson] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "command/top_keys.h"
#include "command/top_rows.h"

struct top_view {
    const struct top_row *const *rows; /* those to be shown, in their order */
    size_t count, all;                 /* how many, of how many */
    const struct top_state *state;
    const char *target;  /* whom one asks */
    const json_t *lrs;   /* of /lrs?format=json; NULL: none yet */
    const char *trouble; /* why there is no answer; NULL: there is one */
    size_t columns, lines;
    bool colours;
};

/* Rows that a screen of so many lines has room for; at least one. */
size_t top_view_page(size_t lines);

/* The whole screen in place of what is there (ECMA-48 sequences), lines and columns not exceeded. */
void top_screen(const struct top_view *view, FILE *out);

/* Lines of any number, as wide as they are: for a file or a pipe. */
void top_table(const struct top_row *const *rows, size_t count, FILE *out);
