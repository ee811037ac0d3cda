#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "command/command.h"

static int run(int argc, char **argv)
{
    (void)argv;
    return argc;
}

static const struct command first = {"first", "what the first one does", run};
static const struct command second = {"second", "what the other one does", run};
static const struct command *const two[] = {&first, &second, NULL};
static const struct command *const none[] = {NULL};

static void found_by_its_whole_name(void **state)
{
    (void)state;
    assert_ptr_equal(command_find(two, "second"), &second);
    assert_null(command_find(two, "sec"));
    assert_null(command_find(two, "seconds"));
    assert_null(command_find(two, "--first"));
    assert_null(command_find(none, "first"));
}

static const char *printed(const struct command *const *table)
{
    static char text[512];
    FILE *out = fmemopen(text, sizeof(text), "w");

    text[0] = '\0';
    commands_print(table, out);
    fclose(out);
    return text;
}

static void a_line_for_each(void **state)
{
    (void)state;
    assert_non_null(strstr(printed(two), "  loadtap first      what the first one does\n"
                                         "  loadtap second     what the other one does\n"));
    assert_string_equal(printed(none), "");
}

static void every_command_is_found(void **state)
{
    (void)state;
    for (const struct command *const *at = commands; *at; at++) {
        assert_ptr_equal(command_find(commands, (*at)->name), *at);
        assert_non_null((*at)->summary);
        assert_non_null((*at)->run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_its_whole_name),
        cmocka_unit_test(a_line_for_each),
        cmocka_unit_test(every_command_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
