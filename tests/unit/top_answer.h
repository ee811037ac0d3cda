/* Answers of /clusters, as small as a test needs them. */
#pragma once

#include <jansson.h>

/* An endpoint with one connection. */
static inline json_t *answer_endpoint(const char *address, int issued, int success, int error)
{
    return json_pack("{s:s, s:b, s:b, s:{s:i, s:i, s:i}, s:{s:i, s:i}}", "address", address,
                     "counted", 1, "exact", 1, "counters", "issued_requests", issued,
                     "successful_requests", success, "error_requests", error, "gauges",
                     "requests_in_progress", issued - success - error, "active_connections", 1);
}

/* One cluster of one locality; takes over the endpoints, a list. */
static inline json_t *answer_cluster(const char *name, const char *zone, json_t *endpoints)
{
    return json_pack("{s:s, s:[{s:{s:s, s:s, s:s}, s:i, s:o}]}", "name", name, "localities",
                     "locality", "region", "eu", "zone", zone, "sub_zone", "", "priority", 1,
                     "endpoints", endpoints);
}
