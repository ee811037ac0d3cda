/* HTTP/1 framing of one direction (RFC 9112), a byte at a time, cut anywhere. Pure.
 *
 * The machine reads what decides where a message ends and what it was: method, version, status,
 * Content-Length, Transfer-Encoding, and what marks a health check. All else is skipped.
 *
 *   START -> METHOD -> TARGET -> VERSION -> VERSION_END -> LINE ...        a request
 *   START -> STATUS -> SKIP_LINE -> LINE ...                               a response
 *   LINE -> NAME -> VALUE -> LINE | LINE -> SKIP_LINE -> LINE | LINE -> HEAD_LF    (event HEAD)
 *   the owner then chooses the body: START | BODY | CHUNK_SIZE | UNTIL_CLOSE | STOP
 *   CHUNK_SIZE -> CHUNK_EXTENSION -> CHUNK_DATA -> CHUNK_END -> CHUNK_SIZE ... -> TRAILER (event
 * END) before a connection's first request: START -> PROXY1 | PROXY2_MAGIC -> PROXY2_HEAD ->
 * PROXY2_BODY -> START
 */
#pragma once

#include "abi.h"
#include "window.h"

enum http1_state {
    H1_START,
    H1_METHOD, /* from here to HEAD_LF: inside a head */
    H1_TARGET,
    H1_VERSION,
    H1_VERSION_END,
    H1_STATUS,
    H1_LINE,
    H1_NAME,
    H1_VALUE,
    H1_VALUE_LF,
    H1_SKIP_LINE,
    H1_HEAD_LF,
    H1_BODY, /* from here to PROXY2_BODY: `length` bytes to pass without reading */
    H1_CHUNK_DATA,
    H1_PROXY2_BODY,
    H1_CHUNK_SIZE,
    H1_CHUNK_EXTENSION,
    H1_CHUNK_LF,
    H1_CHUNK_END,
    H1_TRAILER,
    H1_TRAILER_LINE,
    H1_TRAILER_LF,
    H1_PROXY1,
    H1_PROXY2_MAGIC,
    H1_PROXY2_HEAD,
    H1_TLS,
    H1_SETTINGS,
    H1_UNTIL_CLOSE, /* from here on bytes are passed without reading, without end */
    H1_TUNNEL_WAIT, /* a CONNECT was sent, not answered yet */
    H1_STOP,        /* not HTTP any more, or lost */
};

enum http1_event {
    H1_NONE,
    H1_REQUEST_LINE, /* a whole request line with an HTTP/1 version: this is HTTP/1 */
    H1_HEAD,         /* head complete; the owner sets the body */
    H1_END,          /* message complete */
    H1_BAD,          /* not HTTP/1; nothing after this can be framed */
    H1_IS_TLS,
    H1_IS_HTTP2,
};

enum http1_flag {
    H1_RESPONSE = 1, /* the direction; never cleared */
    H1_FIRST = 2,    /* nothing before: PROXY headers, TLS and HTTP/2 are possible */
    H1_HAS_LENGTH = 4,
    H1_CODED = 8,        /* Transfer-Encoding is there */
    H1_CHUNKED = 16,     /* ... and its last coding is chunked */
    H1_PROBE_AGENT = 32, /* User-Agent: Envoy/HC */
    H1_H2C = 64,         /* Upgrade: h2c */
    H1_SPACE = 128,      /* the value being read had its end; only white space may follow */
    H1_HAS_HOST = 256,
};

/* What is known of the method. */
enum http1_word { H1_IS_HEAD = 1, H1_IS_CONNECT = 2, H1_IS_PRI = 4, H1_IS_PROXY = 8 };

enum http1_field {
    H1_CONTENT_LENGTH,
    H1_TRANSFER_ENCODING,
    H1_USER_AGENT,
    H1_HOST,
    H1_UPGRADE,
    H1_OTHER,
};

struct http1 {
    __u16 flags;  /* enum http1_flag */
    __u8 state;   /* enum http1_state */
    __u8 words;   /* enum http1_word: still possible; after the method: what it is */
    __u8 field;   /* enum http1_field */
    __u8 matched; /* bytes of a literal, name or value that were matched */
    __u8 digits;  /* digits of `number` read */
    __u8 probes;  /* bit per health check pattern that still matches target and Host */
    __u16 status; /* response: status code */
    __u16 target; /* request: bytes of the target */
    __u16 zero;
    __u64 number; /* being read */
    __u64 length; /* Content-Length; in a skipped state the bytes still to pass */
};

#define H1_NO_MATCH 0xff
#define H1_NUMBER_MAX (1ull << 59) /* lengths above are refused; room for one more digit */
#define H1_METHOD_MAX 32           /* longer tokens are no method: it is not HTTP */

/* Up to 8 bytes in a constant: no table that a linker could merge, and no load. Little endian. */
#define H1_LITERAL(a, b, c, d, e, f, g, h)                                                         \
    ((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |       \
     (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* Byte `at`, below 8, of a literal. */
pure __u8 h1_literal_byte(__u64 literal, __u32 at)
{
    return (__u8)(literal >> (at & 7) * 8);
}

pure int h1_is_token(__u8 c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= '^' && c <= 'z'))
        return 1; /* '^' to 'z' is ^ _ ` and the small letters */
    return c == '!' || (c >= '#' && c <= '\'') || c == '*' || c == '+' || c == '-' || c == '.' ||
           c == '|' || c == '~';
}

pure __u8 h1_lower(__u8 c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Prepares for the next message of this direction. */
pure void http1_restart(struct http1 *p)
{
    p->state = H1_START;
    p->flags &= H1_RESPONSE | H1_FIRST;
    p->field = H1_OTHER;
    p->matched = 0;
    p->status = 0;
    p->length = 0;
}

pure int http1_in_head(const struct http1 *p)
{
    __u8 state = *(const volatile __u8 *)&p->state;

    return state >= H1_METHOD && state <= H1_HEAD_LF;
}

/* Bytes from here on that need not be read, whatever they are. */
pure __u64 http1_skippable(const struct http1 *p)
{
    if (p->state >= H1_UNTIL_CLOSE)
        return ~0ull;
    if (p->state >= H1_BODY && p->state <= H1_PROXY2_BODY)
        return p->length;
    return 0;
}

/* Passes `count` bytes, at most http1_skippable(), unread. */
pure enum http1_event http1_skip(struct http1 *p, __u64 count)
{
    if (p->state >= H1_UNTIL_CLOSE) {
        if (p->state == H1_TUNNEL_WAIT)
            p->state = H1_STOP; /* sent on trust before the answer: never to be read as a request */
        return H1_NONE;
    }
    p->length -= count;
    if (p->length)
        return H1_NONE;
    if (p->state == H1_CHUNK_DATA) {
        p->state = H1_CHUNK_END;
        return H1_NONE;
    }
    if (p->state == H1_PROXY2_BODY) {
        http1_restart(p);
        return H1_NONE;
    }
    return H1_END;
}

/* --- the first line --------------------------------------------------------- */

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
    if (!(p->flags & H1_FIRST))
        return H1_BAD;
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

/* A server that speaks: "HTTP/1.", or in HTTP/2 a SETTINGS frame (RFC 9113, 3.4 and 4.1). */
pure enum http1_event h1_response_start(struct http1 *p, __u8 c)
{
    p->status = 0;
    if (c == 0 && (p->flags & H1_FIRST)) {
        p->state = H1_SETTINGS;
        p->matched = 1;
        return H1_NONE;
    }
    p->state = H1_VERSION;
    p->words = 0;
    p->matched = 0;
    return h1_version(p, c);
}

pure enum http1_event h1_settings(struct http1 *p, __u8 c)
{
    switch (p->matched++) {
    case 1:
        return c == 0 ? H1_NONE : H1_BAD; /* no SETTINGS frame is 256 bytes or longer in practice */
    case 2:
        return H1_NONE;
    default:
        return c == 4 ? H1_IS_HTTP2 : H1_BAD;
    }
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

/* --- header fields ----------------------------------------------------------- */

/* Nothing more of this line matters. `c` may be its end. */
pure enum http1_event h1_other(struct http1 *p, __u8 c)
{
    p->field = H1_OTHER;
    p->state = c == '\n' ? H1_LINE : H1_SKIP_LINE;
    return H1_NONE;
}

pure enum http1_event h1_line(struct http1 *p, __u8 c)
{
    /* RFC 9112, 5.2: a folded line; readers disagree on what it adds to a length. */
    if ((c == ' ' || c == '\t') && p->field <= H1_TRANSFER_ENCODING)
        return H1_BAD;
    p->matched = 1;
    p->state = H1_NAME;
    switch (h1_lower(c)) {
    case '\n':
        return H1_HEAD;
    case '\r':
        p->state = H1_HEAD_LF;
        return H1_NONE;
    case 'c':
        p->field = H1_CONTENT_LENGTH;
        return H1_NONE;
    case 't':
        p->field = H1_TRANSFER_ENCODING;
        return H1_NONE;
    case 'u':
        p->field = H1_USER_AGENT;
        return H1_NONE;
    case 'h':
        p->field = H1_HOST;
        return H1_NONE;
    }
    return h1_other(p, c);
}

pure void h1_value_start(struct http1 *p)
{
    p->state = H1_VALUE;
    p->matched = 0;
    p->digits = 0;
    p->number = 0;
    p->flags &= ~H1_SPACE;
}

pure enum http1_event h1_name(struct http1 *p, __u8 c)
{
    static const char names[8][24] = {"content-length", "transfer-encoding", "user-agent", "host",
                                      "upgrade"};
    __u32 at = p->matched++, field;

    if (at == 1 && p->field == H1_USER_AGENT && h1_lower(c) == 'p')
        p->field = H1_UPGRADE;
    field = p->field & 7;
    if (at >= 24)
        return h1_other(p, c);
    __u8 expected = names[field][at];

    if (expected)
        return h1_lower(c) == expected ? H1_NONE : h1_other(p, c);
    if (c == ':') {
        h1_value_start(p);
        return H1_NONE;
    }
    if (c == ' ' || c == '\t') /* RFC 9112, 5.1: refused or removed, so readers disagree */
        return field <= H1_TRANSFER_ENCODING ? H1_BAD : H1_NONE;
    return h1_other(p, c);
}

pure enum http1_event h1_length_end(struct http1 *p)
{
    if (!p->digits || ((p->flags & H1_HAS_LENGTH) && p->length != p->number))
        return H1_BAD; /* RFC 9110, 8.6: a list of equal lengths is one length */
    p->length = p->number;
    p->flags |= H1_HAS_LENGTH;
    p->digits = 0;
    p->number = 0;
    p->flags &= ~H1_SPACE;
    return H1_NONE;
}

pure enum http1_event h1_content_length(struct http1 *p, __u8 c)
{
    if (c >= '0' && c <= '9') {
        if ((p->flags & H1_SPACE) || p->number > H1_NUMBER_MAX / 10)
            return H1_BAD;
        p->number = p->number * 10 + (c - '0');
        p->digits = 1;
        return H1_NONE;
    }
    if (c == ' ' || c == '\t') {
        if (p->digits)
            p->flags |= H1_SPACE;
        return H1_NONE;
    }
    return c == ',' || c == '\r' || c == '\n' ? h1_length_end(p) : H1_BAD;
}

/* Keeps H1_CHUNKED true exactly while the last coding of the list is "chunked". */
pure enum http1_event h1_transfer_encoding(struct http1 *p, __u8 c)
{
    const __u64 literal = H1_LITERAL('c', 'h', 'u', 'n', 'k', 'e', 'd', 0);

    p->flags |= H1_CODED;
    if (c == ',') {
        p->matched = 0;
        p->flags &= ~H1_SPACE;
        return H1_NONE;
    }
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (p->matched)
            p->flags |= H1_SPACE;
        return H1_NONE;
    }
    p->flags &= ~H1_CHUNKED;
    if (p->matched < 7 && !(p->flags & H1_SPACE) &&
        h1_lower(c) == h1_literal_byte(literal, p->matched))
        p->matched++;
    else
        p->matched = H1_NO_MATCH;
    if (p->matched == 7)
        p->flags |= H1_CHUNKED;
    return H1_NONE;
}

/* The whole value is `literal` (8 bytes at most): `flag` is set at its end. */
pure enum http1_event h1_literal(struct http1 *p, __u64 literal, __u32 length, __u16 flag, __u8 c)
{
    if (c == '\r' || c == '\n') {
        if (p->matched == length)
            p->flags |= flag;
        return H1_NONE;
    }
    if (c == ' ' || c == '\t') {
        if (p->matched)
            p->flags |= H1_SPACE;
        return H1_NONE;
    }
    if (p->matched < length && !(p->flags & H1_SPACE) && c == h1_literal_byte(literal, p->matched))
        p->matched++;
    else
        p->matched = H1_NO_MATCH;
    return H1_NONE;
}

pure enum http1_event h1_host(struct http1 *p, const struct probe_set *set, __u8 c)
{
    __u32 at = p->matched;

    if (!set || c == ' ' || c == '\t')
        return H1_NONE;
    p->flags |= H1_HAS_HOST;
    if (c == '\r' || c == '\n')
        c = 0; /* the patterns end in NUL */
    opaque_value(at);
    for (int i = 0; i < PROBES_PER_SET; i++) {
        const struct probe *probe = &set->probe[i];

        if (!probe->host_len)
            continue;
        if (at >= PROBE_HOST_MAX || (__u8)probe->host[at & (PROBE_HOST_MAX - 1)] != h1_lower(c))
            p->probes &= ~(1 << i);
    }
    if (p->matched < 0xff)
        p->matched++;
    return H1_NONE;
}

/* A request whose head is complete: is it a health check? */
pure int http1_is_probe(const struct http1 *p, const struct probe_set *set)
{
    if (p->flags & H1_PROBE_AGENT)
        return 1;
    if (!set)
        return 0;
    for (int i = 0; i < PROBES_PER_SET; i++)
        if ((p->probes & (1 << i)) && (!set->probe[i].host_len || (p->flags & H1_HAS_HOST)))
            return 1;
    return 0;
}

pure enum http1_event h1_value(struct http1 *p, const struct probe_set *set, __u8 c)
{
    if (c == '\n')
        p->state = H1_LINE;
    else if (c == '\r')
        p->state = H1_VALUE_LF;
    switch (p->field) {
    case H1_CONTENT_LENGTH:
        return h1_content_length(p, c);
    case H1_TRANSFER_ENCODING:
        return h1_transfer_encoding(p, c);
    case H1_USER_AGENT:
        return h1_literal(p, H1_LITERAL('E', 'n', 'v', 'o', 'y', '/', 'H', 'C'), 8, H1_PROBE_AGENT,
                          c);
    case H1_UPGRADE:
        return h1_literal(p, H1_LITERAL('h', '2', 'c', 0, 0, 0, 0, 0), 3, H1_H2C, c);
    default:
        return h1_host(p, set, c);
    }
}

/* --- chunks (RFC 9112, 7.1) --------------------------------------------------- */

pure void h1_chunk_start(struct http1 *p)
{
    p->state = H1_CHUNK_SIZE;
    p->digits = 0;
    p->number = 0;
}

pure enum http1_event h1_chunk_line_end(struct http1 *p)
{
    p->length = p->number;
    p->state = p->number ? H1_CHUNK_DATA : H1_TRAILER;
    return p->digits ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_chunk_size(struct http1 *p, __u8 c)
{
    __u8 digit = c - '0';

    if (digit > 9)
        digit = h1_lower(c) >= 'a' && h1_lower(c) <= 'f' ? h1_lower(c) - 'a' + 10 : 0xff;
    if (digit != 0xff) {
        if (p->number > H1_NUMBER_MAX / 16)
            return H1_BAD;
        p->number = p->number * 16 + digit;
        p->digits = 1;
        return H1_NONE;
    }
    if (c == '\n')
        return h1_chunk_line_end(p);
    p->state = c == '\r' ? H1_CHUNK_LF : H1_CHUNK_EXTENSION;
    return c == '\r' || c == ';' || c == ' ' || c == '\t' ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_chunk_end(struct http1 *p, __u8 c)
{
    if (c == '\r')
        return H1_NONE;
    h1_chunk_start(p);
    return c == '\n' ? H1_NONE : H1_BAD;
}

pure enum http1_event h1_trailer(struct http1 *p, __u8 c)
{
    p->state = c == '\r' ? H1_TRAILER_LF : H1_TRAILER_LINE;
    return c == '\n' ? H1_END : H1_NONE;
}

/* --- before HTTP: the PROXY protocol (haproxy.org, proxy-protocol.txt), TLS ----- */

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

/* --- all of it ------------------------------------------------------------------ */

pure enum http1_event h1_end_of_line(struct http1 *p, __u8 c, __u8 next, enum http1_event event)
{
    p->state = next;
    return c == '\n' ? event : H1_BAD;
}

pure enum http1_event h1_body_byte(struct http1 *p, __u8 c)
{
    switch (p->state) {
    case H1_CHUNK_SIZE:
        return h1_chunk_size(p, c);
    case H1_CHUNK_EXTENSION:
        return c == '\n' ? h1_chunk_line_end(p) : H1_NONE;
    case H1_CHUNK_LF:
        return c == '\n' ? h1_chunk_line_end(p) : H1_BAD;
    case H1_CHUNK_END:
        return h1_chunk_end(p, c);
    case H1_TRAILER:
        return h1_trailer(p, c);
    case H1_TRAILER_LF:
        return c == '\n' ? H1_END : H1_BAD;
    case H1_PROXY1:
        if (c == '\n')
            http1_restart(p);
        return H1_NONE;
    case H1_PROXY2_MAGIC:
        return h1_proxy2_magic(p, c);
    case H1_PROXY2_HEAD:
        return h1_proxy2_head(p, c);
    case H1_TLS:
        return c == 3 ? H1_IS_TLS : H1_BAD;
    case H1_SETTINGS:
        return h1_settings(p, c);
    default:
        return http1_skip(p, 1);
    }
}

pure enum http1_event h1_head_byte(struct http1 *p, const struct probe_set *set, __u8 c)
{
    switch (p->state) {
    case H1_START:
        return p->flags & H1_RESPONSE ? h1_response_start(p, c) : h1_request_start(p, c);
    case H1_METHOD:
        return h1_method(p, c);
    case H1_TARGET:
        return h1_target(p, set, c);
    case H1_VERSION:
        return h1_version(p, c);
    case H1_VERSION_END:
        return h1_version_end(p, c);
    case H1_STATUS:
        return h1_status(p, c);
    case H1_LINE:
        return h1_line(p, c);
    case H1_NAME:
        return h1_name(p, c);
    case H1_VALUE:
        return h1_value(p, set, c);
    case H1_VALUE_LF:
        return h1_end_of_line(p, c, H1_LINE, H1_NONE);
    default:
        return h1_end_of_line(p, c, H1_HEAD_LF, H1_HEAD);
    }
}

/* A function of its own in the kernel: the verifier then looks at it once, alone. */
verified_once enum http1_event http1_byte(struct http1 *p, const struct probe_set *set, __u8 c)
{
    if (!p)
        return H1_NONE;
    return p->state < H1_BODY ? h1_head_byte(p, set, c) : h1_body_byte(p, c);
}

/* Reads on in the window until an event, its end, or a bounded number of bytes. The caller calls
 * again as long as the window has bytes. */
pure enum http1_event http1_step(struct http1 *p, struct window *w, const struct probe_set *set)
{
    for (int i = 0; i < 32; i++) {
        enum http1_event event;

        if (w->position >= w->length)
            return H1_NONE;
        if (p->state == H1_SKIP_LINE || p->state == H1_TRAILER_LINE) {
            if (window_skip_line(w))
                p->state = p->state == H1_SKIP_LINE ? H1_LINE : H1_TRAILER;
            continue;
        }
        event = http1_byte(p, set, window_byte(w, w->position++));
        if (event != H1_NONE)
            return event;
    }
    return H1_NONE;
}
