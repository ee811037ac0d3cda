/* The few names and values that HPACK decoding recognises, as they come: raw or in their one Huffman
 * coding (RFC 7541, 5.2 and appendix B). Pure.
 *
 * `s` is a string's first bytes: HPACK_HELD of them may be read, whatever its length. */
#pragma once

#include "hpack_state.h"
#include "http1_state.h"

/* Eight bytes of a string, of which the first `count` matter. */
pure __u64 string_word(const __u8 *s, __u32 at, __u32 count)
{
    __u64 word;

#ifdef __bpf__
    word = *(const __u64 *)(s + at);
#else
    __builtin_memcpy(&word, s + at, sizeof(word));
#endif
    return count >= 8 ? word : word & ((1ull << count * 8) - 1);
}

pure enum hpack_name hpack_raw_name(const __u8 *s, __u32 length)
{
    switch (length) {
    case 4:
        if (string_word(s, 0, 4) == H1_LITERAL('h', 'o', 's', 't', 0, 0, 0, 0))
            return HPACK_HOST;
        break;
    case 5:
        if (string_word(s, 0, 5) == H1_LITERAL(':', 'p', 'a', 't', 'h', 0, 0, 0))
            return HPACK_PATH;
        break;
    case 7:
        if (string_word(s, 0, 7) == H1_LITERAL(':', 's', 't', 'a', 't', 'u', 's', 0))
            return HPACK_STATUS;
        break;
    case 10:
        if (string_word(s, 0, 8) == H1_LITERAL(':', 'a', 'u', 't', 'h', 'o', 'r', 'i') &&
            string_word(s, 8, 2) == H1_LITERAL('t', 'y', 0, 0, 0, 0, 0, 0))
            return HPACK_HOST;
        if (string_word(s, 0, 8) == H1_LITERAL('u', 's', 'e', 'r', '-', 'a', 'g', 'e') &&
            string_word(s, 8, 2) == H1_LITERAL('n', 't', 0, 0, 0, 0, 0, 0))
            return HPACK_USER_AGENT;
        break;
    case 11:
        if (string_word(s, 0, 8) == H1_LITERAL('g', 'r', 'p', 'c', '-', 's', 't', 'a') &&
            string_word(s, 8, 3) == H1_LITERAL('t', 'u', 's', 0, 0, 0, 0, 0))
            return HPACK_GRPC_STATUS;
        break;
    case 12:
        if (string_word(s, 0, 8) == H1_LITERAL('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
            string_word(s, 8, 4) == H1_LITERAL('t', 'y', 'p', 'e', 0, 0, 0, 0))
            return HPACK_CONTENT_TYPE;
        break;
    }
    return HPACK_OTHER;
}

pure enum hpack_name hpack_huffman_name(const __u8 *s, __u32 length)
{
    switch (length) {
    case 3:
        if (string_word(s, 0, 3) == H1_LITERAL(0x9c, 0xe8, 0x4f, 0, 0, 0, 0, 0))
            return HPACK_HOST;
        break;
    case 4:
        if (string_word(s, 0, 4) == H1_LITERAL(0xb9, 0x58, 0xd3, 0x3f, 0, 0, 0, 0))
            return HPACK_PATH;
        break;
    case 5:
        if (string_word(s, 0, 5) == H1_LITERAL(0xb8, 0x84, 0x8d, 0x36, 0xa3, 0, 0, 0))
            return HPACK_STATUS;
        break;
    case 7:
        if (string_word(s, 0, 7) == H1_LITERAL(0xb5, 0x05, 0xb1, 0x61, 0xcc, 0x5a, 0x93, 0))
            return HPACK_USER_AGENT;
        break;
    case 8:
        if (string_word(s, 0, 8) == H1_LITERAL(0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f))
            return HPACK_GRPC_STATUS;
        if (string_word(s, 0, 8) == H1_LITERAL(0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f))
            return HPACK_HOST;
        break;
    case 9:
        if (string_word(s, 0, 8) == H1_LITERAL(0x21, 0xea, 0x49, 0x6a, 0x4a, 0xc9, 0xf5, 0x59) &&
            s[8] == 0x7f)
            return HPACK_CONTENT_TYPE;
        break;
    }
    return HPACK_OTHER;
}

/* "application/grpc", then the end or '+', as Envoy tests it. Its Huffman coding fills 11 bytes
 * exactly; '+' is 11 bits more. */
pure __u8 hpack_is_grpc(const __u8 *s, __u32 length, int huffman)
{
    if (!huffman)
        return length >= 16 &&
               string_word(s, 0, 8) == H1_LITERAL('a', 'p', 'p', 'l', 'i', 'c', 'a', 't') &&
               string_word(s, 8, 8) == H1_LITERAL('i', 'o', 'n', '/', 'g', 'r', 'p', 'c') &&
               (length == 16 || s[16] == '+');
    if (length < 11 ||
        string_word(s, 0, 8) != H1_LITERAL(0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c) ||
        string_word(s, 8, 3) != H1_LITERAL(0x4d, 0x65, 0x64, 0, 0, 0, 0, 0))
        return 0;
    return length == 11 || (length > 12 && s[11] == 0xff && s[12] >> 5 == 3);
}

pure __u8 hpack_is_agent(const __u8 *s, __u32 length, int huffman)
{
    if (huffman)
        return length == 7 &&
               string_word(s, 0, 7) == H1_LITERAL(0xc1, 0x57, 0x73, 0xfa, 0x63, 0x1d, 0xef, 0);
    return length == 8 &&
           string_word(s, 0, 8) == H1_LITERAL('E', 'n', 'v', 'o', 'y', '/', 'H', 'C');
}

#define HPACK_DIGITS_MAX 4
#define HPACK_NO_NUMBER 0xffffffff

/* The next digit's Huffman code in the top of a word: '0' to '2' have five bits, '3' to '9' six. Its
 * length; 0: no digit. */
pure __u32 hpack_digit(__u64 bits, __u32 *digit)
{
    __u32 five = (__u32)(bits >> 59), six = (__u32)(bits >> 58);

    *digit = five < 3 ? five : six - 0x16;
    if (five < 3)
        return 5;
    return six >= 0x19 && six <= 0x1f ? 6 : 0;
}

/* What is left of a Huffman string after its last symbol: less than a byte of ones (5.2). */
pure int hpack_padding(__u64 bits, __u32 left)
{
    return left < 8 && (!left || bits >> (64 - left) == (1u << left) - 1);
}

/* A decimal number in `*digits` digits, no more than HPACK_DIGITS_MAX; else HPACK_NO_NUMBER. */
pure __u32 hpack_huffman_number(const __u8 *s, __u32 length, __u32 *digits)
{
    __u64 bits = __builtin_bswap64(string_word(s, 0, 8));
    __u32 left = length * 8, number = 0;

    if (!length || length > 5)
        return HPACK_NO_NUMBER;
    *digits = 0;
    for (int i = 0; i < HPACK_DIGITS_MAX; i++) {
        __u32 digit, used = hpack_digit(bits, &digit);

        if (!used || used > left)
            break;
        number = number * 10 + digit;
        bits <<= used;
        left -= used;
        *digits = i + 1;
    }
    return *digits && hpack_padding(bits, left) ? number : HPACK_NO_NUMBER;
}

pure __u32 hpack_raw_number(const __u8 *s, __u32 length, __u32 *digits)
{
    __u32 number = 0;

    if (!length || length > HPACK_DIGITS_MAX)
        return HPACK_NO_NUMBER;
    for (__u32 i = 0; i < HPACK_DIGITS_MAX; i++) {
        __u8 digit = s[i] - '0';

        if (i >= length)
            break;
        if (digit > 9)
            return HPACK_NO_NUMBER;
        number = number * 10 + digit;
    }
    *digits = length;
    return number;
}

pure __u8 hpack_status_value(__u32 number, __u32 digits)
{
    if (number == HPACK_NO_NUMBER || digits != 3 || number < 100 || number == 101)
        return STATUS_BAD;
    if (number < 200)
        return STATUS_INTERIM;
    return number / 100 == 5 ? STATUS_5XX : STATUS_BELOW_500;
}

/* Which are errors: Envoy 1.40, its router as observed. */
pure __u8 hpack_grpc_value(__u32 number)
{
    const __u32 errors = 1 << 2 | 1 << 4 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15;

    return number <= 16 && !(errors >> number & 1) ? GRPC_SUCCESS : GRPC_ERROR;
}

/* The first bytes of a string. */
struct hpack_text {
    __u8 bytes[HPACK_HELD];
};

/* A status; a function of its own, because the verifier walks each way through the digits. */
verified_once int hpack_number_value(const struct hpack_text *s, __u32 length, __u32 huffman,
                                     __u32 name)
{
    __u32 digits = 0, number;

    if (!s)
        return 0;
    number = huffman ? hpack_huffman_number(s->bytes, length, &digits)
                     : hpack_raw_number(s->bytes, length, &digits);
    return name == HPACK_STATUS ? hpack_status_value(number, digits) : hpack_grpc_value(number);
}

/* What the value of a field with this name says. PATH and HOST are compared elsewhere. */
pure __u8 hpack_value(__u8 name, const __u8 *s, __u32 length, int huffman)
{
    switch (name) {
    case HPACK_STATUS:
    case HPACK_GRPC_STATUS:
        return hpack_number_value((const struct hpack_text *)s, length, huffman, name) &
               HPACK_VALUE_MASK;
    case HPACK_CONTENT_TYPE:
        return hpack_is_grpc(s, length, huffman);
    case HPACK_USER_AGENT:
        return hpack_is_agent(s, length, huffman);
    }
    return 0;
}
