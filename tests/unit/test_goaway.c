#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stream/goaway.h"

static const char *text_of(const char *error, const char *words)
{
    static char text[GOAWAY_TEXT];

    goaway_text(error, (const uint8_t *)words, strlen(words), text);
    return text;
}

static void test_error_and_words(void **state)
{
    (void)state;
    assert_string_equal(text_of("NO_ERROR", ""), "NO_ERROR");
    assert_string_equal(text_of("NO_ERROR", "max_age"), "NO_ERROR max_age");
    assert_string_equal(text_of("NO_ERROR", "a\nb\x1b\x7f\xc3\xa9~ "), "NO_ERROR a?b????~ ");
}

static void test_long_words_are_cut(void **state)
{
    char words[1000];

    (void)state;
    memset(words, 'x', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    assert_int_equal(strlen(text_of("NO_ERROR", words)), GOAWAY_TEXT - 1);
}

static bool about_pings(uint32_t error, const char *words)
{
    return goaway_is_about_pings(error, (const uint8_t *)words, strlen(words));
}

static void test_about_pings(void **state)
{
    (void)state;
    assert_true(about_pings(0xb, "too_many_pings"));
    assert_false(about_pings(0, "too_many_pings"));
    assert_false(about_pings(0xb, "too_many_pings!"));
    assert_false(about_pings(0xb, "too_many"));
    assert_false(about_pings(0xb, ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_and_words),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_about_pings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
