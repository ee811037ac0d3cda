/* State of HTTP/1 framing in one direction; the chart is in http1.h. Pure. */
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
    H1_UNTIL_CLOSE,  /* from here on bytes are passed without reading, without end */
    H1_TUNNEL_WAIT,  /* a CONNECT was sent, not answered yet */
    H1_TUNNEL_TRUST, /* ... and bytes behind it: never to be read as a request */
    H1_ADRIFT,       /* lost: the place in the messages is unknown, and looked for (place.h) */
    H1_STOP,         /* not HTTP any more */
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
            p->state = H1_TUNNEL_TRUST;
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
