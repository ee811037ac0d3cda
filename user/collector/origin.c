#include "collector/origin.h"

#include <stdbool.h>
#include <string.h>

#include "base/contract.h"
#include "collector/header.h"

/* Reads digits up to `end`. False: none, or too many. */
static bool read_number(const uint8_t *digits, const uint8_t *end, uint64_t *out)
{
    uint64_t number = 0;

    if (digits == end)
        return false;
    for (; digits < end; digits++) {
        if (*digits < '0' || *digits > '9' || number > (INT64_MAX - 9) / 10)
            return false;
        number = 10 * number + (uint64_t)(*digits - '0');
    }
    *out = number;
    return true;
}

static void read_run(struct origin *origin, const uint8_t *value, size_t length)
{
    if (length > ORIGIN_RUN_MAX)
        return;
    for (size_t i = 0; i < length; i++)
        if (value[i] <= ' ' || value[i] > '~')
            return;
    memcpy(origin->run, value, length);
    origin->run[length] = '\0';
}

static void read_resent(struct origin *origin, const uint8_t *value, size_t length)
{
    const uint8_t *dot = memchr(value, '.', length), *end = value + length;
    uint64_t stream, report;

    if (!dot || !read_number(value, dot, &stream) || !read_number(dot + 1, end, &report))
        return;
    origin->resent_stream = stream;
    origin->resent_report = report;
}

void origin_header(struct origin *origin, const uint8_t *name, size_t name_length,
                   const uint8_t *value, size_t value_length)
{
    if (header_is(name, name_length, DELIVERY_RUN))
        read_run(origin, value, value_length);
    else if (header_is(name, name_length, DELIVERY_STREAM))
        read_number(value, value + value_length, &origin->stream);
    else if (header_is(name, name_length, DELIVERY_RESENT))
        read_resent(origin, value, value_length);
}
