/* transport_socket of the cluster that reports go to, through the whole loader. */
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

#define CLUSTER(socket)                                                                            \
    "static_resources: {clusters: [{name: m, " socket                                              \
    "load_assignment: {cluster_name: m, endpoints: [{lb_endpoints: [{endpoint: {address: "         \
    "{socket_address: {address: 10.0.0.9, port_value: 1}}}}]}]}}]}\n"                              \
    "cluster_manager: {load_stats_config: {api_type: GRPC, grpc_services: [{envoy_grpc: "          \
    "{cluster_name: m}}]}}\n"
#define TYPE "'@type': type.googleapis.com/envoy.extensions.transport_sockets."
#define SOCKET(content)                                                                            \
    CLUSTER("transport_socket: {name: envoy.transport_sockets.tls, typed_config: {" TYPE           \
            "tls.v3.UpstreamTlsContext, " content "}}, ")
#define COMMON(content) SOCKET("common_tls_context: {" content "}")
#define VALIDATION(content) COMMON("validation_context: {" content "}")
#define CA "trusted_ca: {inline_string: PEM}"
#define NAMES(content) VALIDATION(CA ", match_typed_subject_alt_names: [" content "]")
#define AT "static_resources.clusters[0].transport_socket.typed_config."

static struct config_error error;
static struct bootstrap *loaded; /* by the test at hand */

static const struct tls_settings *load(const char *yaml)
{
    bootstrap_free(TAKE(loaded));
    if (bootstrap_load(&(struct bootstrap_source){.yaml = yaml}, &loaded, &error))
        fail_msg("%s", error.text);
    return loaded->lrs_tls;
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

static void assert_noted(const char *part)
{
    for (size_t i = 0; i < loaded->note_count; i++)
        if (strstr(loaded->notes[i], part))
            return;
    fail_msg("no note has \"%s\"", part);
}

static void assert_source(const struct data_source *source, const char *content, const char *place)
{
    uint8_t *bytes;
    size_t size;

    assert_int_equal(data_source_load(source, &bytes, &size), 0);
    assert_int_equal(size, strlen(content));
    assert_memory_equal(bytes, content, size);
    data_source_release(bytes, size);
    if (!strstr(source->place, place))
        fail_msg("\"%s\" has no \"%s\"", source->place, place);
}

/* --- tests -------------------------------------------------------------------------- */

static void which_sockets(void **state)
{
    (void)state;
    assert_null(load(CLUSTER("")));
    assert_null(load(
        CLUSTER("transport_socket: {name: r, typed_config: {" TYPE "raw_buffer.v3.RawBuffer}}, ")));
    expect_error(CLUSTER("transport_socket: {name: envoy.transport_sockets.tls}, "),
                 "expected a typed_config with an UpstreamTlsContext"); /* as Envoy */
    assert_non_null(load(SOCKET("")));
    assert_noted("its certificate is not verified");
    expect_error(CLUSTER("transport_socket: {name: q, typed_config: {" TYPE
                         "quic.v3.QuicUpstreamTransport}}, "),
                 "clusters[0].transport_socket: found a transport socket that is not supported");
    expect_error(CLUSTER("transport_socket: {name: q}, "), "not supported");
}

static void server_name(void **state)
{
    (void)state;
    assert_null(load(SOCKET(""))->server_name);
    assert_string_equal(load(SOCKET("sni: a.example"))->server_name, "a.example");
    expect_error(SOCKET("auto_host_sni: true"),
                 AT "auto_host_sni: found auto_host_sni, which is not supported towards the "
                    "management server, expected the name itself in sni");
    const struct tls_settings *tls =
        load(SOCKET("sni: a.example, auto_sni_san_validation: true, "
                    "common_tls_context: {validation_context: {" CA "}}"));
    assert_int_equal(tls->name_count, 1);
    assert_int_equal(tls->names[0].kind, NAME_DNS);
    assert_string_equal(tls->names[0].text, "a.example");
    expect_error(SOCKET("sni: a, auto_sni_san_validation: true"), "found without sni and");
}

static void versions(void **state)
{
    const struct tls_settings *tls = load(COMMON(""));

    (void)state;
    assert_false(tls->no_tls12 || tls->no_tls13);
    tls = load(COMMON("tls_params: {tls_minimum_protocol_version: TLSv1_3}"));
    assert_true(tls->no_tls12 && !tls->no_tls13);
    tls = load(COMMON("tls_params: {tls_maximum_protocol_version: TLSv1_2}"));
    assert_true(!tls->no_tls12 && tls->no_tls13);
    tls = load(COMMON("tls_params: {tls_minimum_protocol_version: TLSv1_0}"));
    assert_false(tls->no_tls12 || tls->no_tls13);
    assert_noted("TLS versions below 1.2 are not used");
    expect_error(COMMON("tls_params: {tls_maximum_protocol_version: TLSv1_1}"),
                 "tls_params.tls_maximum_protocol_version: found a version that is broken");
    expect_error(COMMON("tls_params: {tls_minimum_protocol_version: TLSv1_3, "
                        "tls_maximum_protocol_version: TLSv1_2}"),
                 "found a version above");
}

static void names(void **state)
{
    (void)state;
    const struct tls_settings *tls =
        load(NAMES("{san_type: DNS, matcher: {exact: a, ignore_case: true}}, "
                   "{san_type: IP_ADDRESS, matcher: {prefix: b}}, "
                   "{san_type: URI, matcher: {suffix: c}}, {san_type: EMAIL, matcher: {contains: "
                   "d}}], match_subject_alt_names: [{exact: e}"));
    static const struct tls_name wanted[] = {
        {NAME_DNS, NAME_EXACT, true, "a"},   {NAME_IP, NAME_PREFIX, false, "b"},
        {NAME_URI, NAME_SUFFIX, false, "c"}, {NAME_EMAIL, NAME_CONTAINS, false, "d"},
        {NAME_ANY, NAME_EXACT, false, "e"},
    };

    assert_int_equal(tls->name_count, ARRAY_SIZE(wanted));
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        assert_int_equal(tls->names[i].kind, wanted[i].kind);
        assert_int_equal(tls->names[i].match, wanted[i].match);
        assert_int_equal(tls->names[i].ignore_case, wanted[i].ignore_case);
        assert_string_equal(tls->names[i].text, wanted[i].text);
    }
    expect_error(NAMES("{matcher: {exact: a}}"),
                 AT "common_tls_context.validation_context.match_typed_subject_alt_names[0]."
                    "san_type: found none");
    expect_error(NAMES("{san_type: OTHER_NAME, matcher: {exact: a}}"), "found none or OTHER_NAME");
    expect_error(NAMES("{san_type: DNS}"), "[0].matcher: found no text to match");
    expect_error(NAMES("{san_type: DNS, matcher: {exact: ''}}"), "found no text to match");
    expect_error(NAMES("{san_type: DNS, matcher: {safe_regex: {regex: a}}}"),
                 "a regular expression is not supported");
    expect_error(VALIDATION("match_subject_alt_names: [{exact: a}]"),
                 "found names but no trusted_ca, expected one");
}

static void whom_to_trust(void **state)
{
    (void)state;
    assert_source(&load(VALIDATION(CA))->trusted_ca, "PEM",
                  "--config-yaml:1:255: " AT "common_tls_context.validation_context.trusted_ca");
    assert_true(load(VALIDATION("system_root_certs: {}"))->system_roots);
    assert_true(load(VALIDATION("allow_expired_certificate: true, " CA))->allow_expired);
    expect_error(VALIDATION("system_root_certs: {}, " CA), "found beside trusted_ca");
    expect_error(VALIDATION("trust_chain_verification: ACCEPT_UNTRUSTED, " CA),
                 "found ACCEPT_UNTRUSTED, expected VERIFY_TRUST_CHAIN");
    expect_error(VALIDATION("crl: {inline_string: a}"),
                 "validation_context.crl: found crl, which is not supported");
    expect_error(VALIDATION("maxVerifyDepth: 3"), "found max_verify_depth");
    expect_error(COMMON("combined_validation_context: {}"),
                 "common_tls_context.combined_validation_context: found "
                 "combined_validation_context, which is not supported towards the management "
                 "server, expected a file name or inline content in tls_certificates and "
                 "validation_context");
    expect_error(COMMON("tls_certificate_sds_secret_configs: [{name: a}]"), "is not supported");
    load(COMMON("combined_validation_context: ~"));
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define COLONS "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff"
#define BASE64 "NvqYIYSbgK2vCJpQhObf77vv+bQWtc5ek5RIOwPiC9A="

static void pins(void **state)
{
    const struct tls_settings *tls =
        load(VALIDATION("verify_certificate_hash: ['" HEX "', '" COLONS ":" COLONS
                        "'], verify_certificate_spki: ['" BASE64 "']"));

    (void)state;
    assert_int_equal(tls->pin_count, 3);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(tls->pins[i].text, "00112233445566778899aabbccddeeff"
                                               "00112233445566778899aabbccddeeff");
        assert_false(tls->pins[i].is_of_key);
    }
    assert_string_equal(tls->pins[2].text, BASE64);
    assert_true(tls->pins[2].is_of_key);
    for (size_t i = 0; i < loaded->note_count; i++)
        assert_null(strstr(loaded->notes[i], "not verified"));
    expect_error(VALIDATION("verify_certificate_hash: ['" COLONS "']"),
                 "verify_certificate_hash: found \"00:11:22:");
    expect_error(VALIDATION("verify_certificate_hash: ['" HEX "0']"), "expected a SHA-256 in hex");
    expect_error(VALIDATION("verify_certificate_hash: ['" COLONS ":" COLONS ":']"), "expected a");
    expect_error(VALIDATION("verify_certificate_spki: ['" BASE64 "=']"),
                 "verify_certificate_spki: found \"NvqY");
    expect_error(VALIDATION("verify_certificate_spki: [abc]"), "expected a SHA-256 in base64");
}

static void client_certificate(void **state)
{
    const struct tls_settings *tls = load(COMMON(
        "tls_certificates: [{certificate_chain: {inline_string: C}, private_key: {inline_bytes: "
        "Sw==}, password: {inline_string: P}}]"));

    (void)state;
    assert_source(&tls->certificate, "C", "tls_certificates[0].certificate_chain");
    assert_source(&tls->private_key, "K", "tls_certificates[0].private_key");
    assert_source(&tls->password, "P", "tls_certificates[0].password");
    tls = load(COMMON("tls_certificates: {certificate_chain: {inline_string: C}, private_key: "
                      "{inline_string: K}}"));
    assert_source(&tls->private_key, "K", ":1:293: " AT "common_tls_context.tls_certificates[0]");
    expect_error(COMMON("tls_certificates: [{certificate_chain: {inline_string: C}}]"),
                 "tls_certificates[0]: found no private_key, expected certificate_chain and");
    expect_error(COMMON("tls_certificates: [{private_key: {inline_string: C}}]"),
                 "found no certificate_chain");
    expect_error(COMMON("tls_certificates: [{}, {}]"), "found 2 certificates, expected one");
    expect_error(COMMON("tls_certificates: {pkcs12: {filename: a}}"),
                 "tls_certificates[0].pkcs12: found pkcs12, which is not supported");
}

static void sources(void **state)
{
    (void)state;
    setenv("LOADTAP_TEST_PEM", "from outside", 1);
    assert_source(
        &load(VALIDATION("trusted_ca: {environment_variable: LOADTAP_TEST_PEM}"))->trusted_ca,
        "from outside", "trusted_ca");
    unsetenv("LOADTAP_TEST_PEM");
    expect_error(VALIDATION("trusted_ca: {environment_variable: LOADTAP_TEST_PEM}"),
                 "environment_variable: found LOADTAP_TEST_PEM, which is not set");
    expect_error(VALIDATION("trusted_ca: {filename: /nowhere/ca.pem}"),
                 "trusted_ca.filename: found the file /nowhere/ca.pem, which cannot be read: No "
                 "such file or directory, expected one that can");
    expect_error(VALIDATION("trusted_ca: {filename: /}"), "cannot be read: Is a directory");
    expect_error(VALIDATION("trusted_ca: {filename: /dev/zero}"), "cannot be read: File too large");
    expect_error(VALIDATION("trusted_ca: {inline_string: ''}"), "found nothing inline");
    expect_error(VALIDATION("trusted_ca: {}"), "trusted_ca: found no content, expected filename");
    const struct tls_settings *tls = load(VALIDATION("trusted_ca: {filename: /dev/null}"));
    assert_source(&tls->trusted_ca, "", "trusted_ca");
}

static void secrets_are_not_shown(void **state)
{
    static const char *const slips[] = {
        "private_key: SECRET", "private_key: [SECRET]", "private_key: {inline_string: 17535353}",
        "private_key: {inline_bytes: 'SECRET!'}", "password: SECRET"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(slips); i++) {
        char yaml[1024];

        snprintf(yaml, sizeof(yaml), COMMON("tls_certificates: {%s}"), slips[i]);
        expect_error(yaml, "found something else, which is not shown, expected ");
        assert_null(strstr(error.text, "SECRET"));
        assert_null(strstr(error.text, "1753"));
    }
}

static void other_clusters_may_have_anything(void **state)
{
    (void)state;
    bootstrap_free(TAKE(loaded));
    static const char yaml[] =
        "static_resources: {clusters: [{name: o, transport_socket: {name: t, typed_config: {" TYPE
        "tls.v3.UpstreamTlsContext, common_tls_context: {combined_validation_context: {}, "
        "tls_certificates: [{certificate_chain: {filename: /nowhere}}]}}}}]}\n";
    const struct bootstrap_source source = {.path = "configs/minimal.yaml", .yaml = yaml};

    if (bootstrap_load(&source, &loaded, &error))
        fail_msg("%s", error.text);
}

static void out_of_memory(void **state)
{
    const struct bootstrap_source source = {
        .yaml = SOCKET("sni: a, auto_sni_san_validation: true, common_tls_context: "
                       "{tls_certificates: {certificate_chain: {inline_string: C}, private_key: "
                       "{inline_string: K}}, validation_context: {trusted_ca: {filename: "
                       "/dev/null}, match_typed_subject_alt_names: {san_type: DNS, matcher: "
                       "{exact: a}}}}")};

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
        assert_null(bootstrap);
    }
    fail();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(which_sockets),
        TEST(server_name),
        TEST(versions),
        TEST(names),
        TEST(whom_to_trust),
        TEST(pins),
        TEST(client_certificate),
        TEST(sources),
        TEST(secrets_are_not_shown),
        TEST(other_clusters_may_have_anything),
        cmocka_unit_test(out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
