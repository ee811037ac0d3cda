#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/bootstrap_text.h"
#include "config/bootstrap.h"

static const struct bootstrap_facts facts = {
    .node_id = "host",
    .management_host = "127.0.0.1",
    .management_port = 18000,
    .seconds = 10,
    .saw_open = true,
};

static struct peer peer(const char *ip, uint16_t port, const char *process, uint64_t connections)
{
    struct peer peer = {.connections = connections};

    assert_int_equal(address_parse(ip, port, &peer.address), 0);
    strcpy(peer.process, process);
    return peer;
}

static char *text_of(const struct bootstrap_facts *about, struct peer *peers, size_t count)
{
    struct peer_groups groups;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_int_equal(peer_groups_make(peers, count, NULL, &groups), 0);
    bootstrap_text(about, &groups, out);
    fclose(out);
    peer_groups_clear(&groups);
    return text;
}

/* As the daemon reads it. */
static struct bootstrap *load(const struct bootstrap_facts *about, struct peer *peers, size_t count)
{
    autofree char *text = text_of(about, peers, count);
    const struct bootstrap_source source = {.yaml = text};
    struct bootstrap *bootstrap;
    struct config_error error = {0};

    if (bootstrap_load(&source, &bootstrap, &error))
        fail_msg("%s in\n%s", error.text, text);
    return bootstrap;
}

static void the_whole_text(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 8080, "nginx", 2), peer("10.0.0.1", 8080, "curl", 1),
                           peer("::1", 8080, "nginx", 4), peer("10.0.0.1", 5432, "", 1)};
    autofree char *text = NULL;

    (void)state;
    peers[0].http = 1;
    peers[3].session = 1;
    text = text_of(&facts, peers, 4);
    assert_string_equal(
        text,
        "# By `loadtap init`: what the processes of this machine dialled in 10 seconds, and what "
        "they had open before.\n"
        "#\n"
        "# A cluster is made for each process and port. Rename, merge and divide them as your "
        "proxy's upstreams are, and take\n"
        "# out what is none; an address counts for one cluster. `loadtap --mode validate -c FILE` "
        "checks the file.\n"
        "node:\n"
        "  id: \"host\" # who reports; differs from node to node\n"
        "  cluster: loadtap # what nodes of one kind have in common\n"
        "static_resources:\n"
        "  clusters:\n"
        "  # Port 5432: 1 connection. No HTTP: each is counted as one session.\n"
        "  - name: \"port-5432\"\n"
        "    type: STATIC\n"
        "    metadata: {filter_metadata: {loadtap: {protocol: tcp}}}\n"
        "    load_assignment:\n"
        "      cluster_name: \"port-5432\"\n"
        "      endpoints:\n"
        "      - lb_endpoints:\n"
        "        - endpoint: {address: {socket_address: {address: \"10.0.0.1\", port_value: "
        "5432}}} "
        "# 1\n"
        "  # Port 8080, dialled by nginx: 7 connections with HTTP.\n"
        "  - name: \"nginx-8080\"\n"
        "    type: STATIC\n"
        "    load_assignment:\n"
        "      cluster_name: \"nginx-8080\"\n"
        "      endpoints:\n"
        "      - lb_endpoints:\n"
        "        - endpoint: {address: {socket_address: {address: \"::1\", port_value: 8080}}} # "
        "4, "
        "nginx\n"
        "        - endpoint: {address: {socket_address: {address: \"10.0.0.1\", port_value: "
        "8080}}} "
        "# 3, nginx, curl\n"
        "  # The management server that is reported to. `loadtap-collector` listens here unless "
        "told otherwise.\n"
        "  - name: \"management_server\"\n"
        "    type: STATIC\n"
        "    load_assignment:\n"
        "      cluster_name: \"management_server\"\n"
        "      endpoints:\n"
        "      - lb_endpoints:\n"
        "        - endpoint: {address: {socket_address: {address: \"127.0.0.1\", port_value: "
        "18000}}}\n"
        "cluster_manager:\n"
        "  load_stats_config:\n"
        "    api_type: GRPC\n"
        "    grpc_services:\n"
        "    - envoy_grpc: {cluster_name: management_server}\n"
        "# For a browser: http://127.0.0.1:9901/live; /metrics for Prometheus. If something else "
        "listens "
        "there, as an Envoy may,\n"
        "# loadtap counts without it: say another port. `loadtap top` and `explain` ask a Unix "
        "socket.\n"
        "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 9901}}}\n");
}

static void what_the_daemon_reads_in_it(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 8080, "nginx", 2), peer("10.0.0.1", 5432, "nginx", 1),
                           peer("10.0.0.2", 443, "nginx", 1)};
    struct bootstrap *bootstrap;

    (void)state;
    peers[1].session = 1;
    peers[2].tls = 1;
    bootstrap = load(&facts, peers, 3);
    assert_int_equal(bootstrap->clusters.count, 4);
    assert_string_equal(bootstrap->clusters.items[1].name, "nginx-5432");
    assert_int_equal(bootstrap->clusters.items[1].protocol, PROTOCOL_TCP);
    assert_int_equal(bootstrap->clusters.items[0].protocol, PROTOCOL_AUTO);
    assert_string_equal(bootstrap->admin_host, "127.0.0.1");
    assert_int_equal(bootstrap->admin_port, 9901);
    bootstrap_free(bootstrap);
}

/* Names that come from elsewhere stay what they are: strings, and comments of one line. */
static void names_of_any_kind(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "a\n\"b: #", 1),
                           peer("10.0.0.2", 80, "\x80\xff", 2), peer("10.0.0.3", 80, "yes", 2)};
    struct bootstrap_facts odd = facts;
    struct bootstrap *bootstrap;

    (void)state;
    odd.node_id = "n\n\\\"";
    odd.cgroup = "/sys/fs/cgroup/a\"\nb: {";
    odd.management_host = "management.example";
    odd.management_given = true;
    bootstrap = load(&odd, peers, 3);
    assert_string_equal(bootstrap->cgroup_path, odd.cgroup);
    assert_int_equal(bootstrap->clusters.count, 4);
    bootstrap_free(bootstrap);
}

static void what_is_missing_is_said(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "a", 1), peer("127.0.0.1", 80, "b", 7)};
    struct bootstrap_facts less = facts;
    autofree char *text = NULL;

    (void)state;
    less.saw_open = false;
    less.missed = 12;
    less.seconds = 1;
    peers[1].elsewhere = true;
    text = text_of(&less, peers, 2);
    assert_non_null(strstr(text, "dialled in 1 second.\n"));
    assert_non_null(strstr(text, "does not show connections that were open before"));
    assert_non_null(strstr(text, "12 connections are in none of these"));
    assert_non_null(
        strstr(text, "7 connections to loopback addresses of other network namespaces"));
    assert_null(strstr(text, "b-80"));
}

/* A keep-alive connection of HTTP shows no first bytes either: sessions would be the wrong advice. */
static void what_was_open_before(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "a", 3), peer("10.0.0.2", 81, "b", 1),
                           peer("10.0.0.3", 82, "c", 2), peer("10.0.0.4", 83, "d", 2)};
    autofree char *text = NULL;

    (void)state;
    peers[0].open = 2;
    peers[1].open = 1;
    peers[2].open = peers[2].http = 1;
    text = text_of(&facts, peers, 4);
    assert_non_null(strstr(text, "dialled by a: 3 connections, of which 2 were open before: not "
                                 "known what they speak."));
    assert_non_null(strstr(text, "dialled by b: 1 connection, of which 1 was open before: not "
                                 "known what they speak."));
    assert_non_null(strstr(text, "dialled by c: 2 connections with HTTP.\n"));
    *strstr(text, "dialled by d:") = '\0';
    assert_null(strstr(text, "protocol: tcp"));
}

static void the_table(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 8080, "nginx", 2), peer("::1", 5432, "", 10)};
    struct peer_groups groups;
    char text[1024];
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    peers[0].http = 2;
    assert_int_equal(peer_groups_make(peers, 2, NULL, &groups), 0);
    peer_table(&groups, out);
    fclose(out);
    peer_groups_clear(&groups);
    assert_string_equal(
        text,
        "peer                             connections  seen  cluster              dialled by\n"
        "[::1]:5432                                10  ?     port-5432            ?\n"
        "10.0.0.1:8080                              2  HTTP  nginx-8080           nginx\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text),       cmocka_unit_test(what_the_daemon_reads_in_it),
        cmocka_unit_test(names_of_any_kind),    cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(what_was_open_before), cmocka_unit_test(the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
