#include "report/response.h"

#include <errno.h>

#define VARINT_MAX 10 /* bytes */
#define KEY_MAX 5     /* also of a length */

/* Wire types (protobuf's encoding guide, "Message structure"); 3 and 4 are groups. */
enum wire_type { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

/* Numbers of LoadStatsResponse's fields, and of Duration's. */
enum { CLUSTERS = 1, INTERVAL = 2, ENDPOINTS = 3, SEND_ALL = 4 };
enum { SECONDS = 1, NANOS = 2 };

struct field {
    uint64_t number;
    enum wire_type type;
    uint64_t value;       /* VARINT */
    const uint8_t *bytes; /* BYTES */
    size_t length;
};

/* --- fields of a message ------------------------------------------------------------------------*/

static bool take_varint(const uint8_t **at, const uint8_t *end, unsigned most, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < most && *at < end; i++) {
        uint8_t byte = *(*at)++;

        if (i == VARINT_MAX - 1 && byte > 1) /* beyond 64 bits */
            return false;
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool take_bytes(const uint8_t **at, const uint8_t *end, uint64_t length, struct field *field)
{
    if (length > (size_t)(end - *at))
        return false;
    field->bytes = *at;
    field->length = (size_t)length;
    *at += length;
    return true;
}

/* False: what is there is no field. */
static bool take_field(const uint8_t **at, const uint8_t *end, struct field *field)
{
    uint64_t key, length;

    if (!take_varint(at, end, KEY_MAX, &key) || key > UINT32_MAX || key >> 3 == 0)
        return false;
    field->number = key >> 3;
    field->type = key & 7;
    switch (field->type) {
    case VARINT:
        return take_varint(at, end, VARINT_MAX, &field->value);
    case FIXED64:
        return take_bytes(at, end, 8, field);
    case BYTES:
        return take_varint(at, end, KEY_MAX, &length) && take_bytes(at, end, length, field);
    case FIXED32:
        return take_bytes(at, end, 4, field);
    default:
        return false;
    }
}

/* --- the interval -------------------------------------------------------------------------------*/

static int read_duration(const struct field *duration, struct response *response)
{
    const uint8_t *at = duration->bytes, *end = at + duration->length;

    while (at < end) {
        struct field field;

        if (!take_field(&at, end, &field))
            return -EBADMSG;
        if (field.number != SECONDS && field.number != NANOS)
            continue;
        if (field.type != VARINT)
            return -EBADMSG;
        if (field.number == SECONDS)
            response->asked_seconds = (int64_t)field.value;
        else
            response->asked_nanos = (int32_t)field.value;
    }
    return 0;
}

/* Within a Duration's rules (seconds and nanos of one sign, nanos a fraction) and above zero. */
static bool usable(int64_t seconds, int32_t nanos)
{
    return seconds >= 0 && nanos >= 0 && nanos <= 999999999 && (seconds || nanos);
}

static void set_interval(struct response *response, const struct response_limits *limits)
{
    int64_t seconds = response->asked_seconds;
    int32_t nanos = response->asked_nanos;
    uint64_t asked_us, held_us;

    response->interval_clamped = true;
    response->interval_us = limits->unset_us;
    if (!usable(seconds, nanos))
        return;
    response->interval_us = limits->max_us;
    if ((uint64_t)seconds > limits->max_us / 1000000)
        return;
    asked_us = (uint64_t)seconds * 1000000 + (uint64_t)nanos / 1000000 * 1000;
    held_us = asked_us > limits->max_us   ? limits->max_us
              : asked_us < limits->min_us ? limits->min_us
                                          : asked_us;
    response->interval_us = held_us;
    response->interval_clamped = held_us != asked_us;
}

/* --- the message --------------------------------------------------------------------------------*/

static int read_field(const struct field *field, struct response *response)
{
    switch (field->number) {
    case CLUSTERS:
        return field->type == BYTES ? 0 : -EBADMSG;
    case INTERVAL:
        return field->type == BYTES ? read_duration(field, response) : -EBADMSG;
    case ENDPOINTS:
        response->endpoints = field->value;
        return field->type == VARINT ? 0 : -EBADMSG;
    case SEND_ALL:
        response->send_all = field->value;
        return field->type == VARINT ? 0 : -EBADMSG;
    default:
        return 0;
    }
}

int response_parse(const uint8_t *bytes, size_t length, const struct response_limits *limits,
                   struct response *out)
{
    struct response response = {.names = bytes, .end = length ? bytes + length : bytes};
    const uint8_t *at = bytes;

    if (length > RESPONSE_SIZE_MAX)
        return -EBADMSG;
    while (at < response.end) {
        struct field field = {0};

        if (!take_field(&at, response.end, &field) || read_field(&field, &response))
            return -EBADMSG;
    }
    set_interval(&response, limits);
    *out = response;
    return 0;
}

bool response_next_name(struct response *response, struct response_name *out)
{
    struct field field;

    while (response->names < response->end && take_field(&response->names, response->end, &field)) {
        if (field.number != CLUSTERS)
            continue;
        *out = (struct response_name){(const char *)field.bytes, field.length};
        return true;
    }
    return false;
}
