/* What the headers of loadtap's streams say of their reports (report/delivery.h), so that a report that
 * covers earlier ones again can be counted once. Other clients have no such headers. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define ORIGIN_RUN_MAX 64 /* characters */

struct origin {
    char run[ORIGIN_RUN_MAX + 1];          /* "": not told */
    uint64_t stream;                       /* in the run; at most INT64_MAX, as all of these */
    uint64_t resent_stream, resent_report; /* 0: nothing is sent again */
};

/* One header of a request, in any order. What is none of these, or malformed, changes nothing. */
void origin_header(struct origin *origin, const uint8_t *name, size_t name_length,
                   const uint8_t *value, size_t value_length);
