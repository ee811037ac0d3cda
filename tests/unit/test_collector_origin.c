/* The headers of a stream, as they come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "collector/origin.h"

static struct origin origin;

static void header(const char *name, const char *value)
{
    origin_header(&origin, (const uint8_t *)name, strlen(name), (const uint8_t *)value,
                  strlen(value));
}

static int set_up(void **state)
{
    (void)state;
    origin = (struct origin){0};
    return 0;
}

static void all_three(void **state)
{
    (void)state;
    header("loadtap-resent", "6.12");
    header("x-loadtap-run", "no");
    header("loadtap-run", "9f86d081884c7d65");
    header("loadtap-stream", "7");
    assert_string_equal(origin.run, "9f86d081884c7d65");
    assert_int_equal(origin.stream, 7);
    assert_int_equal(origin.resent_stream, 6);
    assert_int_equal(origin.resent_report, 12);
}

static void malformed(void **state)
{
    static const char *const numbers[] = {
        "", "-1", "1x", "x1", "99999999999999999999", "9223372036854775808", " 1"};
    static const char *const pairs[] = {"",      ".",   "1",    "1.",  ".1",
                                        "1.2.3", "1,2", "1.-2", "a.b", "1.99999999999999999999"};
    char long_run[ORIGIN_RUN_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
        header("loadtap-stream", numbers[i]);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        header("loadtap-resent", pairs[i]);
    memset(long_run, 'a', sizeof(long_run) - 1);
    long_run[sizeof(long_run) - 1] = '\0';
    header("loadtap-run", long_run);
    header("loadtap-run", "a b");
    header("loadtap-run", "\xc3\xa4");
    assert_memory_equal(&origin, &(struct origin){0}, sizeof(origin));
    header("loadtap-run", long_run + 1);
    assert_string_equal(origin.run, long_run + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(all_three, set_up),
        cmocka_unit_test_setup(malformed, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
