#include "hpack_huffman.h"

#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#define RUN 320 /* 'a' has five bits: long enough that the whole text is shorter in code */
#define RUN_BYTES (RUN * 5 / 8)

static struct {
    uint32_t code;
    uint32_t length;
} codes[256];

static size_t deflate(const uint8_t *text, size_t length, uint8_t *block, size_t room)
{
    nghttp2_nv nv = {(uint8_t *)"x", (uint8_t *)text, 1, length, NGHTTP2_NV_FLAG_NO_INDEX};
    nghttp2_hd_deflater *deflater;
    ssize_t written;

    if (nghttp2_hd_deflate_new(&deflater, 0))
        abort();
    written = nghttp2_hd_deflate_hd(deflater, block, room, &nv, 1);
    nghttp2_hd_deflate_del(deflater);
    if (written < 0)
        abort();
    return (size_t)written;
}

/* A run of 'a', then the byte eight times: as many bytes more as its code has bits. */
static void learn(uint8_t byte)
{
    uint8_t text[RUN + 8], block[RUN + 100];
    size_t written;
    const uint8_t *code;

    memset(text, 'a', RUN);
    memset(text + RUN, byte, 8);
    written = deflate(text, sizeof(text), block, sizeof(block));
    for (codes[byte].length = 5;; codes[byte].length++) {
        size_t length = RUN_BYTES + codes[byte].length;

        /* The length stands before the string, in two bytes: 127 and more, Huffman's bit set. */
        code = block + written - length;
        if (code[-2] == 0xff && 127u + code[-1] == length)
            break;
        if (codes[byte].length > 30)
            abort();
    }
    code += RUN_BYTES;
    for (int i = 0; i < 4; i++)
        codes[byte].code = codes[byte].code << 8 | code[i];
    codes[byte].code >>= 32 - codes[byte].length;
}

void huffman_write(const char *text, size_t length, struct bytes *to)
{
    uint64_t bits = 0;
    uint32_t held = 0;
    uint8_t byte;

    if (!codes['a'].length)
        for (int i = 255; i >= 0; i--)
            learn((uint8_t)i);
    for (size_t i = 0; i < length; i++) {
        bits = bits << codes[(uint8_t)text[i]].length | codes[(uint8_t)text[i]].code;
        held += codes[(uint8_t)text[i]].length;
        for (; held >= 8; held -= 8) {
            byte = (uint8_t)(bits >> (held - 8));
            bytes_add(to, &byte, 1);
        }
    }
    if (!held)
        return;
    byte = (uint8_t)(bits << (8 - held) | 0xff >> held);
    bytes_add(to, &byte, 1);
}
