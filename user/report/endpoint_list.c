#include "report/endpoint_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/config/endpoint/v3/load_report.pb-c.h"

typedef Envoy__Config__Endpoint__V3__EndpointLoadMetricStats metric_message;

#define ENTRY_FIELD 7     /* upstream_endpoint_stats */
#define ENTRY_TAG 0x3a    /* the same, length-delimited */
#define ENTRY_MAX 192     /* without metrics: an address and numbers */
#define METRIC_ENVELOPE 6 /* tag and length */

void endpoint_list_clear(struct endpoint_list *list)
{
    free(list->bytes);
    *list = (struct endpoint_list){0};
}

static int reserve(struct endpoint_list *list, size_t size)
{
    size_t room = 2 * list->room + size;
    uint8_t *bytes;

    if (list->room - list->length >= size)
        return 0;
    bytes = realloc(list->bytes, room);
    if (!bytes)
        return -ENOMEM;
    list->bytes = bytes;
    list->room = room;
    return 0;
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

/* A number that is zero is not there. */
static uint8_t *put_number(uint8_t *at, unsigned field, uint64_t value)
{
    if (!value)
        return at;
    *at++ = (uint8_t)(field << 3);
    return put_varint(at, value);
}

/* All three lengths are below 128. */
static uint8_t *put_address(uint8_t *at, const struct address *address)
{
    uint8_t *const outer = at, *const inner = at + 2, *const text = at + 4;
    size_t length = address_ip_put(address, (char *)text + 2);

    text[0] = 2 << 3 | 2; /* SocketAddress.address */
    text[1] = (uint8_t)length;
    at = text + 2 + length;
    *at++ = 3 << 3; /* .port_value: one of a oneof, there if it is zero too */
    at = put_varint(at, address->port);
    inner[0] = 1 << 3 | 2; /* Address.socket_address */
    inner[1] = (uint8_t)(at - inner - 2);
    outer[0] = 1 << 3 | 2; /* UpstreamEndpointStats.address */
    outer[1] = (uint8_t)(at - outer - 2);
    return at;
}

static uint8_t *put_metric(uint8_t *at, const metric_message *metric)
{
    *at++ = 5 << 3 | 2; /* load_metric_stats */
    at = put_varint(
        at, envoy__config__endpoint__v3__endpoint_load_metric_stats__get_packed_size(metric));
    return at + envoy__config__endpoint__v3__endpoint_load_metric_stats__pack(metric, at);
}

/* Moves the entry, which has metrics, behind a length of more than one byte. */
static void put_long_entry(struct endpoint_list *list, const uint8_t *begin, size_t length)
{
    uint8_t *head = list->bytes + list->length, long_head[11];
    uint8_t *behind = put_varint(long_head + 1, length);
    size_t size = (size_t)(behind - long_head);

    long_head[0] = ENTRY_TAG;
    memmove(head + size, begin, length);
    memcpy(head, long_head, size);
    list->length += size + length;
}

/* Behind tag and length, for which there are two bytes. */
static void put_entry(struct endpoint_list *list, uint8_t *begin, const uint8_t *end)
{
    size_t length = (size_t)(end - begin);

    if (length >= 0x80) {
        put_long_entry(list, begin, length);
        return;
    }
    begin[-2] = ENTRY_TAG;
    begin[-1] = (uint8_t)length;
    list->length += 2 + length;
}

int endpoint_list_add(struct endpoint_list *list, const struct address *address,
                      const struct window_row *row, metric_message *const *metrics,
                      size_t metric_count)
{
    size_t size = ENTRY_MAX;
    uint8_t *at, *begin;

    for (size_t i = 0; i < metric_count; i++)
        size +=
            METRIC_ENVELOPE +
            envoy__config__endpoint__v3__endpoint_load_metric_stats__get_packed_size(metrics[i]);
    if (reserve(list, size))
        return -ENOMEM;
    at = begin = list->bytes + list->length + 2;
    at = put_address(at, address);
    at = put_number(at, 2, row->load.success);
    at = put_number(at, 3, row->in_progress);
    at = put_number(at, 4, row->load.error);
    for (size_t i = 0; i < metric_count; i++)
        at = put_metric(at, metrics[i]);
    at = put_number(at, 7, row->load.issued);
    put_entry(list, begin, at);
    return 0;
}

/* The first tag is the field's own. */
ProtobufCMessageUnknownField endpoint_list_field(const struct endpoint_list *list, size_t begin,
                                                 size_t end)
{
    return (ProtobufCMessageUnknownField){.tag = ENTRY_FIELD,
                                          .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                          .data = list->bytes + begin + 1,
                                          .len = end - begin - 1};
}

/* Of an entry behind its tag. */
static size_t entry_size(const uint8_t *entry)
{
    size_t length = 0, used = 0;

    do
        length |= (size_t)(entry[used] & 0x7f) << 7 * used;
    while (entry[used++] & 0x80);
    return used + length;
}

ProtobufCMessageUnknownField endpoint_list_split(ProtobufCMessageUnknownField *field, size_t room)
{
    ProtobufCMessageUnknownField rest = *field;
    size_t end = entry_size(field->data), next;

    while (end < field->len && (next = end + 1 + entry_size(field->data + end + 1)) <= room)
        end = next;
    rest.len = field->len - end;
    field->len = end;
    if (rest.len) {
        rest.data += end + 1;
        rest.len--;
    }
    return rest;
}
