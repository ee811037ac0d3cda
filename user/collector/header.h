/* Names and values of headers, as HTTP/2 brings them: bytes and a length. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool header_is(const uint8_t *bytes, size_t length, const char *text)
{
    return length == strlen(text) && !memcmp(bytes, text, length);
}
