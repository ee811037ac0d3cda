/* The endpoint entries of localities, packed as they are made: a report has one for each of up to 100,000
 * endpoints, and as messages they would take most of its time. Pure.
 *
 * protobuf-c packs what it does not know as it is (ProtobufCMessageUnknownField); so a locality's entries
 * go into its message. Their field then stands behind those with higher numbers, which is as good
 * (protobuf's encoding guide, "Field order"). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/address.h"
#include "base/contract.h"
#include "report/window.h"

struct Envoy__Config__Endpoint__V3__EndpointLoadMetricStats;

struct endpoint_list {
    uint8_t *bytes; /* fields of an UpstreamLocalityStats */
    size_t length, room;
};

void endpoint_list_clear(struct endpoint_list *list);

/* One entry more, with so many load_metric_stats. 0, -ENOMEM. */
int endpoint_list_add(struct endpoint_list *list, const struct address *address,
                      const struct window_row *row,
                      struct Envoy__Config__Endpoint__V3__EndpointLoadMetricStats *const *metrics,
                      size_t metric_count);

/* The field that has the entries from `begin` to `end`, offsets between entries that are not the same. It
 * borrows them, until the next call of endpoint_list_add(). */
ProtobufCMessageUnknownField endpoint_list_field(const struct endpoint_list *list, size_t begin,
                                                 size_t end);
/* Splits such a field: leaves it as many of its first entries as have no more than `room` bytes, but one at
 * least. Returns one with the others; `len` is 0 where there are none. */
ProtobufCMessageUnknownField endpoint_list_split(ProtobufCMessageUnknownField *field, size_t room);
