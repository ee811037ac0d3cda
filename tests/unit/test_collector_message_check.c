/* Foreign bytes before protobuf-c sees them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/message_check.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"

static int check(const void *bytes, size_t length, unsigned depth, uint64_t fields)
{
    const struct message_limits limits = {depth, fields};
    autofree uint8_t *exact = malloc(length + 1); /* so that the sanitizer sees one byte too far */

    memcpy(exact, bytes, length);
    exact = realloc(exact, length ? length : 1);
    return message_check(&envoy__service__load_stats__v3__load_stats_request__descriptor, exact,
                         length, &limits);
}

#define CHECK(bytes) check(bytes, sizeof(bytes) - 1, 100, 1000)

static void wire_format(void **state)
{
    static const char max_varint[] = "\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";

    (void)state;
    assert_int_equal(CHECK(""), 0);
    assert_int_equal(CHECK("\x0a\x00"), 0);                       /* node {} */
    assert_int_equal(CHECK("\x0a\x03\x0a\x01n"), 0);              /* node {id: "n"} */
    assert_int_equal(CHECK("\x50\x01\x51\1\2\3\4\5\6\7\x08"), 0); /* unknown: varint, 64 bits */
    assert_int_equal(CHECK("\x55\1\2\3\4\x52\x02zz"), 0);         /* unknown: 32 bits, bytes */
    assert_int_equal(CHECK(max_varint), 0);                       /* ten bytes */
    assert_int_equal(CHECK("\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EPROTO);
    assert_int_equal(CHECK("\x0a"), -EPROTO);             /* no length */
    assert_int_equal(CHECK("\x0a\x01"), -EPROTO);         /* one byte short */
    assert_int_equal(CHECK("\x0a\x02\x0a\x01"), -EPROTO); /* inner longer than outer */
    assert_int_equal(CHECK("\x50"), -EPROTO);
    assert_int_equal(CHECK("\x50\x80"), -EPROTO);
    assert_int_equal(CHECK("\x51\1\2\3\4\5\6\7"), -EPROTO);
    assert_int_equal(CHECK("\x55\1\2\3"), -EPROTO);
    assert_int_equal(CHECK("\x0b\x0c"), -EPROTO);                 /* group */
    assert_int_equal(CHECK("\x02\x00"), -EPROTO);                 /* field number 0 */
    assert_int_equal(CHECK("\x82\x80\x80\x80\x10\x00"), -EPROTO); /* number beyond 29 bits */
    assert_int_equal(CHECK("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), -EPROTO);
}

static void text(void **state)
{
    static const struct {
        const char *text;
        int expected;
    } cases[] = {
        {"plain", 0},
        {"\xc3\xa9", 0},
        {"\xe2\x82\xac", 0},
        {"\xf0\x9f\x98\x80", 0},
        {"\xf4\x8f\xbf\xbf", 0},
        {"\xed\x9f\xbf", 0},
        {"\x80", -EILSEQ},
        {"\xc0\x80", -EILSEQ},
        {"\xc1\xbf", -EILSEQ},
        {"\xe0\x9f\xbf", -EILSEQ},
        {"\xed\xa0\x80", -EILSEQ},
        {"\xf0\x8f\xbf\xbf", -EILSEQ},
        {"\xf4\x90\x80\x80", -EILSEQ},
        {"\xf5\x80\x80\x80", -EILSEQ},
        {"\xff", -EILSEQ},
        {"\xe2\x82", -EILSEQ},
        {"\xe2\x82z", -EILSEQ},
        {"\xc3", -EILSEQ},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t length = strlen(cases[i].text);
        uint8_t bytes[16] = {0x0a, (uint8_t)(length + 2), 0x0a, (uint8_t)length};

        memcpy(bytes + 4, cases[i].text, length);
        if (check(bytes, length + 4, 100, 1000) != cases[i].expected)
            fail_msg("case %zu", i);
    }
    assert_int_equal(CHECK("\x0a\x05\x0a\x03"
                           "a\0b"),
                     -EILSEQ);
    assert_int_equal(CHECK("\x52\x03\xff\0\xfe"), 0); /* an unknown field may be anything */
}

/* Puts `tag` and the length of the `length` bytes at the end of `end` before them. */
static size_t wrap(uint8_t *end, size_t length, uint8_t tag)
{
    uint8_t prefix[8] = {tag};
    size_t count = 1;

    for (size_t left = length; left > 0 || count == 1; left >>= 7)
        prefix[count++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    memcpy(end - length - count, prefix, count);
    return length + count;
}

/* node.metadata.fields[""] holding `lists` lists in one another. The request has depth 1, node 2,
 * Struct 3, the entry 4, its Value 5; each list and the Value in it add 2. Written backwards. */
static size_t nested_lists(uint8_t *end, size_t lists)
{
    size_t length = 0;

    for (size_t i = 0; i < lists; i++) {
        length = wrap(end, length, 0x0a); /* ListValue.values */
        length = wrap(end, length, 0x32); /* Value.list_value */
    }
    length = wrap(end, length, 0x12); /* entry.value */
    length = wrap(end, length, 0x0a); /* Struct.fields */
    length = wrap(end, length, 0x1a); /* Node.metadata */
    return wrap(end, length, 0x0a);   /* LoadStatsRequest.node */
}

static void nesting(void **state)
{
    static uint8_t bytes[4 << 20];
    uint8_t *end = bytes + sizeof(bytes);
    size_t length;

    (void)state;
    length = nested_lists(end, 10);
    assert_int_equal(check(end - length, length, 25, 1000), 0);
    assert_int_equal(check(end - length, length, 24, 1000), -ELOOP);
    length = nested_lists(end, 300000); /* would be a million stack frames in protobuf-c */
    assert_int_equal(check(end - length, length, 100, 10000000), -ELOOP);
}

static void number_of_fields(void **state)
{
    (void)state;
    assert_int_equal(check("\x12\x00\x12\x00\x12\x00", 6, 10, 3), 0);
    assert_int_equal(check("\x12\x00\x12\x00\x12\x00", 6, 10, 2), -E2BIG);
    assert_int_equal(check("\x12\x04\x32\x00\x32\x00", 6, 10, 3), 0); /* inner ones count too */
    assert_int_equal(check("\x12\x04\x32\x00\x32\x00", 6, 10, 2), -E2BIG);
    assert_int_equal(check("\x50\x00\x50\x00", 4, 10, 1), -E2BIG); /* and unknown ones */
}

/* A number that comes packed although its field is not repeated counts as its bytes. */
static void packed_numbers(void **state)
{
    (void)state;
    assert_int_equal(check("\x12\x05\x1a\x03\1\2\3", 7, 10, 5), 0);
    assert_int_equal(check("\x12\x05\x1a\x03\1\2\3", 7, 10, 4), -E2BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_format),    cmocka_unit_test(text),
        cmocka_unit_test(nesting),        cmocka_unit_test(number_of_fields),
        cmocka_unit_test(packed_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
