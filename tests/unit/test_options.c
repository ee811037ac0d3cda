#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "daemon/options.h"

static char error[256];

/* Parses `loadtap` and then the words, the last of which is NULL. */
static int parse(struct options *out, ...)
{
    char *argv[16] = {(char *)"loadtap"};
    int argc = 1;
    va_list words;

    va_start(words, out);
    while ((argv[argc] = va_arg(words, char *)))
        argc++;
    va_end(words);
    error[0] = '\0';
    return options_parse(argc, argv, out, error, sizeof(error));
}

static void both_forms_of_each_flag(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "-c", "a.yaml", "--config-yaml=b: {}", "--mode", "validate",
                           "--service-node=n", "--service-cluster", "c", "--service-zone=z", "-l",
                           "debug", NULL),
                     0);
    assert_string_equal(options.config_path, "a.yaml");
    assert_string_equal(options.config_yaml, "b: {}");
    assert_int_equal(options.mode, RUN_VALIDATE);
    assert_string_equal(options.service_node, "n");
    assert_string_equal(options.service_cluster, "c");
    assert_string_equal(options.service_zone, "z");
    assert_int_equal(options.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(parse(&options, "--config-path=x=y", "--log-level=off", NULL), 0);
    assert_string_equal(options.config_path, "x=y");
    assert_int_equal(options.log_level, LOG_LEVEL_OFF);
    assert_false(options.has_log_format);
    assert_int_equal(parse(&options, "-c", "a", "--log-format", "json", NULL), 0);
    assert_int_equal(options.log_format, LOG_FORMAT_JSON);
    assert_int_equal(parse(&options, "-c", "a", "--log-format=text", NULL), 0);
    assert_true(options.has_log_format);
    assert_int_equal(options.log_format, LOG_FORMAT_TEXT);
}

static void what_is_not_given(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "--config-path", "-c", NULL), 0);
    assert_string_equal(options.config_path, "-c");
    assert_null(options.config_yaml);
    assert_null(options.service_node);
    assert_int_equal(options.mode, RUN_SERVE);
    assert_int_equal(options.log_level, LOG_LEVEL_INFO);
    assert_false(options.help || options.version || options.config_expand_env);
    assert_int_equal(parse(&options, "--config-yaml=a", "--config-expand-env", NULL), 0);
    assert_true(options.config_expand_env);
}

static void the_last_flag_wins(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "-c", "a", "-c", "b", NULL), 0);
    assert_string_equal(options.config_path, "b");
}

static void help_and_version_need_no_configuration(void **state)
{
    struct options options;
    char text[2048];
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    assert_int_equal(parse(&options, "--help", "--nonsense", NULL), 0);
    assert_true(options.help);
    assert_int_equal(parse(&options, "--version", NULL), 0);
    assert_true(options.version);
    options_print_help(out);
    fclose(out);
    assert_non_null(strstr(text, "--config-yaml"));
}

static void each_mistake_is_named(void **state)
{
    struct options options = {.config_path = "before"};

    (void)state;
    assert_int_equal(parse(&options, "--colour", NULL), -EINVAL);
    assert_non_null(strstr(error, "'--colour': no such flag"));
    assert_int_equal(parse(&options, "-c=a.yaml", NULL), -EINVAL);
    assert_int_equal(parse(&options, "a.yaml", NULL), -EINVAL);
    assert_non_null(strstr(error, "expected a flag"));
    assert_int_equal(parse(&options, "-c", NULL), -EINVAL);
    assert_non_null(strstr(error, "missing"));
    assert_int_equal(parse(&options, "--mode=init", "-c", "a", NULL), -EINVAL);
    assert_non_null(strstr(error, "'init', expected serve or validate"));
    assert_int_equal(parse(&options, "-l", "loud", "-c", "a", NULL), -EINVAL);
    assert_non_null(strstr(error, "'loud'"));
    assert_int_equal(parse(&options, "--log-format", "%v", "-c", "a", NULL), -EINVAL);
    assert_non_null(strstr(error, "found '%v', expected text or json (a pattern, as Envoy's, is"));
    assert_int_equal(parse(&options, "--help=yes", NULL), -EINVAL);
    assert_non_null(strstr(error, "takes no value"));
    assert_int_equal(parse(&options, "--service-node", "n", NULL), -EINVAL);
    assert_non_null(strstr(error, "no configuration"));
    assert_string_equal(options.config_path, "before");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_of_each_flag),
        cmocka_unit_test(what_is_not_given),
        cmocka_unit_test(the_last_flag_wins),
        cmocka_unit_test(help_and_version_need_no_configuration),
        cmocka_unit_test(each_mistake_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
