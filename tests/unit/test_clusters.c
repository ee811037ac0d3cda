#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "config/clusters.h"

static void find_by_exact_name(void **state)
{
    struct cluster items[] = {{.name = (char *)"a"}, {.name = (char *)"ab"}, {.name = (char *)""}};
    const struct clusters clusters = {items, 3}, none = {NULL, 0};

    (void)state;
    assert_ptr_equal(clusters_find(&clusters, "a"), &items[0]);
    assert_ptr_equal(clusters_find(&clusters, "ab"), &items[1]);
    assert_ptr_equal(clusters_find(&clusters, ""), &items[2]);
    assert_null(clusters_find(&clusters, "A"));
    assert_null(clusters_find(&clusters, "abc"));
    assert_null(clusters_find(&none, "a"));
}

static void clear_frees_everything(void **state)
{
    long live = memory_live;
    struct clusters clusters = {calloc(1, sizeof(struct cluster)), 1};
    struct cluster *cluster = clusters.items;

    (void)state;
    cluster->name = strdup("a");
    cluster->service_name = strdup("");
    cluster->groups = calloc(2, sizeof(*cluster->groups));
    cluster->group_count = 2; /* the second one as a failed load leaves it: empty */
    cluster->groups[0].locality.zone = strdup("z");
    cluster->groups[0].endpoints = calloc(1, sizeof(*cluster->groups[0].endpoints));
    cluster->groups[0].endpoint_count = 1;
    cluster->health_checks = calloc(1, sizeof(*cluster->health_checks));
    cluster->health_check_count = 1;
    cluster->health_checks[0].path = strdup("/p");
    clusters_clear(&clusters);
    assert_null(clusters.items);
    assert_int_equal(clusters.count, 0);
    assert_int_equal(memory_live, live);
    clusters_clear(&clusters);
}

/* Only what sockets can show may look idle in a report. */
static void observed_or_not(void **state)
{
    struct endpoint pipe = {.not_observed = "pipe"}, both[] = {pipe, {.host = (char *)"10.0.0.1"}};
    struct locality_endpoints none = {0}, pipes = {.endpoints = &pipe, .endpoint_count = 1},
                              mixed = {.endpoints = both, .endpoint_count = 2};
    struct cluster cluster = {.groups = &none, .group_count = 1};

    (void)state;
    assert_true(cluster_observed(&cluster)); /* no endpoint, no load */
    cluster.groups = &pipes;
    assert_false(cluster_observed(&cluster));
    cluster.groups = &mixed;
    assert_true(cluster_observed(&cluster));
    cluster = (struct cluster){.discovery = DISCOVERY_EDS};
    assert_false(cluster_observed(&cluster));
    cluster.discovery = DISCOVERY_OTHER;
    assert_false(cluster_observed(&cluster));
    cluster.discovery = DISCOVERY_ORIGINAL_DST;
    assert_true(cluster_observed(&cluster));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_by_exact_name),
        cmocka_unit_test(clear_frees_everything),
        cmocka_unit_test(observed_or_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
