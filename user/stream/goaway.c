#include "stream/goaway.h"

#include <stdio.h>
#include <string.h>

#define ENHANCE_YOUR_CALM 0xb /* RFC 9113, 7 */

void goaway_text(const char *error, const uint8_t *words, size_t length, char out[GOAWAY_TEXT])
{
    size_t used = (size_t)snprintf(out, GOAWAY_TEXT, "%s%s", error, length ? " " : "");

    for (size_t i = 0; i < length && used + 1 < GOAWAY_TEXT; i++)
        out[used++] = words[i] < 0x20 || words[i] > 0x7e ? '?' : (char)words[i];
    out[used] = '\0';
}

bool goaway_is_about_pings(uint32_t error, const uint8_t *words, size_t length)
{
    static const char pings[] = "too_many_pings";

    return error == ENHANCE_YOUR_CALM && length == strlen(pings) &&
           memcmp(words, pings, length) == 0;
}
