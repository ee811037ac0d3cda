/* What a connection's first bytes say about it, as far as they say it for certain. Pure. */
#pragma once

#include "http1_state.h"

enum greeting {
    GREETING_UNSURE, /* may be HTTP, may be another protocol of words */
    GREETING_HTTP,
    GREETING_TLS,
    GREETING_SESSION, /* cannot be HTTP */
};

#define GREETING_SIZE 16

/* A method is upper case and followed by a target: "GET /", "OPTIONS *", "PRI * HTTP/2.0". A word that is
 * not, as memcached's, or the PROXY protocol's, leaves it open. */
pure enum greeting greeting_of(const __u8 *bytes, __u32 length)
{
    int upper = 1;

    if (length >= 2 && bytes[0] == 0x16 && bytes[1] == 3) /* RFC 8446, 5.1 */
        return GREETING_TLS;
    if (!h1_is_token(bytes[0]))
        return bytes[0] == '\r' || bytes[0] == '\n' ? GREETING_UNSURE : GREETING_SESSION;
    for (__u32 i = 0; i < GREETING_SIZE; i++) {
        if (i + 1 >= length)
            return GREETING_UNSURE;
        if (bytes[i] == ' ')
            return upper && (bytes[i + 1] == '/' || bytes[i + 1] == '*') ? GREETING_HTTP
                                                                         : GREETING_UNSURE;
        if (!h1_is_token(bytes[i]))
            return GREETING_SESSION;
        upper &= bytes[i] >= 'A' && bytes[i] <= 'Z';
    }
    return GREETING_UNSURE;
}
