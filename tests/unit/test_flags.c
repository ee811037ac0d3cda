#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/flags.h"
#include "base/mem.h"

struct taken {
    const char *file, *argument;
    int digit;
    bool help, quiet;
};

static int read_digit(void *member, const char *value)
{
    *(int *)member = value[0] - '0';
    return value[0] >= '0' && value[0] <= '9' && !value[1] ? 0 : -EINVAL;
}

static const struct flag table[] = {
    {"--file", "-f", "FILE", "where it goes", flag_text, offsetof(struct taken, file),
     "the name of a file", false},
    {"--digit", NULL, "N", "one of ten", read_digit, offsetof(struct taken, digit), "0 to 9",
     false},
    {"--quiet", "-q", NULL, "says nothing", flag_presence, offsetof(struct taken, quiet), NULL,
     false},
    {"--help", "-h", NULL, "this", flag_presence, offsetof(struct taken, help), NULL, true},
};

static const struct flags flags = {"a [flags]", "About.", table, ARRAY_SIZE(table), NULL, 0};
static const struct flags with_argument = {
    "a NAME", "About.", table, ARRAY_SIZE(table), "name", offsetof(struct taken, argument)};

static char error[256];

/* Parses a program's name and then the words, the last of which is NULL. */
static int parse(const struct flags *by, struct taken *out, ...)
{
    char *argv[16] = {(char *)"program"};
    int argc = 1;
    va_list words;

    va_start(words, out);
    while ((argv[argc] = va_arg(words, char *)))
        argc++;
    va_end(words);
    *out = (struct taken){.digit = 7};
    error[0] = '\0';
    return flags_parse(by, argc, argv, out, error, sizeof(error));
}

static void every_form_of_a_flag(void **state)
{
    struct taken taken;

    (void)state;
    assert_int_equal(parse(&flags, &taken, "--file", "a", "--digit=3", "-q", NULL), 0);
    assert_string_equal(taken.file, "a");
    assert_int_equal(taken.digit, 3);
    assert_true(taken.quiet);
    assert_false(taken.help);
    assert_int_equal(parse(&flags, &taken, "-f", "-q", "--file=x=y", NULL), 0);
    assert_string_equal(taken.file, "x=y");
    assert_int_equal(taken.digit, 7);
    assert_false(taken.quiet);
}

static void an_argument_where_one_is_taken(void **state)
{
    struct taken taken;

    (void)state;
    assert_int_equal(parse(&with_argument, &taken, "-q", "name", "-f", "b", NULL), 0);
    assert_string_equal(taken.argument, "name");
    assert_int_equal(parse(&with_argument, &taken, "one", "two", NULL), -EINVAL);
    assert_string_equal(error, "'two': one name only, and there is 'one'");
    assert_int_equal(parse(&flags, &taken, "name", NULL), -EINVAL);
    assert_string_equal(error, "'name': expected a flag; --help lists what there is");
    assert_int_equal(parse(&with_argument, &taken, "-", NULL), 0);
    assert_string_equal(taken.argument, "-");
}

static void nothing_is_read_behind_the_last(void **state)
{
    struct taken taken;

    (void)state;
    assert_int_equal(parse(&flags, &taken, "-h", "--nonsense", NULL), 0);
    assert_true(taken.help);
}

static void each_mistake_is_named(void **state)
{
    struct taken taken;

    (void)state;
    assert_int_equal(parse(&flags, &taken, "--colour", NULL), -EINVAL);
    assert_string_equal(error, "'--colour': no such flag; --help lists what there is");
    assert_int_equal(parse(&flags, &taken, "--fil", "a", NULL), -EINVAL);
    assert_int_equal(parse(&flags, &taken, "-f=a", NULL), -EINVAL);
    assert_int_equal(parse(&flags, &taken, "-f", NULL), -EINVAL);
    assert_string_equal(error, "-f: its value is missing");
    assert_int_equal(parse(&flags, &taken, "--file=", NULL), -EINVAL);
    assert_string_equal(error, "--file: found '', expected the name of a file");
    assert_int_equal(parse(&flags, &taken, "--digit", "12", NULL), -EINVAL);
    assert_string_equal(error, "--digit: found '12', expected 0 to 9");
    assert_int_equal(parse(&flags, &taken, "--quiet=yes", NULL), -EINVAL);
    assert_string_equal(error, "--quiet takes no value, found 'yes'");
}

static void what_help_prints(void **state)
{
    char text[512] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    flags_print(&flags, out);
    fclose(out);
    assert_string_equal(text, "Usage: a [flags]\n\nAbout.\n\n"
                              "  -f, --file FILE               where it goes\n"
                              "      --digit N                 one of ten\n"
                              "  -q, --quiet                   says nothing\n"
                              "  -h, --help                    this\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_of_a_flag),
        cmocka_unit_test(an_argument_where_one_is_taken),
        cmocka_unit_test(nothing_is_read_behind_the_last),
        cmocka_unit_test(each_mistake_is_named),
        cmocka_unit_test(what_help_prints),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
