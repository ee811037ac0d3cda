/* The clusters that the tests of the report modules share, and counters that they set by hand. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/counters.h"
#include "base/mem.h"
#include "upstream/hosts.h"

enum { APPLE, BERRY, CLOUD, PLAIN, CLUSTER_COUNT };

static struct locality_endpoints apple_groups[] = {
    {.locality = {"east", "e2", ""}, .priority = 0},
    {.locality = {"east", "e1", "rack"}, .priority = 1},
    {.locality = {"east", "e1", "rack"}, .priority = 0},
    {.locality = {"", "", ""}, .priority = 0},
    {.locality = {"east", "e2", ""}, .priority = 0}, /* as the first: one entry */
};
static struct locality_endpoints berry_groups[] = {{.locality = {"west", "", ""}}};
static struct locality_endpoints plain_groups[] = {{.locality = {"", "", ""}}};

static struct cluster model_items[] = {
    [APPLE] = {.name = "apple",
               .service_name = "apple-service",
               .discovery = DISCOVERY_EDS,
               .groups = apple_groups,
               .group_count = ARRAY_SIZE(apple_groups)},
    [BERRY] = {.name = "berry",
               .service_name = "",
               .groups = berry_groups,
               .group_count = ARRAY_SIZE(berry_groups)},
    [CLOUD] = {.name = "cloud", .service_name = "", .discovery = DISCOVERY_ORIGINAL_DST},
    /* first in byte order, last in the configuration */
    [PLAIN] = {.name = "Plain",
               .service_name = "",
               .groups = plain_groups,
               .group_count = ARRAY_SIZE(plain_groups)},
};
static const struct clusters model = {.items = model_items, .count = CLUSTER_COUNT};

#define MODEL_SLOTS_MAX 64
static struct counters rows[MODEL_SLOTS_MAX]; /* by slot */

static inline void model_read(void *arg, uint32_t first, size_t count, struct counters *out)
{
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        out[i] = rows[first + i];
        memset(&out[i].cx_opened, 0xff, /* is not asked for, and what is behind it */
               sizeof(out[i]) - offsetof(struct counters, cx_opened));
    }
}

/* Adds the host 10.0.0.<last>:8080 and returns its slot. */
static inline uint32_t model_add(struct hosts *hosts, uint32_t cluster, uint32_t group,
                                 uint8_t last)
{
    struct address address = {.ip = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = last},
                              .port = 8080};
    const struct host *host = NULL, *owner = NULL, *other = NULL;

    assert_int_equal(hosts_add(hosts, cluster, group, &address, &host, &owner, &other), 0);
    assert_in_range(host->slot, 0, MODEL_SLOTS_MAX - 1);
    return host->slot;
}

/* `count` requests of a host were answered with success. */
static inline void model_serve(uint32_t slot, uint64_t count)
{
    rows[slot].rq_issued += count;
    rows[slot].rq_success += count;
    rows[slot].rq_finished += count;
}
