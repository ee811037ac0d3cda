/* The collector's flags. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/options.h"

static int parse(struct options *out, char *error, const char *const *flags)
{
    char *argv[16] = {(char *)"loadtap-collector"};
    int argc = 1;

    for (; flags[argc - 1]; argc++)
        argv[argc] = (char *)flags[argc - 1];
    return options_parse(argc, argv, out, error, 200);
}

#define FLAGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void defaults(void **state)
{
    struct options options;
    char error[200], text[ADDRESS_TEXT_MAX];

    (void)state;
    assert_int_equal(parse(&options, error, (const char *const[]){NULL}), 0);
    assert_int_equal(options.action, OPTIONS_RUN);
    assert_string_equal(address_text(&options.listen, text), "0.0.0.0:18000");
    assert_int_equal(options.ask.interval_us, 10000000);
    assert_null(options.ask.clusters);
    assert_false(options.ask.endpoints);
    assert_null(options.output);
    assert_null(options.settings);
    assert_null(options.tls.certificate);
    assert_false(options.has_metrics);
    assert_int_equal(options.label_sets, 10000);
    assert_int_equal(options.level, LOG_LEVEL_INFO);
}

static void every_flag(void **state)
{
    struct options options;
    char error[200], text[ADDRESS_TEXT_MAX];

    (void)state;
    assert_int_equal(parse(&options, error,
                           FLAGS("--listen", "[::1]:0", "--interval=0.5s", "--cluster", "a",
                                 "--endpoints", "--cluster", "b", "--output", "f", "-l", "debug")),
                     0);
    assert_string_equal(address_text(&options.listen, text), "[::1]:0");
    assert_int_equal(options.ask.interval_us, 500000);
    assert_int_equal(options.ask.cluster_count, 2);
    assert_string_equal(options.ask.clusters[0], "a");
    assert_string_equal(options.ask.clusters[1], "b");
    assert_true(options.ask.endpoints);
    assert_string_equal(options.output, "f");
    assert_int_equal(options.level, LOG_LEVEL_DEBUG);
    options_clear(&options);
    assert_null(options.ask.clusters);
    assert_int_equal(parse(&options, error, FLAGS("--help")), 0);
    assert_int_equal(options.action, OPTIONS_HELP);
    assert_int_equal(parse(&options, error, FLAGS("--send-all", "--version")), 0);
    assert_int_equal(options.action, OPTIONS_VERSION);
}

static void files_and_metrics(void **state)
{
    struct options options;
    char error[200], text[ADDRESS_TEXT_MAX];

    (void)state;
    assert_int_equal(
        parse(&options, error,
              FLAGS("--settings", "s", "--tls-cert", "c", "--tls-key", "k", "--tls-client-ca", "a",
                    "--metrics", "127.0.0.1:9100", "--metrics-label-sets", "7")),
        0);
    assert_string_equal(options.settings, "s");
    assert_string_equal(options.tls.certificate, "c");
    assert_string_equal(options.tls.key, "k");
    assert_string_equal(options.tls.client_ca, "a");
    assert_true(options.has_metrics);
    assert_string_equal(address_text(&options.metrics, text), "127.0.0.1:9100");
    assert_int_equal(options.label_sets, 7);
}

static void intervals(void **state)
{
    static const struct {
        const char *text;
        uint64_t us; /* 0: refused */
    } cases[] = {
        {"2s", 2000000},
        {"0.5s", 500000},
        {"1.000001s", 1000001},
        {"0.001s", 1000},
        {"0.000999s", 0},
        {"0s", 0},
        {"86400s", 86400000000},
        {"86400.000001s", 0},
        {"-1s", 0},
        {"2", 0},
        {"s", 0},
        {"", 0},
        {"2.s", 0},
        {".5s", 0},
        {"2ss", 0},
        {"1.0000001s", 0},
        {"1e3s", 0},
        {"500ms", 0},
        {" 2s", 0},
        {"99999999999999999999s", 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct options options;
        char error[200] = "";
        int err = parse(&options, error, FLAGS("--interval", cases[i].text));

        if (err != (cases[i].us ? 0 : -EINVAL))
            fail_msg("%s: %d", cases[i].text, err);
        if (err)
            assert_non_null(strstr(error, "--interval"));
        else
            assert_int_equal(options.ask.interval_us, cases[i].us);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *flags[5], *error;
    } cases[] = {
        {{"--nonsense"}, "'--nonsense': no such flag"},
        {{"-x"}, "-x"},
        {{"--endpoints=yes"}, "--endpoints takes no value"},
        {{"--cluster"}, "--cluster: its value is missing"},
        {{"-l"}, "-l: its value is missing"},
        {{"-l", "loud"}, "--log-level: "},
        {{"--log-format", "%v"}, "--log-format: found '%v', expected text or json"},
        {{"--cluster", ""}, "--cluster: "},
        {{"--output", ""}, "expected the name of a file"},
        {{"--settings="}, "expected the name of a file"},
        {{"--tls-cert", "c"}, "--tls-key is expected beside --tls-cert: 'c'"},
        {{"--tls-key", "k"}, "--tls-cert is expected beside --tls-key: 'k'"},
        {{"--tls-client-ca", "a"}, "expected beside --tls-client-ca: 'a'"},
        {{"--metrics", "9100"}, "--metrics: "},
        {{"--metrics-label-sets", "0"}, "--metrics-label-sets: "},
        {{"--metrics-label-sets", "1000001"}, "--metrics-label-sets: "},
        {{"stray"}, "'stray': expected a flag"},
        {{"--send-all", "--cluster", "a"}, "--send-all excludes --cluster"},
        {{"--cluster", "a", "--send-all"}, "--send-all excludes --cluster"},
        {{"--listen", "18000"}, "--listen: "},
        {{"--listen", ":18000"}, "--listen: "},
        {{"--listen", "localhost:18000"}, "--listen: "},
        {{"--listen", "1.2.3.4:65536"}, "--listen: "},
        {{"--listen", "1.2.3.4:"}, "--listen: "},
        {{"--listen", "1.2.3.4:8x"}, "--listen: "},
        {{"--listen", "::1:80"}, "--listen: "},
        {{"--listen", "[::1:80"}, "--listen: "},
        {{"--listen", "[]:80"}, "--listen: "},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct options options = {.ask.interval_us = 42};
        char error[200] = "";

        assert_int_equal(parse(&options, error, cases[i].flags), -EINVAL);
        if (!strstr(error, cases[i].error))
            fail_msg("%s instead of %s", error, cases[i].error);
        assert_int_equal(options.ask.interval_us, 42);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),          cmocka_unit_test(every_flag),
        cmocka_unit_test(files_and_metrics), cmocka_unit_test(intervals),
        cmocka_unit_test(what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
