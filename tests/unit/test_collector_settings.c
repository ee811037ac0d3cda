/* Files of --settings: whose they are, what they leave out, what is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/settings.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "grpc/frame.h"

typedef Envoy__Service__LoadStats__V3__LoadStatsResponse response;

static char first[] = "first", second[] = "second";
static char *flag_clusters[] = {first, second};
static const struct ask flags = {
    .interval_us = 10000000, .clusters = flag_clusters, .cluster_count = 2, .endpoints = true};

/* `error` gets the text without the file's name. */
static int read_text(const char *text, struct settings **out, struct config_error *error)
{
    char path[] = "/tmp/test_collector_settings.XXXXXX";
    int fd = mkstemp(path), failed;
    size_t length = strlen(text);

    assert_int_equal(write(fd, text, length), length);
    close(fd);
    failed = settings_new(path, &flags, out, error);
    unlink(path);
    if (failed)
        memmove(error->text, error->text + strlen(path), strlen(error->text + strlen(path)) + 1);
    return failed;
}

static struct settings *read_good(const char *text)
{
    struct settings *settings = NULL;
    struct config_error error = {"-"};

    if (read_text(text, &settings, &error))
        fail_msg("%s", error.text);
    return settings;
}

/* "first,second 10s endpoints" */
static void assert_asked(const struct settings *settings, const char *id, const char *cluster,
                         const char *expected)
{
    const struct answer *answer = settings_answer(settings, id, cluster);
    response *made = envoy__service__load_stats__v3__load_stats_response__unpack(
        NULL, answer->length - GRPC_FRAME_PREFIX, answer->bytes + GRPC_FRAME_PREFIX);
    char text[200] = "";
    size_t used = 0;

    assert_non_null(made);
    assert_int_equal(answer->bytes[4], answer->length - GRPC_FRAME_PREFIX);
    assert_int_equal(made->send_all_clusters, made->n_clusters == 0);
    for (size_t i = 0; i < made->n_clusters; i++)
        used += (size_t)sprintf(text + used, "%s%s", i ? "," : "", made->clusters[i]);
    sprintf(text + used, "%s %gs%s", used ? "" : "all",
            (double)made->load_reporting_interval->seconds +
                made->load_reporting_interval->nanos / 1e9,
            made->report_endpoint_granularity ? " endpoints" : "");
    assert_string_equal(text, expected);
    envoy__service__load_stats__v3__load_stats_response__free_unpacked(made, NULL);
}

static void no_file(void **state)
{
    static const struct ask all = {.interval_us = 1500000};
    struct settings *settings;
    struct config_error error;

    (void)state;
    assert_int_equal(settings_new(NULL, &flags, &settings, &error), 0);
    assert_asked(settings, "a", "b", "first,second 10s endpoints");
    settings_free(settings);
    assert_int_equal(settings_new(NULL, &all, &settings, &error), 0);
    assert_asked(settings, "", "", "all 1.5s");
    settings_free(settings);
    assert_int_equal(settings_new("/nowhere/x", &all, &settings, &error), -ENOENT);
    assert_string_equal(error.text, "/nowhere/x: cannot be read: No such file or directory");
}

static void first_match_wins(void **state)
{
    struct settings *settings = read_good("nodes:\n"
                                          "- node_ids: [one, two]\n"
                                          "  load_reporting_interval: 1s\n"
                                          "- node_clusters: edge\n"
                                          "  node_ids: [three]\n"
                                          "  load_reporting_interval: 2s\n"
                                          "- nodeIds: [one, four]\n"
                                          "  loadReportingInterval: 3s\n");

    (void)state;
    assert_asked(settings, "one", "edge", "first,second 1s endpoints");
    assert_asked(settings, "two", "", "first,second 1s endpoints");
    assert_asked(settings, "three", "x", "first,second 2s endpoints");
    assert_asked(settings, "four", "edge", "first,second 2s endpoints");
    assert_asked(settings, "four", "x", "first,second 3s endpoints");
    assert_asked(settings, "edge", "one", "first,second 10s endpoints");
    assert_asked(settings, "", "", "first,second 10s endpoints");
    settings_free(settings);
}

static void what_is_left_out(void **state)
{
    struct settings *settings =
        read_good("default: {load_reporting_interval: 5s}\n"
                  "nodes:\n"
                  "- {node_ids: a, send_all_clusters: true}\n"
                  "- {node_ids: b, clusters: third}\n"
                  "- {node_ids: c, report_endpoint_granularity: false}\n"
                  "- {node_ids: d, load_reporting_interval: 0.001s}\n"
                  "- {node_ids: e, load_reporting_interval: 86400s}\n"
                  "- {node_ids: f, clusters: [third], send_all_clusters: false}\n"
                  "- {node_ids: g, send_all_clusters: ~}\n");

    (void)state;
    assert_asked(settings, "a", "", "all 5s endpoints");
    assert_asked(settings, "b", "", "third 5s endpoints");
    assert_asked(settings, "c", "", "first,second 5s");
    assert_asked(settings, "d", "", "first,second 0.001s endpoints");
    assert_asked(settings, "e", "", "first,second 86400s endpoints");
    assert_asked(settings, "f", "", "third 5s endpoints");
    assert_asked(settings, "g", "", "first,second 5s endpoints");
    assert_asked(settings, "z", "", "first,second 5s endpoints");
    settings_free(settings);
    settings = read_good("default: {send_all_clusters: true, report_endpoint_granularity: false}\n"
                         "nodes: [{node_ids: a, clusters: [x]}, {node_ids: b}]\n");
    assert_asked(settings, "a", "", "x 10s");
    assert_asked(settings, "b", "", "all 10s");
    assert_asked(settings, "z", "", "all 10s");
    settings_free(settings);
    settings = read_good("{}");
    assert_asked(settings, "z", "", "first,second 10s endpoints");
    settings_free(settings);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"", ": found an empty file"},
        {"# nothing", ": found no content"},
        {"nodes: [", "no valid YAML"},
        {"nodes:\n- node_id: a",
         ":2:3: nodes[0].node_id: found the unknown key 'node_id', expected "
         "a field of NodeSettings: did you mean 'node_ids'?"},
        {"nodes:\n- clusters: [a]", ":2:3: nodes[0]: found neither node_ids nor node_clusters"},
        {"nodes:\n- node_ids: [a]\n  clusters: [b]\n  send_all_clusters: true",
         ":3:13: nodes[0].clusters: found clusters beside send_all_clusters"},
        {"nodes:\n- node_ids: [a]\n  send_all_clusters: false",
         ":3:22: nodes[0].send_all_clusters: found false and no clusters, expected true, or the "
         "names of some in 'clusters'"},
        {"default:\n  clusters: []\n  sendAllClusters: false",
         ":3:20: default.send_all_clusters: found false and no clusters"},
        {"nodes:\n- node_ids: [a]\n  clusters: [b, '']",
         ":3:13: nodes[0].clusters: found an empty"},
        {"nodes:\n- node_ids: ['']", ":2:13: nodes[0].node_ids: found an empty name"},
        {"nodes:\n- node_clusters: ['']", ":2:18: nodes[0].node_clusters: found an empty name"},
        {"nodes:\n- node_ids: 5", ":2:13: nodes[0].node_ids[0]: found the number 5"},
        {"nodes:\n- node_ids: a\n  load_reporting_interval: 0.0009s",
         ":3:28: nodes[0].load_reporting_interval: found an interval that is out of range"},
        {"default: {load_reporting_interval: 86400.000001s}",
         ":1:36: default.load_reporting_interval: found an interval that is out of range"},
        {"default: {load_reporting_interval: -1s}", "default.load_reporting_interval: found an "
                                                    "interval that is out of range"},
        {"default: {load_reporting_interval: 9999999999999s}",
         "default.load_reporting_interval: found"},
        {"default: {load_reporting_interval: 1}",
         ":1:36: default.load_reporting_interval: found the "
         "number 1, expected a duration"},
        {"default: {node_clusters: [a]}", ":1:26: default.node_clusters: found a choice of nodes"},
        {"default: {}\ndefault: {}", ":2:1: "},
        {"[]", ":1:1: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct settings *settings = (struct settings *)1;
        struct config_error error;

        assert_int_equal(read_text(cases[i].text, &settings, &error), -EINVAL);
        if (!strstr(error.text, cases[i].error))
            fail_msg("%s instead of %s", error.text, cases[i].error);
        assert_ptr_equal(settings, (struct settings *)1);
    }
}

/* A stream may send an answer whose settings are gone. */
static void an_answer_is_held(void **state)
{
    struct settings *settings = read_good("{}");
    struct answer *held = answer_hold(settings_answer(settings, "", ""));
    struct settings *again = read_good("nodes: [{node_ids: a, clusters: [x]}]");

    (void)state;
    settings_free(settings);
    assert_true(answer_equal(held, settings_answer(again, "", "")));
    assert_false(answer_equal(held, settings_answer(again, "a", "")));
    assert_false(answer_equal(held, NULL));
    answer_drop(held);
    answer_drop(NULL);
    settings_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_file),           cmocka_unit_test(first_match_wins),
        cmocka_unit_test(what_is_left_out),  cmocka_unit_test(what_is_refused),
        cmocka_unit_test(an_answer_is_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
