/* What the daemon's /clusters says -> rows with rates, and the rows that are to be shown. Pure. [jansson] */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define LOCALITY_TEXT_MAX 200

/* An endpoint. The texts lie in the answer, which the rows hold. */
struct top_row {
    const char *cluster, *address;
    const json_t *locality;                /* region, zone, sub_zone */
    char locality_text[LOCALITY_TEXT_MAX]; /* "eu/a/rack", "eu/a", "" */
    int64_t priority;
    uint64_t issued, success, error; /* since the daemon began to count */
    uint64_t active, connections;    /* now */
    bool exact;
    bool has_rate; /* it was there when one looked before */
    double rate;   /* requests issued in a second, between the two looks */
    /* Errors of what got a result: between the two looks; without a look before, of all. 0 to 1. */
    double error_share;
};

struct top_rows {
    struct top_row *items; /* in the daemon's order */
    size_t count;
    json_t *answer;
};

/* Takes over `answer`, of /clusters?format=json. `before`: an earlier look, `seconds` ago; NULL: there was
 * none. Endpoints whose traffic counts elsewhere are left out. 0; -EBADMSG: it is no such answer; -ENOMEM. */
int top_rows_read(json_t *answer, const struct top_rows *before, double seconds,
                  struct top_rows *out);
void top_rows_clear(struct top_rows *rows); /* zero is fine */

/* As --json prints them: a new reference; NULL: no memory. */
json_t *top_rows_json(const struct top_row *const *rows, size_t count);

enum top_column {
    TOP_CLUSTER,
    TOP_ADDRESS,
    TOP_LOCALITY,
    TOP_RATE,
    TOP_ERROR_SHARE,
    TOP_ACTIVE,
    TOP_CONNECTIONS,
    TOP_ISSUED,
    TOP_SUCCESS,
    TOP_ERROR,
    TOP_COLUMNS
};

/* "cluster", "rate", …: for --sort. 0, or -EINVAL. */
int top_column_parse(const char *name, enum top_column *out);
const char *top_column_name(enum top_column column);
/* Are its values best looked at from the largest on? Names are not. */
bool top_column_descends(enum top_column column);

/* Those with `filter` in cluster, address or locality, whatever the case ("": all), by `column`, then by
 * cluster and address. `out` has room for all. Returns how many. */
size_t top_rows_pick(const struct top_rows *rows, const char *filter, enum top_column column,
                     bool descending, const struct top_row **out);
