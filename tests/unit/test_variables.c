/* Variables of the environment in a bootstrap: where they are replaced, and what becomes of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/bootstrap.h"
#include "google/protobuf/struct.pb-c.h"

#define SANDBOX "configs/envoy-lrs-sandbox.yaml"
#define MINIMAL "configs/minimal.yaml"

static const char *const environment[] = {
    "POD=web-0", "ZONE=eu-1",    "PORT=8080", "COST=$$5 ${POD}",  "WORD=yes",
    "TTL=true",  "PROTOCOL=tcp", "IDLE=7s",   "RULES=ENVOY_1_33", NULL,
};

static struct config_error error;

/* The minimal file, with the text merged on top. */
static struct bootstrap *load(const char *yaml, const char *const *variables)
{
    struct bootstrap *bootstrap = NULL;
    const struct bootstrap_source source = {
        .path = MINIMAL, .yaml = yaml, .environment = variables};

    error.text[0] = '\0';
    if (bootstrap_load(&source, &bootstrap, &error))
        assert_null(bootstrap);
    return bootstrap;
}

static struct bootstrap *must_load(const char *yaml, const char *const *variables)
{
    struct bootstrap *bootstrap = load(yaml, variables);

    if (!bootstrap)
        fail_msg("%s", error.text);
    return bootstrap;
}

static void expect_error(const char *yaml, const char *wanted)
{
    assert_null(load(yaml, environment));
    if (!strstr(error.text, wanted))
        fail_msg("found: %s\nwanted: %s", error.text, wanted);
}

static bool notes_variables(const struct bootstrap *bootstrap)
{
    for (size_t i = 0; i < bootstrap->note_count; i++)
        if (strstr(bootstrap->notes[i], "--config-expand-env"))
            return true;
    return false;
}

static void values_of_all_types(void **state)
{
    struct bootstrap *bootstrap = must_load(
        "node: {id: '${POD}.${ZONE}', locality: {zone: '${ZONE}', sub_zone: '$${POD}'}}\n"
        "static_resources: {clusters: [{name: '${POD}', type: STRICT_DNS,\n"
        "  respect_dns_ttl: '${TTL}',\n"
        "  metadata: {filter_metadata: {loadtap: {protocol: '${PROTOCOL}'}}},\n"
        "  load_assignment: {cluster_name: x, endpoints: [{lb_endpoints: [{endpoint: {address:\n"
        "    {socket_address: {address: '${POD}.local', port_value: '${PORT}'}}}}]}]}}]}\n"
        "bootstrap_extensions: [{name: x, typed_config: {\n"
        "  '@type': type.googleapis.com/loadtap.v1.Settings, cgroup_path: '/${WORD}',\n"
        "  removed_endpoint_idle_time: '${IDLE}', emission_rules: '${RULES}'}}]\n",
        environment);
    const struct cluster *cluster = clusters_find(&bootstrap->clusters, "web-0");

    (void)state;
    assert_string_equal(bootstrap->node->id, "web-0.eu-1");
    assert_string_equal(bootstrap->node->locality->zone, "eu-1");
    assert_string_equal(bootstrap->node->locality->sub_zone, "${POD}");
    assert_false(notes_variables(bootstrap));
    assert_non_null(cluster);
    assert_int_equal(cluster->protocol, PROTOCOL_TCP);
    assert_string_equal(cluster->groups[0].endpoints[0].host, "web-0.local");
    assert_int_equal(cluster->groups[0].endpoints[0].port, 8080);
    assert_string_equal(bootstrap->cgroup_path, "/yes");
    assert_int_equal(bootstrap->removed_idle_ms, 7000);
    assert_int_equal(bootstrap->emission_rules, EMISSION_UP_TO_ENVOY_1_33);
    bootstrap_free(bootstrap);
}

/* Also those of a map that takes any; and what a variable holds is a string, whatever it looks like,
 * and is not read again. */
static void keys_stay(void **state)
{
    struct bootstrap *bootstrap = must_load(
        "node: {metadata: {'${POD}': ['${COST}', {'$$': '$$'}, '${WORD}']}}\n", environment);
    const Google__Protobuf__Struct *metadata = bootstrap->node->metadata;

    (void)state;
    assert_int_equal(metadata->n_fields, 1);
    assert_string_equal(metadata->fields[0]->key, "${POD}");
    Google__Protobuf__Value **list = metadata->fields[0]->value->list_value->values;
    assert_string_equal(list[0]->string_value, "$$5 ${POD}");
    assert_string_equal(list[1]->struct_value->fields[0]->key, "$$");
    assert_string_equal(list[1]->struct_value->fields[0]->value->string_value, "$");
    assert_string_equal(list[2]->string_value, "yes");
    bootstrap_free(bootstrap);
    expect_error("node: {'${POD}': x}\n", "found the unknown key '${POD}'");
}

static void unread_values_stay(void **state)
{
    (void)state;
    bootstrap_free(must_load("static_resources: {listeners: [{name: '${NOPE}'}]}\n"
                             "typed_dns_resolver_config: {name: '${', x: '${NOPE}'}\n",
                             environment));
}

static void without_an_environment_all_stays(void **state)
{
    struct bootstrap *bootstrap =
        must_load("node: {id: '${POD}', cluster: '$$', locality: {sub_zone: '${'}}\n", NULL);

    (void)state;
    assert_string_equal(bootstrap->node->id, "${POD}");
    assert_string_equal(bootstrap->node->cluster, "$$");
    assert_string_equal(bootstrap->node->locality->sub_zone, "${");
    assert_true(notes_variables(bootstrap));
    bootstrap_free(bootstrap);
    bootstrap = must_load("node: {id: a, locality: {zone: 'x${Z}'}}\n", NULL);
    assert_true(notes_variables(bootstrap));
    bootstrap_free(bootstrap);
    bootstrap = must_load("node: {id: '$a', locality: {zone: '$'}}\n", NULL);
    assert_false(notes_variables(bootstrap));
    bootstrap_free(bootstrap);
}

static void errors_name_the_place_and_the_variable(void **state)
{
    (void)state;
    expect_error(
        "node:\n  id: a\n  locality: {zone: '${HERE}'}\n",
        "--config-yaml:3:20: node.locality.zone: found ${HERE}, but the environment has no "
        "variable HERE: set it, or write $${HERE} for the text itself");
    expect_error("node: {id: '${POD:-x}'}\n",
                 "--config-yaml:1:12: node.id: found \"${POD:-x}\", expected ${NAME}");
    expect_error("node: {client_features: [a, '${']}\n", "node.client_features[1]: found \"${\"");
    assert_null(load("node: {id: '${A}'}\n", (const char *const[]){"A=\xff", NULL}));
    assert_non_null(strstr(error.text, "node.id: found ${A}, but the environment's A is no UTF-8"));
}

/* An error about the value says which variable it came from; of a secret, neither. */
static void errors_of_a_value(void **state)
{
    (void)state;
    expect_error(
        "admin: {address: {socket_address: {address: '::1', port_value: '${POD}'}}}\n",
        "port_value: found the string \"web-0\" (written \"${POD}\"), expected an integer");
    expect_error("cluster_manager: {load_stats_config: {grpc_services: [{initial_metadata: [\n"
                 "  {key: k, raw_value: '${POD}!'}]}]}}\n",
                 "raw_value: found something else, which is not shown, expected");
}

/* Envoy's own file has nothing that could be taken for a variable. */
static void the_sandbox(void **state)
{
    const struct bootstrap_source source = {.path = SANDBOX,
                                            .environment = (const char *const[]){NULL}};
    struct bootstrap *bootstrap = NULL;

    (void)state;
    assert_int_equal(bootstrap_load(&source, &bootstrap, &error), 0);
    bootstrap_free(bootstrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_all_types),
        cmocka_unit_test(keys_stay),
        cmocka_unit_test(unread_values_stay),
        cmocka_unit_test(without_an_environment_all_stays),
        cmocka_unit_test(errors_name_the_place_and_the_variable),
        cmocka_unit_test(errors_of_a_value),
        cmocka_unit_test(the_sandbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
