#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/piece.h"

static const uint8_t head[PIECE_HEAD] = {0, 0, 3, 0, 0, 0, 0, 0, 1};

static void head_and_content_go_out_one_after_the_other(void **state)
{
    const uint8_t content[] = "abc", *bytes = NULL;
    struct piece piece = {.state = PIECE_NONE};

    (void)state;
    piece_begin(&piece, head, content, 3);
    assert_int_equal(piece_next(&piece, &bytes), PIECE_HEAD);
    assert_memory_equal(bytes, head, PIECE_HEAD);
    assert_false(piece_finish(&piece));
    assert_int_equal(piece_next(&piece, &bytes), 3);
    assert_ptr_equal(bytes, content); /* not a copy */
    assert_int_equal(piece_next(&piece, &bytes), 0);
    assert_true(piece_finish(&piece));
    assert_false(piece_finish(&piece));
    assert_int_equal(piece_next(&piece, &bytes), 0);
}

static void none_has_nothing(void **state)
{
    struct piece piece = {.state = PIECE_NONE};
    const uint8_t *bytes;

    (void)state;
    assert_int_equal(piece_next(&piece, &bytes), 0);
    assert_false(piece_finish(&piece));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_and_content_go_out_one_after_the_other),
        cmocka_unit_test(none_has_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
