/* Totals by node cluster, cluster and locality, the gauges of streams, and the page that shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/again.h"
#include "collector/metrics_page.h"
#include "collector/totals.h"

typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_stats;

static const struct totals_limits wide = {.rows = 100, .text = 10000, .gauges = 100, .again = 100};

struct report {
    const char *node_cluster, *cluster, *zone;
    uint64_t issued, active, dropped;
};

static void add(struct totals *totals, struct totals_gauges *gauges, struct report report)
{
    cluster_stats stats = ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;
    locality_stats locality = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    Envoy__Config__Core__V3__Locality place = ENVOY__CONFIG__CORE__V3__LOCALITY__INIT;
    locality_stats *localities[] = {&locality};

    stats.cluster_name = (char *)report.cluster;
    stats.total_dropped_requests = report.dropped;
    stats.n_upstream_locality_stats = report.zone ? 1 : 0;
    stats.upstream_locality_stats = localities;
    if (report.zone && *report.zone) {
        place.zone = (char *)report.zone;
        locality.locality = &place;
    }
    locality.total_issued_requests = report.issued;
    locality.total_requests_in_progress = report.active;
    locality.total_active_connections = report.active;
    totals_add(totals, gauges, report.node_cluster, &stats);
}

struct text {
    char bytes[2000];
    size_t used;
};

static void print_row(void *arg, const struct totals_row *row)
{
    static const char *const kinds[] = {"", "cluster ", "overflow "};
    struct text *text = arg;

    assert_int_equal(row->active_connections, row->in_progress);
    text->used += (size_t)snprintf(
        text->bytes + text->used, sizeof(text->bytes) - text->used,
        "%s%s/%s/%s i%llu d%llu a%llu\n", kinds[row->kind], row->node_cluster, row->cluster,
        row->zone, (unsigned long long)row->counts.issued, (unsigned long long)row->counts.dropped,
        (unsigned long long)row->in_progress);
}

static void assert_rows(const struct totals *totals, const char *expected)
{
    struct text text = {0};

    totals_each(totals, print_row, &text);
    assert_string_equal(text.bytes, expected);
}

static void every_number(void **state)
{
    struct totals *totals = totals_new(&wide);
    struct totals_gauges gauges = {0};
    locality_stats locality = ENVOY__CONFIG__ENDPOINT__V3__UPSTREAM_LOCALITY_STATS__INIT;
    locality_stats *localities[] = {&locality, &locality};
    cluster_stats stats = ENVOY__CONFIG__ENDPOINT__V3__CLUSTER_STATS__INIT;
    struct service service = {
        .totals = totals, .open = 1, .streams = 2, .messages = 3, .message_bytes = 4, .refused = 5};
    const struct server_numbers server = {6, 7, 8};
    char *page;
    size_t length;

    (void)state;
    stats.cluster_name = (char *)"c";
    stats.n_upstream_locality_stats = 2;
    stats.upstream_locality_stats = localities;
    locality.total_issued_requests = 1;
    locality.total_successful_requests = 2;
    locality.total_error_requests = 3;
    locality.total_requests_in_progress = 4;
    locality.total_new_connections = 5;
    locality.total_fail_connections = 6;
    locality.total_active_connections = 7;
    totals_add(totals, &gauges, "n\\\"\n", &stats);
    page = metrics_page(&service, &server, &length);
    assert_non_null(page);
    assert_int_equal(length, strlen(page));
#define ROW                                                                                        \
    "{node_cluster=\"n\\\\\\\"\\n\",cluster=\"c\",region=\"\",zone=\"\",sub_zone=\"\","            \
    "priority=\"0\"} "
    assert_non_null(strstr(page, "# TYPE loadtap_issued_requests_total counter\n"
                                 "loadtap_issued_requests_total" ROW "2\n"
                                 "# HELP loadtap_successful_requests_total "));
    assert_non_null(strstr(page, "loadtap_successful_requests_total" ROW "4\n"));
    assert_non_null(strstr(page, "loadtap_error_requests_total" ROW "6\n"));
    assert_non_null(strstr(page, "# TYPE loadtap_requests_in_progress gauge\n"
                                 "loadtap_requests_in_progress" ROW "8\n"));
    assert_non_null(strstr(page, "loadtap_new_connections_total" ROW "10\n"));
    assert_non_null(strstr(page, "loadtap_fail_connections_total" ROW "12\n"));
    assert_non_null(strstr(page, "loadtap_active_connections" ROW "14\n"));
    assert_non_null(strstr(page, "# TYPE loadtap_dropped_requests_total counter\n# HELP"));
    assert_non_null(strstr(page, "\nloadtap_collector_connections 6\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_connections_total 7\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_connections_refused_total 8\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_streams 1\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_streams_total 2\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_messages_total 3\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_message_bytes_total 4\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_messages_refused_total 5\n"));
    assert_non_null(strstr(page, "\nloadtap_collector_label_sets 1\n"));
    free(page);
    totals_forget(totals, &gauges);
    totals_free(totals);
}

static void rows_by_name(void **state)
{
    struct totals *totals = totals_new(&wide);
    struct totals_gauges gauges = {0};

    (void)state;
    add(totals, &gauges, (struct report){"n", "b", "z", .issued = 1});
    add(totals, &gauges, (struct report){"n", "a", "y", .issued = 2, .dropped = 9});
    add(totals, &gauges, (struct report){"n", "b", "z", .issued = 4});
    add(totals, &gauges, (struct report){"m", "b", "z", .issued = 8});
    add(totals, &gauges, (struct report){"n", "b", "y", .issued = 16});
    add(totals, &gauges, (struct report){"n", "b", "", .issued = 32});
    add(totals, &gauges, (struct report){"n", "idle", NULL, .issued = 0});
    assert_rows(totals, "m/b/z i8 d0 a0\n"
                        "n/a/y i2 d0 a0\n"
                        "cluster n/a/ i0 d9 a0\n"
                        "n/b/ i32 d0 a0\n"
                        "n/b/y i16 d0 a0\n"
                        "n/b/z i5 d0 a0\n");
    assert_int_equal(totals_numbers(totals).rows, 6);
    totals_free(totals);
}

static void gauges_are_those_of_open_streams(void **state)
{
    struct totals *totals = totals_new(&wide);
    struct totals_gauges one = {0}, two = {0};

    (void)state;
    add(totals, &one, (struct report){"n", "c", "z", .issued = 1, .active = 3});
    add(totals, &one, (struct report){"n", "d", "z", .active = UINT64_MAX});
    for (int i = 0; i < 20; i++) /* one report with many entries */
        add(totals, &two, (struct report){"n", "c", "z", .active = 5});
    assert_rows(totals, "n/c/z i1 d0 a103\nn/d/z i0 d0 a18446744073709551615\n");
    totals_forget(totals, &one);
    assert_rows(totals, "n/c/z i1 d0 a100\nn/d/z i0 d0 a0\n");
    add(totals, &one, (struct report){"n", "d", "z", .active = 1});
    totals_forget(totals, &two);
    totals_forget(totals, &two);
    assert_rows(totals, "n/c/z i1 d0 a0\nn/d/z i0 d0 a1\n");
    totals_forget(totals, &one);
    totals_free(totals);
}

static void bounds(void **state)
{
    static const struct totals_limits rows = {.rows = 2, .text = 10000, .gauges = 2, .again = 100};
    static const struct totals_limits text = {.rows = 100, .text = 15, .gauges = 100, .again = 100};
    struct totals *totals = totals_new(&rows);
    struct totals_gauges gauges = {0};

    (void)state;
    for (int i = 0; i < 2; i++) {
        add(totals, &gauges, (struct report){"n", "a", "z", .issued = 1, .active = 1});
        add(totals, &gauges, (struct report){"n", "b", "z", .issued = 1});
        add(totals, &gauges, (struct report){"n", "c", "z", .issued = 1, .active = 1});
        add(totals, &gauges, (struct report){"n", "b", NULL, .dropped = 7});
    }
    assert_rows(totals, "n/a/z i2 d0 a1\nn/b/z i2 d0 a0\noverflow // i2 d14 a1\n");
    assert_int_equal(totals_numbers(totals).overflowed, 4);
    assert_int_equal(totals_numbers(totals).gauges_missed, 2);
    totals_forget(totals, &gauges);
    assert_rows(totals, "n/a/z i2 d0 a0\nn/b/z i2 d0 a0\noverflow // i2 d14 a0\n");
    add(totals, &gauges, (struct report){"n", "a", "z", .active = 6}); /* room again */
    assert_rows(totals, "n/a/z i2 d0 a6\nn/b/z i2 d0 a0\noverflow // i2 d14 a0\n");
    totals_forget(totals, &gauges);
    totals_free(totals);
    totals = totals_new(&text); /* names and their five NULs: 8 bytes, 9, 7 */
    add(totals, &gauges, (struct report){"n", "a", "z", .issued = 1});
    add(totals, &gauges, (struct report){"n", "b", "zz", .issued = 2});
    assert_rows(totals, "n/a/z i1 d0 a0\noverflow // i2 d0 a0\n");
    add(totals, &gauges, (struct report){"n", "", "z", .issued = 4});
    assert_rows(totals, "n//z i4 d0 a0\nn/a/z i1 d0 a0\noverflow // i2 d0 a0\n");
    totals_free(totals);
}

static void no_sum_wraps(void **state)
{
    struct totals *totals = totals_new(&wide);
    struct totals_gauges gauges = {0};

    (void)state;
    add(totals, &gauges, (struct report){"n", "a", "z", .issued = UINT64_MAX - 1});
    add(totals, &gauges, (struct report){"n", "a", "z", .issued = 5});
    assert_rows(totals, "n/a/z i18446744073709551615 d0 a0\n");
    totals_free(totals);
}

/* A message of run `run`, its stream and number; `from` 0: nothing is sent again. */
struct message {
    const char *run;
    uint64_t stream, message, from_stream, from_report;
};

static void receive(struct totals *totals, struct message message, const struct report *reports)
{
    struct origin origin = {.stream = message.stream,
                            .resent_stream = message.from_stream,
                            .resent_report = message.from_report};
    struct totals_gauges gauges = {0};

    snprintf(origin.run, sizeof(origin.run), "%s", message.run);
    totals_begin(totals, &origin, message.message);
    for (; reports->cluster; reports++)
        add(totals, &gauges, *reports);
    totals_end(totals);
    totals_forget(totals, &gauges);
}

#define REPORTS(...) ((const struct report[]){__VA_ARGS__, {.cluster = NULL}})
#define OF(name, count)                                                                            \
    {                                                                                              \
        .node_cluster = "n", .cluster = name, .zone = "", .issued = count                          \
    }

static void what_is_sent_again_counts_once(void **state)
{
    struct totals *totals = totals_new(&wide);

    (void)state;
    receive(totals, (struct message){"a", 1, 2, 0, 0},
            REPORTS(OF("c", 1), OF("d", 1))); /* confirmed */
    receive(totals, (struct message){"a", 1, 3, 0, 0}, REPORTS(OF("c", 2), OF("d", 2)));
    receive(totals, (struct message){"a", 1, 4, 0, 0}, REPORTS(OF("c", 4), OF("gone", 4)));
    receive(totals, (struct message){"b", 1, 3, 0, 0}, REPORTS(OF("c", 100)));
    assert_rows(totals, "n/c/ i107 d0 a0\nn/d/ i3 d0 a0\nn/gone/ i4 d0 a0\n");
    /* 2 + 4 again, and 10 that are new; d in another message of the same report. */
    receive(totals, (struct message){"a", 2, 1, 1, 3}, REPORTS(OF("c", 16)));
    assert_rows(totals, "n/c/ i117 d0 a0\nn/d/ i3 d0 a0\nn/gone/ i4 d0 a0\n");
    receive(totals, (struct message){"a", 2, 2, 1, 3}, REPORTS(OF("d", 2)));
    receive(totals, (struct message){"a", 2, 3, 1, 3}, REPORTS(OF("c", 1), OF("d", 1)));
    assert_rows(totals, "n/c/ i118 d0 a0\nn/d/ i4 d0 a0\nn/gone/ i4 d0 a0\n");
    /* The whole of stream 2, once more. */
    receive(totals, (struct message){"a", 3, 1, 1, 3}, REPORTS(OF("c", 20), OF("d", 5)));
    assert_rows(totals, "n/c/ i121 d0 a0\nn/d/ i6 d0 a0\nn/gone/ i4 d0 a0\n");
    /* A report of an earlier stream that was under way for longer. */
    receive(totals, (struct message){"a", 2, 4, 1, 3}, REPORTS(OF("c", 3), OF("other", 7)));
    assert_rows(totals, "n/c/ i121 d0 a0\nn/d/ i6 d0 a0\nn/gone/ i4 d0 a0\nn/other/ i7 d0 a0\n");
    receive(totals, (struct message){"a", 3, 2, 1, 3}, REPORTS(OF("c", 1)));
    receive(totals, (struct message){"a", 3, 3, 1, 3}, REPORTS(OF("c", 8)));
    assert_rows(totals, "n/c/ i130 d0 a0\nn/d/ i6 d0 a0\nn/gone/ i4 d0 a0\nn/other/ i7 d0 a0\n");
    /* No run: no rule. */
    receive(totals, (struct message){"", 4, 1, 1, 1}, REPORTS(OF("d", 10)));
    assert_rows(totals, "n/c/ i130 d0 a0\nn/d/ i16 d0 a0\nn/gone/ i4 d0 a0\nn/other/ i7 d0 a0\n");
    totals_free(totals);
}

static void what_is_remembered_is_bounded(void **state)
{
    static const struct totals_limits few = {.rows = 100, .text = 10000, .gauges = 100, .again = 3};
    struct totals *totals = totals_new(&few);

    (void)state;
    receive(totals, (struct message){"a", 1, 1, 0, 0}, REPORTS(OF("a", 1), OF("b", 1)));
    receive(totals, (struct message){"b", 1, 1, 0, 0}, REPORTS(OF("c", 1), OF("d", 1)));
    receive(totals, (struct message){"b", 2, 1, 1, 1}, REPORTS(OF("c", 1)));
    assert_rows(totals, "n/a/ i1 d0 a0\nn/b/ i1 d0 a0\nn/c/ i1 d0 a0\nn/d/ i1 d0 a0\n");
    receive(totals, (struct message){"a", 2, 1, 1, 1}, REPORTS(OF("a", 1))); /* forgotten */
    assert_rows(totals, "n/a/ i2 d0 a0\nn/b/ i1 d0 a0\nn/c/ i1 d0 a0\nn/d/ i1 d0 a0\n");
    totals_free(totals);
}

/* More than what 30 s bring, and no message that has no counts makes older ones be forgotten. */
static void what_may_be_unconfirmed_is_remembered(void **state)
{
    static const struct totals_limits much = {
        .rows = 100, .text = 10000, .gauges = 100, .again = 8 * AGAIN_MESSAGES};
    struct totals *totals = totals_new(&much);
    uint64_t message = 0;

    (void)state;
    for (int i = 0; i < AGAIN_MESSAGES; i++) {
        receive(totals, (struct message){"a", 1, ++message, 0, 0}, REPORTS(OF("a", 1), OF("c", 1)));
        receive(totals, (struct message){"a", 1, ++message, 0, 0}, REPORTS(OF("a", 0)));
        receive(totals, (struct message){"a", 1, ++message, 0, 0}, REPORTS({.cluster = NULL}));
    }
    receive(totals, (struct message){"a", 2, 1, 1, 1}, REPORTS(OF("a", AGAIN_MESSAGES + 3)));
    assert_rows(totals, "n/a/ i515 d0 a0\nn/c/ i512 d0 a0\n");
    for (uint64_t i = 1; i <= AGAIN_MESSAGES + 1; i++)
        receive(totals, (struct message){"b", 1, i, 0, 0}, REPORTS(OF("b", 1)));
    receive(totals, (struct message){"b", 2, 1, 1, 1}, REPORTS(OF("b", AGAIN_MESSAGES + 1)));
    assert_rows(totals, "n/a/ i515 d0 a0\nn/b/ i514 d0 a0\nn/c/ i512 d0 a0\n");
    totals_free(totals);
}

/* Of each run, where many numbers are remembered. */
static void old_reports_are_forgotten(void **state)
{
    struct totals *totals = totals_new(&wide);

    (void)state;
    for (uint64_t i = 1; i <= 64; i++)
        receive(totals, (struct message){"a", 1, i, 0, 0}, REPORTS(OF("a", 1)));
    receive(totals, (struct message){"a", 2, 1, 1, 1}, REPORTS(OF("a", 64)));
    assert_rows(totals, "n/a/ i64 d0 a0\n");
    for (uint64_t i = 1; i <= 65; i++)
        receive(totals, (struct message){"b", 1, i, 0, 0}, REPORTS(OF("b", 1)));
    receive(totals, (struct message){"b", 2, 1, 1, 1}, REPORTS(OF("b", 65)));
    assert_rows(totals, "n/a/ i64 d0 a0\nn/b/ i66 d0 a0\n");
    /* It becomes old with the message that would cover it, but does not name it. */
    receive(totals, (struct message){"c", 1, 1, 0, 0}, REPORTS(OF("x", 4)));
    for (uint64_t i = 2; i <= 64; i++)
        receive(totals, (struct message){"c", 1, i, 0, 0}, REPORTS(OF("y", 1)));
    receive(totals, (struct message){"c", 2, 1, 1, 1}, REPORTS(OF("z", 1)));
    receive(totals, (struct message){"c", 2, 2, 1, 1}, REPORTS(OF("x", 10)));
    assert_rows(totals, "n/a/ i64 d0 a0\nn/b/ i66 d0 a0\nn/x/ i14 d0 a0\nn/y/ i63 d0 a0\n"
                        "n/z/ i1 d0 a0\n");
    totals_free(totals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number),
        cmocka_unit_test(rows_by_name),
        cmocka_unit_test(gauges_are_those_of_open_streams),
        cmocka_unit_test(bounds),
        cmocka_unit_test(no_sum_wraps),
        cmocka_unit_test(what_is_sent_again_counts_once),
        cmocka_unit_test(what_is_remembered_is_bounded),
        cmocka_unit_test(what_may_be_unconfirmed_is_remembered),
        cmocka_unit_test(old_reports_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
