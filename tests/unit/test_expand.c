#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "message/expand.h"

static const char *const environment[] = {
    "A=1",         "LONG_NAME_2=two words",
    "_u=under",    "EMPTY=",
    "REF=${A} $$", "EQUAL=a=b",
    "LIN=x\ny",    "BAD=\xff",
    "BELL=\a",     "AB=ab",
    NULL,
};

static struct expand_fault fault;

static int result_of(const char *text, char **out, size_t *size)
{
    return expand(text, strlen(text), environment, out, size, &fault);
}

static void what_is_replaced(void **state)
{
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"${A}", "1"},
        {"x${A}y${AB}z", "x1yabz"},
        {"${LONG_NAME_2}", "two words"},
        {"${_u}", "under"},
        {"a${EMPTY}b", "ab"},
        {"${EQUAL}", "a=b"},
        {"${LIN}", "x\ny"},
        /* A value is not read again. */
        {"${REF}", "${A} $$"},
        {"$${A}", "${A}"},
        {"$$${A}", "$1"},
        {"$$$${A}", "$${A}"},
        {"$$", "$"},
        {"$", "$"},
        {"a$", "a$"},
        {"$A $(A) $1 {A} }", "$A $(A) $1 {A} }"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        autofree char *text = NULL;
        size_t size;

        assert_int_equal(result_of(rows[i].text, &text, &size), 0);
        assert_string_equal(text, rows[i].wanted);
        assert_int_equal(size, strlen(rows[i].wanted));
    }
}

static void what_cannot_be_replaced(void **state)
{
    static const struct {
        const char *text;
        int reason;
        const char *part, *name;
    } rows[] = {
        {"x${NONE}y", -ENOENT, "${NONE}", "NONE"},
        {"${A}${a}", -ENOENT, "${a}", "a"},
        {"${LONG_NAME}", -ENOENT, "${LONG_NAME}", "LONG_NAME"},
        {"${}", -EINVAL, "${}", ""},
        {"${A", -EINVAL, "${A", "A"},
        {"-${", -EINVAL, "${", ""},
        {"${1}", -EINVAL, "${1}", "1"},
        {"${A:-b}c", -EINVAL, "${A:-b}", "A"},
        {"${ A}", -EINVAL, "${ A}", ""},
        {"${BAD}", -EILSEQ, "${BAD}", "BAD"},
        {"${BELL}", -EILSEQ, "${BELL}", "BELL"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *text = NULL;
        size_t size;

        assert_int_equal(result_of(rows[i].text, &text, &size), rows[i].reason);
        assert_null(text);
        assert_int_equal(fault.size, strlen(rows[i].part));
        assert_memory_equal(fault.text, rows[i].part, fault.size);
        assert_int_equal(fault.name_size, strlen(rows[i].name));
        assert_memory_equal(fault.name, rows[i].name, fault.name_size);
    }
}

static void a_nul_is_text(void **state)
{
    const char text[] = "a\0$${";
    autofree char *out = NULL;
    size_t size;

    (void)state;
    assert_int_equal(expand(text, sizeof(text) - 1, environment, &out, &size, &fault), 0);
    assert_int_equal(size, 4);
    assert_memory_equal(out, "a\0${", 5);
}

static void what_has_nothing_to_replace(void **state)
{
    (void)state;
    assert_false(expand_has("plain {A}", 9));
    assert_true(expand_has("a$$", 3));
    assert_false(expand_has("a$$", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_replaced),
        cmocka_unit_test(what_cannot_be_replaced),
        cmocka_unit_test(a_nul_is_text),
        cmocka_unit_test(what_has_nothing_to_replace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
