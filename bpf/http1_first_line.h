/* The first line of an HTTP/1 message (RFC 9112, 3 and 4), and what a connection may begin with
 * instead: PROXY headers, TLS, HTTP/2. Pure. */
#pragma once

#include "http1_state.h"

/* Which of the four words can still be the method after byte `c` at `at`; NUL ends each. */
pure __u8 h1_word_match(__u8 words, __u32 at, __u8 c)
{
    if (at > 7)
        return 0;
    if (h1_literal_byte(H1_LITERAL('H', 'E', 'A', 'D', 0, 0, 0, 0), at) != c)
        words &= ~H1_IS_HEAD;
    if (h1_literal_byte(H1_LITERAL('C', 'O', 'N', 'N', 'E', 'C', 'T', 0), at) != c)
        words &= ~H1_IS_CONNECT;
    if (h1_literal_byte(H1_LITERAL('P', 'R', 'I', 0, 0, 0, 0, 0), at) != c)
        words &= ~H1_IS_PRI;
    if (h1_literal_byte(H1_LITERAL('P', 'R', 'O', 'X', 'Y', 0, 0, 0), at) != c)
        words &= ~H1_IS_PROXY;
    return words;
}

pure enum http1_event h1_request_start(struct http1 *p, __u8 c)
{
    if (c == '\r' || c == '\n') { /* RFC 9112, 2.2: empty lines before a request are ignored */
        if (p->matched < 4)
            p->matched++;
        return H1_NONE;
    }
    if (h1_is_token(c)) {
        p->state = H1_METHOD;
        p->matched = 1;
        p->target = 0;
        p->words = h1_word_match(0xf, 0, c);
        p->probes = (1 << PROBES_PER_SET) - 1;
        return H1_NONE;
    }
    if (!(p->flags & H1_FIRST)) {
        p->state = c == 0x17 ? H1_TLS : p->state; /* RFC 8446, 5.1: application data */
        return H1_BAD;
    }
    if (c == 0 && p->matched == 4) {
        p->state = H1_PROXY2_MAGIC;
        p->matched = 5;
        return H1_NONE;
    }
    p->state = H1_TLS;
    return c == 0x16 ? H1_NONE : H1_BAD; /* RFC 8446, 5.1: a handshake record, version 3.x */
}

pure enum http1_event h1_method(struct http1 *p, __u8 c)
{
    if (c == ' ') {
        p->words = h1_word_match(p->words, p->matched, 0);
        p->state = p->words == H1_IS_PROXY && (p->flags & H1_FIRST) ? H1_PROXY1 : H1_TARGET;
        return H1_NONE;
    }
    p->words = h1_word_match(p->words, p->matched, c);
    if (p->matched++ >= H1_METHOD_MAX)
        return H1_BAD;
    return h1_is_token(c) ? H1_NONE : H1_BAD;
}

/* Narrows the patterns by byte `c` of the target. */
pure void h1_match_target(struct http1 *p, const struct probe_set *set, __u8 c)
{
    __u32 at = p->target;

    opaque_value(at);
    if (at >= PROBE_PATH_MAX) {
        p->probes = 0;
        return;
    }
    for (int i = 0; i < PROBES_PER_SET; i++)
        if (set->probe[i].path[at & (PROBE_PATH_MAX - 1)] != (char)c)
            p->probes &= ~(1 << i);
}

pure enum http1_event h1_target_end(struct http1 *p, const struct probe_set *set)
{
    p->state = H1_VERSION;
    p->matched = 0;
    for (int i = 0; i < PROBES_PER_SET; i++)
        if (!set || !set->probe[i].path_len || set->probe[i].path_len != p->target)
            p->probes &= ~(1 << i);
    return p->target ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_target(struct http1 *p, const struct probe_set *set, __u8 c)
{
    if (c == ' ')
        return h1_target_end(p, set);
    if (c < ' ' || c == 0x7f)
        return H1_BAD;
    if (set)
        h1_match_target(p, set, c);
    if (p->target < 0xffff)
        p->target++;
    return H1_NONE;
}

/* "HTTP/1." and a digit; a status line begins the same way. */
pure enum http1_event h1_version(struct http1 *p, __u8 c)
{
    const __u64 literal = H1_LITERAL('H', 'T', 'T', 'P', '/', '1', '.', 0);
    __u32 at = p->matched++;

    if (at == 5 && c == '2' && p->words == H1_IS_PRI && !(p->flags & H1_RESPONSE))
        return p->flags & H1_FIRST ? H1_IS_HTTP2 : H1_BAD; /* RFC 9113, 3.4 */
    if (at < 7)
        return c == h1_literal_byte(literal, at) ? H1_NONE : H1_BAD;
    p->state = p->flags & H1_RESPONSE ? H1_STATUS : H1_VERSION_END;
    p->matched = 0;
    return c >= '0' && c <= '9' ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_version_end(struct http1 *p, __u8 c)
{
    if (c == '\r' && !p->matched++)
        return H1_NONE;
    if (c != '\n')
        return H1_BAD;
    p->state = H1_LINE;
    p->flags &= H1_RESPONSE;
    return H1_REQUEST_LINE;
}

pure enum http1_event h1_response_start(struct http1 *p, __u8 c)
{
    p->status = 0;
    p->state = H1_VERSION;
    p->words = 0;
    p->matched = 0;
    return h1_version(p, c);
}

/* SP, three digits, then SP or the end of the line. */
pure enum http1_event h1_status(struct http1 *p, __u8 c)
{
    __u32 at = p->matched++;

    if (at == 0)
        return c == ' ' ? H1_NONE : H1_BAD;
    if (at < 4) {
        p->status = p->status * 10 + (c - '0');
        return c >= '0' && c <= '9' ? H1_NONE : H1_BAD;
    }
    p->flags &= H1_RESPONSE;
    p->state = c == '\n' ? H1_LINE : H1_SKIP_LINE;
    if (p->status < 100)
        return H1_BAD;
    return c == ' ' || c == '\r' || c == '\n' ? H1_NONE : H1_BAD;
}

/* --- the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt) ---------- */

pure enum http1_event h1_proxy2_magic(struct http1 *p, __u8 c)
{
    const __u64 first = H1_LITERAL('\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q');
    const __u64 last = H1_LITERAL('U', 'I', 'T', '\n', 0, 0, 0, 0);
    __u32 at = p->matched++;

    if (c != h1_literal_byte(at < 8 ? first : last, at))
        return H1_BAD;
    if (p->matched == 12) {
        p->state = H1_PROXY2_HEAD;
        p->matched = 0;
        p->number = 0;
    }
    return H1_NONE;
}

/* Version and command, family, two bytes of length. */
pure enum http1_event h1_proxy2_head(struct http1 *p, __u8 c)
{
    p->number = (p->number << 8 | c) & 0xffff;
    if (++p->matched < 4)
        return H1_NONE;
    p->length = p->number;
    p->state = H1_PROXY2_BODY;
    if (!p->length)
        http1_restart(p);
    return H1_NONE;
}
