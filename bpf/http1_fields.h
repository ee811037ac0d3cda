/* Header fields that decide where a message ends, or mark a health check (RFC 9110, 9112). Pure. */
#pragma once

#include "http1_state.h"

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
    if (p->matched >= length || (p->flags & H1_SPACE) || c != h1_literal_byte(literal, p->matched))
        return h1_other(p, c);
    p->matched++;
    return H1_NONE;
}

pure enum http1_event h1_host(struct http1 *p, const struct probe_set *set, __u8 c)
{
    __u32 at = p->matched;

    if (c == ' ' || c == '\t')
        return H1_NONE;
    if (!set || !p->probes)
        return c == '\r' || c == '\n' ? H1_NONE : h1_other(p, c);
    p->flags |= H1_HAS_HOST;
    if (c == '\r' || c == '\n')
        c = 0; /* the patterns end in NUL */
    opaque_value(at);
    for (int i = 0; i < PROBES_PER_SET; i++) {
        const struct probe *probe = &set->probe[i];

        if (!probe->host_len)
            continue;
        if (at >= PROBE_HOST_MAX || (__u8)probe->host[at & (PROBE_HOST_MAX - 1)] != c)
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
