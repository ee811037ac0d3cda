/* The Huffman coding of strings, against nghttp2's inflater. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "kernel/huffman.h"

#define ROOM 1000

/* Is this what nghttp2 reads as `text`? */
static void check_inflates_to(const uint8_t *coded, size_t length, const char *text)
{
    uint8_t block[ROOM + 5] = {0, 1, 'x', 0x80 | 0x7f, 0};
    size_t at = 3;
    nghttp2_hd_inflater *inflater;
    nghttp2_nv nv;
    int flags = 0;

    if (length < 0x7f) {
        block[at++] = (uint8_t)(0x80 | length);
    } else {
        assert_true(length < 0x7f + 0x80);
        block[++at] = (uint8_t)(length - 0x7f);
        at++;
    }
    memcpy(block + at, coded, length);
    at += length;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    assert_int_equal(nghttp2_hd_inflate_hd2(inflater, &nv, &flags, block, at, 1), at);
    assert_true(flags & NGHTTP2_HD_INFLATE_EMIT);
    assert_int_equal(nv.valuelen, strlen(text));
    assert_memory_equal(nv.value, text, nv.valuelen);
    nghttp2_hd_inflate_del(inflater);
}

static void check(const char *text)
{
    uint8_t out[ROOM];
    size_t length = huffman_encode(text, strlen(text), out, sizeof(out));

    assert_true(length > 0);
    check_inflates_to(out, length, text);
    assert_int_equal(huffman_encode(text, strlen(text), out, length), length);
    assert_int_equal(huffman_encode(text, strlen(text), out, length - 1), 0);
}

static void each_character_alone_and_in_pairs(void **state)
{
    char text[3] = "";

    (void)state;
    for (text[0] = '!'; text[0] <= '~'; text[0]++) {
        text[1] = 0;
        check(text);
        for (text[1] = '!'; text[1] <= '~'; text[1]++)
            check(text);
    }
}

static void any_text(void **state)
{
    char text[100];

    (void)state;
    srand(1);
    for (int round = 0; round < 5000; round++) {
        size_t length = 1 + (size_t)rand() % (sizeof(text) - 1);

        for (size_t i = 0; i < length; i++)
            text[i] = (char)('!' + rand() % ('~' - '!' + 1));
        text[length] = 0;
        check(text);
    }
}

static void known_codings(void **state)
{
    static const uint8_t example[] = {0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a,
                                      0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff}; /* RFC 7541, C.4.1 */
    uint8_t out[ROOM];

    (void)state;
    assert_int_equal(huffman_encode("www.example.com", 15, out, sizeof(out)), sizeof(example));
    assert_memory_equal(out, example, sizeof(example));
}

static void what_is_not_coded(void **state)
{
    uint8_t out[ROOM];

    (void)state;
    assert_int_equal(huffman_encode("", 0, out, sizeof(out)), 0);
    assert_int_equal(huffman_encode("a", 1, out, 0), 0);
    assert_int_equal(huffman_encode("a b", 3, out, sizeof(out)), 0);
    assert_int_equal(huffman_encode("a\x7f", 2, out, sizeof(out)), 0);
    assert_int_equal(huffman_encode("\xc3\xa4", 2, out, sizeof(out)), 0);
    assert_int_equal(huffman_encode("a\0b", 3, out, sizeof(out)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_character_alone_and_in_pairs),
        cmocka_unit_test(any_text),
        cmocka_unit_test(known_codings),
        cmocka_unit_test(what_is_not_coded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
