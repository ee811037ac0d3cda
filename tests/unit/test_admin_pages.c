/* Every page of the daemon, over clusters that a reload has left vacant places in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "admin/pages.h"
#include "clusters_text.h"

static Envoy__Config__Core__V3__Node node = ENVOY__CONFIG__CORE__V3__NODE__INIT;
static struct bootstrap bootstrap;
static struct hosts *hosts;
static struct reporter *reporter;

/* --- stand-ins ----------------------------------------------------------------------------------*/

static void open_stream(void *arg, const struct delivery *delivery)
{
    (void)arg, (void)delivery;
}

static int send_report(void *arg, struct grpc_messages *messages, bool mark)
{
    (void)arg, (void)mark;
    grpc_messages_clear(messages);
    return 0;
}

/* Every endpoint has had three requests. */
static void read_row(void *arg, uint32_t slot, struct counters *out)
{
    (void)arg, (void)slot;
    *out = (struct counters){.rq_issued = 3, .rq_success = 3, .rq_finished = 3};
}

static void read_rows(void *arg, uint32_t first, size_t count, struct counters *out)
{
    for (size_t i = 0; i < count; i++)
        read_row(arg, first + (uint32_t)i, &out[i]);
}

static const char *no_name(void *arg, const struct host *host, size_t i)
{
    (void)arg, (void)host, (void)i;
    return NULL;
}

static bool dialled(void *arg, const struct host *host)
{
    (void)arg, (void)host;
    return false;
}

static int no_certificates(void *arg, tls_certificate_fn *each, void *each_arg)
{
    (void)arg, (void)each, (void)each_arg;
    return 0;
}

/* --- the test ----------------------------------------------------------------------------------*/

static void add(uint32_t cluster, uint32_t group, const char *ip)
{
    const struct host *out, *owner, *other;
    struct address address;

    assert_int_equal(address_parse(ip, 80, &address), 0);
    assert_int_equal(hosts_add(hosts, cluster, group, &address, &out, &owner, &other), 0);
    hosts_hold(hosts, out->slot);
}

/* Vacant are the first and the last locality of a cluster that is live, and a cluster before it. */
static int set_up(void **state)
{
    const struct reporter_ops ops = {open_stream, send_report, read_rows};

    (void)state;
    node.id = (char *)"here";
    node.cluster = (char *)"test";
    bootstrap = (struct bootstrap){.node = &node, .metrics_label_sets = 1};
    bootstrap.clusters = configuration("gone;apple n.0 e.0 w.1 s.0;berry e.0");
    cluster_clear(&bootstrap.clusters.items[0]);
    locality_endpoints_clear(&bootstrap.clusters.items[1].groups[0]);
    locality_endpoints_clear(&bootstrap.clusters.items[1].groups[3]);
    hosts = hosts_new(&bootstrap.clusters);
    add(1, 1, "10.0.0.1");
    add(1, 2, "10.0.0.2");
    add(2, 0, "10.0.0.1");
    reporter = reporter_new(&(struct reporter_options){.node = &node,
                                                       .clusters = &bootstrap.clusters,
                                                       .hosts = hosts,
                                                       .message_max = PACKING_MAX},
                            &ops, NULL);
    return reporter ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    reporter_free(reporter);
    hosts_free(hosts);
    clusters_clear(&bootstrap.clusters);
    return 0;
}

static void expect(const char *path, const char *query, const char *part)
{
    static const struct admin_cost cost = {.started_us = 1};
    static const struct http_numbers http;
    const struct admin_pages pages = {.view = {.bootstrap = &bootstrap,
                                               .clusters = &bootstrap.clusters,
                                               .hosts = hosts,
                                               .reporter = reporter,
                                               .lrs_target = "management",
                                               .now_us = 2,
                                               .wall_us = 2,
                                               .read = read_row,
                                               .name = no_name,
                                               .undialled = dialled,
                                               .certificates = no_certificates},
                                      .cost = &cost,
                                      .http = &http};
    const struct http_request request = {.method = HTTP_METHOD_GET,
                                         .way = HTTP_WAY_UNIX,
                                         .path = path,
                                         .query = query,
                                         .host = "localhost"};
    struct http_answer answer = {.status = 404};
    autofree char *text = NULL;

    admin_answer(&pages, &request, &answer);
    assert_int_equal(answer.status, 200);
    text = strndup(answer.body->text, answer.body->length);
    http_body_drop(answer.body);
    if (!strstr(text, part))
        fail_msg("%s?%s: expected %s in:\n%s", path, query, part, text);
    assert_null(strstr(text, "(null)"));
    assert_null(strstr(text, "gone"));
}

static void vacant_places_are_passed_over(void **state)
{
    (void)state;
    expect("/clusters", "", "apple::10.0.0.2:80::rq_total::3\n");
    expect("/clusters", "format=json", "\"name\": \"berry\"");
    expect("/metrics", "", "cluster=\"apple\",region=\"e\"");
    expect("/metrics", "", "overflow=\"true\"} 6\n");
    expect("/stats", "", "cluster.apple.upstream_rq_total: 6\n");
    expect("/stats", "format=prometheus", "cluster=\"apple\"");
    expect("/live/events", "", "\"name\":\"apple\"");
    expect("/live/events", "", "\"label\":\"w, priority 1\"");
    expect("/explain", "cluster=apple", "\"apple\"");
    expect("/explain", "address=10.0.0.1:80", "\"apple\"");
    expect("/lrs", "", "");
    expect("/lrs", "format=json", "");
    expect("/lrs", "next", "");
    expect("/config_dump", "", "\"configs\"");
    expect("/certs", "", "certificates");
    expect("/server_info", "", "INITIALIZING");
    expect("/", "", "/clusters");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vacant_places_are_passed_over, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
