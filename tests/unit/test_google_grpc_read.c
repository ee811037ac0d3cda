/* google_grpc as the server that reports go to, through the whole loader. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/mem.h"
#include "config/bootstrap.h"

#define SERVICE(content)                                                                           \
    "cluster_manager: {load_stats_config: {api_type: GRPC, grpc_services: [{" content "}]}}\n"
#define GOOGLE(content) SERVICE("google_grpc: {stat_prefix: s, " content "}")
#define SSL(content)                                                                               \
    GOOGLE("target_uri: 'lrs.example:1', channel_credentials: {ssl_credentials: {" content "}}")
#define CALL(content)                                                                              \
    GOOGLE("target_uri: 'lrs.example:1', channel_credentials: {ssl_credentials: {}}, "             \
           "call_credentials: [" content "]")
#define AT "cluster_manager.load_stats_config.grpc_services[0].google_grpc"

static struct config_error error;
static struct bootstrap *loaded; /* by the test at hand */

static const struct bootstrap *load(const char *yaml)
{
    bootstrap_free(TAKE(loaded));
    if (bootstrap_load(&(struct bootstrap_source){.yaml = yaml}, &loaded, &error))
        fail_msg("%s", error.text);
    return loaded;
}

static void expect_error(const char *yaml, const char *wanted)
{
    bootstrap_free(TAKE(loaded));
    if (bootstrap_load(&(struct bootstrap_source){.yaml = yaml}, &loaded, &error) != -EINVAL)
        fail_msg("accepted: %s", yaml);
    if (!strstr(error.text, wanted))
        fail_msg("\"%s\" has no \"%s\"", error.text, wanted);
}

static int tear_down(void **state)
{
    (void)state;
    bootstrap_free(TAKE(loaded));
    return 0;
}

static void targets(void **state)
{
    static const struct {
        const char *uri, *host;
        uint16_t port;
        const char *authority;
    } good[] = {
        {"lrs.example", "lrs.example", 443, "lrs.example"},
        {"lrs.example:18000", "lrs.example", 18000, "lrs.example:18000"},
        {"dns:lrs.example:18000", "lrs.example", 18000, "lrs.example:18000"},
        {"dns:///lrs.example:18000", "lrs.example", 18000, "lrs.example:18000"},
        {"10.0.0.1:80", "10.0.0.1", 80, "10.0.0.1:80"},
        {"ipv4:10.0.0.1", "10.0.0.1", 443, "10.0.0.1"},
        {"[::1]:80", "::1", 80, "[::1]:80"},
        {"ipv6:[::1]", "::1", 443, "[::1]"},
        {"::1", "::1", 443, "::1"},
    };
    static const char *const bad[] = {
        "unix:/run/lrs.sock",
        "xds:///lrs",
        "dns://8.8.8.8/lrs",
        "lrs.example:0",
        "lrs.example:65536",
        "lrs.example:",
        "lrs.example:http",
        "lrs.example:1x",
        "[lrs.example]:1",
        "-lrs:1",
        "10.0.0.256:1",
        ":1",
        "[::1",
        "ipv4:1.2.3.4:1,1.2.3.5:1",
    };
    char yaml[512];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        snprintf(yaml, sizeof(yaml), GOOGLE("target_uri: '%s'"), good[i].uri);
        load(yaml);
        assert_string_equal(loaded->lrs_host, good[i].host);
        assert_int_equal(loaded->lrs_port, good[i].port);
        assert_string_equal(loaded->lrs_authority, good[i].authority);
        assert_null(loaded->lrs_tls);
        assert_int_equal(loaded->lrs_metadata_count, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        snprintf(yaml, sizeof(yaml), GOOGLE("target_uri: '%s'"), bad[i]);
        expect_error(yaml, AT ".target_uri: found \"");
    }
    expect_error(GOOGLE(""),
                 "target_uri: found \"\", expected HOST:PORT, dns:///HOST:PORT, ipv4:IP:PORT or "
                 "ipv6:[IP]:PORT");
    expect_error(SERVICE("google_grpc: {target_uri: a}"), AT ": found no stat_prefix");
}

static void ssl_credentials(void **state)
{
    const struct tls_settings *tls = load(SSL(""))->lrs_tls;

    (void)state;
    assert_true(tls->system_roots);
    assert_string_equal(tls->server_name, "lrs.example");
    assert_int_equal(tls->name_count, 1);
    assert_int_equal(tls->names[0].kind, NAME_DNS);
    assert_int_equal(tls->names[0].match, NAME_EXACT);
    assert_string_equal(tls->names[0].text, "lrs.example");
    tls = load(SSL("root_certs: {inline_string: R}, cert_chain: {inline_string: C}, private_key: "
                   "{inline_string: K}"))
              ->lrs_tls;
    assert_false(tls->system_roots);
    assert_string_equal((char *)tls->trusted_ca.bytes, "R");
    assert_string_equal((char *)tls->certificate.bytes, "C");
    assert_string_equal((char *)tls->private_key.bytes, "K");
    tls =
        load(GOOGLE("target_uri: '[::1]:1', channel_credentials: {ssl_credentials: {}}"))->lrs_tls;
    assert_null(tls->server_name); /* RFC 6066: no address in SNI */
    assert_int_equal(tls->names[0].kind, NAME_IP);
    assert_string_equal(tls->names[0].text, "::1");
    expect_error(SSL("cert_chain: {inline_string: C}"), AT
                 ".channel_credentials.ssl_credentials: found one of cert_chain and private_key");
    expect_error(SSL("root_certs: {filename: /nowhere}"),
                 "ssl_credentials.root_certs.filename: found the file /nowhere, which cannot be");
    expect_error(GOOGLE("target_uri: a, channel_credentials: {google_default: {}}"),
                 ".channel_credentials: found credentials that are not supported, expected ssl_");
    expect_error(GOOGLE("target_uri: a, channel_credentials: {local_credentials: {}}"),
                 "not supported");
}

static void call_credentials(void **state)
{
    (void)state;
    load(CALL("{access_token: T0ken}"));
    assert_int_equal(loaded->lrs_metadata_count, 1);
    assert_string_equal(loaded->lrs_metadata[0].key, "authorization");
    assert_string_equal(loaded->lrs_metadata[0].value, "Bearer T0ken");
    expect_error(CALL("{}"), AT ".call_credentials[0]: found credentials that are not supported");
    expect_error(CALL("{access_token: ''}"), "not supported");
    expect_error(CALL("{google_iam: {authorization_token: a}}"), "not supported");
    expect_error(CALL("{access_token: a}, {access_token: b}"), "expected one access_token");
    expect_error(CALL("{access_token: \"T0ken\\n\"}"),
                 "access_token: found a blank or another character that no token has, expected "
                 "printable ASCII");
    assert_null(strstr(error.text, "T0ken"));
    expect_error(CALL("{access_token: [T0ken]}"), "found something else, which is not shown");
    expect_error(GOOGLE("target_uri: a, call_credentials: [{access_token: a}]"),
                 "access_token: found a token without TLS, expected ssl_credentials");
    expect_error(GOOGLE("target_uri: a, credentials_factory_name: f"),
                 ".credentials_factory_name: found credentials_factory_name, which is not");
    expect_error(GOOGLE("target_uri: a, channel_args: {args: {}}"), ".channel_args: found");
}

static void metadata_comes_first(void **state)
{
    (void)state;
    load(SERVICE("google_grpc: {stat_prefix: s, target_uri: a, channel_credentials: "
                 "{ssl_credentials: {}}, call_credentials: {access_token: t}}, "
                 "initial_metadata: [{key: k, value: v}]"));
    assert_int_equal(loaded->lrs_metadata_count, 2);
    assert_string_equal(loaded->lrs_metadata[0].key, "k");
    assert_string_equal(loaded->lrs_metadata[1].key, "authorization");
}

static void out_of_memory(void **state)
{
    const struct bootstrap_source source = {
        .yaml = SERVICE("google_grpc: {stat_prefix: s, target_uri: a, channel_credentials: "
                        "{ssl_credentials: {root_certs: {inline_string: R}}}, call_credentials: "
                        "{access_token: t}}")};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 10000; left++) {
        struct bootstrap *bootstrap = NULL;
        long live = memory_live;

        memory_left = left;
        int failed = bootstrap_load(&source, &bootstrap, &error);
        memory_left = -1;
        bootstrap_free(bootstrap);
        assert_int_equal(memory_live, live);
        if (!failed)
            return;
        assert_int_equal(failed, -ENOMEM);
    }
    fail();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(targets),
        TEST(ssl_credentials),
        TEST(call_credentials),
        TEST(metadata_comes_first),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
