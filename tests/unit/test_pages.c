#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/pages.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define COUNT 100

/* How many of the pages are in memory. */
static size_t resident(const void *pages)
{
    unsigned char is_there[COUNT];
    size_t count = 0;

    assert_int_equal(mincore((void *)pages, COUNT * PAGE, is_there), 0);
    for (size_t i = 0; i < COUNT; i++)
        count += is_there[i] & 1;
    return count;
}

static void only_what_is_written_is_there(void **state)
{
    char *pages = pages_take(COUNT * PAGE);

    (void)state;
    assert_non_null(pages);
    assert_int_equal(pages[50 * PAGE], 0);
    pages[3 * PAGE] = 1;
    assert_in_range(resident(pages), 1, 2);
    memset(pages, 7, COUNT * PAGE);
    assert_int_equal(resident(pages), COUNT);
    pages_forget(pages, COUNT * PAGE);
    assert_int_equal(resident(pages), 0);
    assert_int_equal(pages[3 * PAGE], 0);
    pages_give_back(pages, COUNT * PAGE);
    pages_give_back(NULL, 5);
    pages_forget(NULL, 5);
}

static void too_much_is_an_error(void **state)
{
    (void)state;
    assert_null(pages_take(SIZE_MAX / 2));
}

/* Also where they begin and end within pages that others are on. */
static void constants_come_back(void **state)
{
    static const char text[1 << 20] = {[12345] = 'x', [(1 << 20) - 1] = 'y'};

    (void)state;
    pages_leave(text + 100, sizeof(text) - 200);
    assert_int_equal(text[12345], 'x');
    assert_int_equal(text[(1 << 20) - 1], 'y');
    pages_leave(text + 1, 10);
    assert_int_equal(text[12345], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_written_is_there),
        cmocka_unit_test(too_much_is_an_error),
        cmocka_unit_test(constants_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
