/* Sums per node and cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "collector/sums.h"

typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_stats;

/* Rows as text, one a line. */
struct text {
    char bytes[2000];
    size_t used;
};

static void print_row(void *arg, const struct sums_row *row)
{
    struct text *text = arg;

    text->used += (size_t)snprintf(
        text->bytes + text->used, sizeof(text->bytes) - text->used,
        "%s%s/%s/%s r%llu i%llu s%llu e%llu d%llu n%llu f%llu p%llu a%llu\n",
        row->rest ? "rest " : "", row->node_id, row->node_cluster, row->cluster,
        (unsigned long long)row->reports, (unsigned long long)row->issued,
        (unsigned long long)row->success, (unsigned long long)row->error,
        (unsigned long long)row->dropped, (unsigned long long)row->new_connections,
        (unsigned long long)row->failed_connections, (unsigned long long)row->in_progress,
        (unsigned long long)row->active_connections);
}

static void assert_rows(const struct sums *sums, const char *expected)
{
    struct text text = {0};

    sums_each(sums, print_row, &text);
    assert_string_equal(text.bytes, expected);
}

static bool add(struct sums *sums, const char *id, const char *cluster, uint64_t issued)
{
    cluster_stats stats = ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;
    locality_stats locality = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    locality_stats *localities[] = {&locality};

    stats.cluster_name = (char *)cluster;
    stats.n_upstream_locality_stats = 1;
    stats.upstream_locality_stats = localities;
    locality.total_issued_requests = issued;
    return sums_add(sums, id, "nc", &stats);
}

static void every_number(void **state)
{
    struct sums *sums = sums_new(10, 1000);
    cluster_stats stats = ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;
    locality_stats first = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    locality_stats second = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    locality_stats *localities[] = {&first, &second};

    (void)state;
    stats.cluster_name = (char *)"c";
    stats.n_upstream_locality_stats = 2;
    stats.upstream_locality_stats = localities;
    stats.total_dropped_requests = 7;
    first.total_issued_requests = 1;
    first.total_successful_requests = 2;
    first.total_error_requests = 3;
    first.total_new_connections = 4;
    first.total_fail_connections = 5;
    first.total_requests_in_progress = 6;
    first.total_active_connections = 8;
    second = first;
    second.total_issued_requests = 100;
    assert_false(sums_add(sums, "n", "nc", &stats));
    assert_rows(sums, "n/nc/c r1 i101 s4 e6 d7 n8 f10 p12 a16\n");
    stats.n_upstream_locality_stats = 1; /* the gauges are the last report's, the others grow */
    assert_false(sums_add(sums, "n", "nc", &stats));
    assert_rows(sums, "n/nc/c r2 i102 s6 e9 d14 n12 f15 p6 a8\n");
    stats.n_upstream_locality_stats = 0;
    assert_false(sums_add(sums, "n", "nc", &stats));
    assert_rows(sums, "n/nc/c r3 i102 s6 e9 d21 n12 f15 p0 a0\n");
    sums_free(sums);
}

static void rows_by_name(void **state)
{
    struct sums *sums = sums_new(10, 1000);

    (void)state;
    assert_rows(sums, "");
    add(sums, "b", "x", 1);
    add(sums, "a", "y", 2);
    add(sums, "a", "x", 3);
    add(sums, "b", "x", 4);
    add(sums, "", "", 5);
    assert_rows(sums, "/nc/ r1 i5 s0 e0 d0 n0 f0 p0 a0\n"
                      "a/nc/x r1 i3 s0 e0 d0 n0 f0 p0 a0\n"
                      "a/nc/y r1 i2 s0 e0 d0 n0 f0 p0 a0\n"
                      "b/nc/x r2 i5 s0 e0 d0 n0 f0 p0 a0\n");
    sums_free(sums);
}

static void bounds(void **state)
{
    struct sums *sums = sums_new(2, 1000);

    (void)state;
    assert_false(add(sums, "n", "a", 1));
    assert_false(add(sums, "n", "b", 2));
    assert_true(add(sums, "n", "c", 3));
    assert_true(add(sums, "n", "d", 4));
    assert_false(add(sums, "n", "b", 5)); /* one that is there goes on */
    assert_rows(sums, "n/nc/a r1 i1 s0 e0 d0 n0 f0 p0 a0\n"
                      "n/nc/b r2 i7 s0 e0 d0 n0 f0 p0 a0\n"
                      "rest // r2 i7 s0 e0 d0 n0 f0 p0 a0\n");
    sums_free(sums);

    sums = sums_new(10, 14); /* "n" "nc" "a" with their NULs are 7 bytes */
    assert_false(add(sums, "n", "a", 1));
    assert_true(add(sums, "n", "bb", 1));
    assert_false(add(sums, "n", "b", 1));
    assert_true(add(sums, "n", "", 1));
    sums_free(sums);
}

static void no_sum_wraps(void **state)
{
    struct sums *sums = sums_new(1, 100);

    (void)state;
    add(sums, "n", "c", UINT64_MAX - 1);
    add(sums, "n", "c", 1);
    assert_rows(sums, "n/nc/c r2 i18446744073709551615 s0 e0 d0 n0 f0 p0 a0\n");
    add(sums, "n", "c", 1);
    assert_rows(sums, "n/nc/c r3 i18446744073709551615 s0 e0 d0 n0 f0 p0 a0\n");
    sums_free(sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number),
        cmocka_unit_test(rows_by_name),
        cmocka_unit_test(bounds),
        cmocka_unit_test(no_sum_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
