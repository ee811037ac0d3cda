/* HPACK without strings (RFC 7541): what is kept of one direction's header compression. Pure.
 *
 * Of a header field only what decides a count matters, and that is one byte, a tag. The dynamic table
 * is a ring of tags with an insert count: an index counts from the newest entry, so the two decode
 * any index. Sizes are not followed, and need not be. An encoder refers to live entries only; it
 * announces a change of the table's size in its own blocks (4.2, 6.3); and an entry too large for the
 * table empties it, after which nothing older than the next one is referred to (4.4). A peer that
 * breaks these rules is beyond what its own peer would read. */
#pragma once

#include <linux/types.h>

#include "abi.h"
#include "window.h"

/* What a field's name is to us, and what its value can say; a tag is both. */
enum hpack_name {
    HPACK_OTHER,        /* 1: only a request's head has it */
    HPACK_STATUS,       /* enum hpack_status */
    HPACK_GRPC_STATUS,  /* enum hpack_grpc_status */
    HPACK_CONTENT_TYPE, /* 1: exactly gRPC's */
    HPACK_USER_AGENT,   /* 1: Envoy/HC */
    HPACK_PATH,         /* bit per health check pattern that it equals */
    HPACK_HOST,         /* the same of :authority and host */
    HPACK_UNKNOWN,      /* an entry that was not seen, or is older than the ring */
};

enum hpack_status {
    STATUS_NONE,
    STATUS_BAD,       /* not three digits, or 101, which HTTP/2 has not (RFC 9113, 8.6) */
    STATUS_INTERIM,   /* 1xx */
    STATUS_BELOW_500, /* Envoy's success; so are 600 to 999 */
    STATUS_5XX,
};

/* Envoy's test of a gRPC status: these are errors: 2, 4, 12 to 15, and what is none. */
enum hpack_grpc_status { GRPC_NONE, GRPC_SUCCESS, GRPC_ERROR };

#define HPACK_VALUE_BITS 4
#define HPACK_NAMES 16 /* that a tag has room for */
#define HPACK_VALUE_MASK ((1 << HPACK_VALUE_BITS) - 1)
#define HPACK_TAG(name, value) ((__u8)((name) << HPACK_VALUE_BITS | (value)))

#define HPACK_STATIC 61         /* entries of the static table (appendix A) */
#define HPACK_DEFAULT_SIZE 4096 /* bytes of a table that nobody changed (RFC 9113, 6.5.2) */
#define HPACK_RING 128          /* entries of 32 bytes or more (4.1) that fit those */
#define HPACK_BIG_RING 2048     /* ... and 64 KiB */
#define HPACK_HELD 24           /* of a string that decides something; more may not be read */

enum hpack_state {
    HPACK_AT_FIELD,
    HPACK_AT_NAME, /* the length of a string, then its bytes */
    HPACK_NAME_BYTES,
    HPACK_AT_VALUE,
    HPACK_VALUE_BYTES,
};

enum hpack_form { HPACK_INDEXED, HPACK_INSERT, HPACK_LITERAL, HPACK_SIZE };

/* What a header block said so far. */
struct hpack_fields {
    union {
        struct {
            __u8 status;      /* enum hpack_status */
            __u8 grpc_status; /* enum hpack_grpc_status */
            __u8 paths;       /* health check patterns that the path equals */
            __u8 hosts;       /* ... and that the host equals */
            __u8 flags;       /* enum hpack_flag */
            __u8 zero[3];
        };
        __u8 said[8];
    };
};

enum hpack_flag {
    FIELDS_GRPC = 1,    /* content-type is gRPC's */
    FIELDS_TYPED = 2,   /* a content-type was there */
    FIELDS_AGENT = 4,   /* user-agent is Envoy/HC */
    FIELDS_UNKNOWN = 8, /* a field that could not be told was among them */
    FIELDS_HEAD = 16,   /* a request's head: :method or :scheme of the static table */
};

/* The table of a connection whose encoder chose more than the default size. */
struct hpack_ring {
    union {
        __u8 tags[HPACK_BIG_RING];
        __u64 words[HPACK_BIG_RING / 8];
    };
};

/* The larger ring of a direction. */
enum hpack_big { HPACK_BIG_NO, HPACK_BIG_WANTED, HPACK_BIG_USED, HPACK_BIG_DENIED };

struct hpack {
    __u8 state; /* enum hpack_state */
    __u8 form;  /* enum hpack_form of this field */
    __u8 more;  /* bytes after the prefix of the integer being read, plus one; 0: not in one */
    __u8 huffman : 1; /* of the string being read */
    __u8 partial : 1; /* the table has entries that were not seen */
    __u8 name;        /* enum hpack_name of this field */
    __u8 held;        /* bytes of the string that are in `bytes` */
    __u8 matches;     /* health check patterns that the value being read can still equal */
    __u8 big;         /* enum hpack_big */
    __u32 number;     /* being read; then bytes of the string still to come */
    __u32 length;     /* of the string */
    __u32 inserts;    /* ever: the newest entry is tags[(inserts - 1) % HPACK_RING] */
    struct hpack_fields fields;
    __u8 bytes[HPACK_HELD]; /* the string's first, then zeros */
    __u8 tags[HPACK_RING];
};

pure void hpack_block_start(struct hpack *p)
{
    __builtin_memset(&p->fields, 0, sizeof(p->fields));
}

/* Nothing is known of the table's entries (a gap, or a connection that was open before). What is
 * inserted from here on is known again. */
pure void hpack_forget(struct hpack *p)
{
    p->state = HPACK_AT_FIELD;
    p->more = 0;
    p->partial = 1;
    p->inserts += HPACK_BIG_RING; /* another table: what was remembered of the old one is void */
    if (p->big == HPACK_BIG_USED)
        p->big = HPACK_BIG_WANTED;
    for (int i = 0; i < HPACK_RING; i++)
        p->tags[i] = HPACK_TAG(HPACK_UNKNOWN, 0);
}

/* The static table: names that matter, and the values of :status; what is not here is HPACK_OTHER. A
 * table, because the verifier would walk each way of a switch for each field. */
static const __u8 hpack_static_tags[64] = {
    [1] = HPACK_TAG(HPACK_HOST, 0),  /* :authority */
    [2] = HPACK_TAG(HPACK_OTHER, 1), /* :method GET, POST */
    [3] = HPACK_TAG(HPACK_OTHER, 1),
    [4] =
        HPACK_TAG(HPACK_PATH, 0), /* whose values / and /index.html hpack_static_path() compares */
    [5] = HPACK_TAG(HPACK_PATH, 0),
    [6] = HPACK_TAG(HPACK_OTHER, 1), /* :scheme http, https */
    [7] = HPACK_TAG(HPACK_OTHER, 1),
    [8] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500),  /* 200 */
    [9] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500),  /* 204 */
    [10] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500), /* 206 */
    [11] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500), /* 304 */
    [12] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500), /* 400 */
    [13] = HPACK_TAG(HPACK_STATUS, STATUS_BELOW_500), /* 404 */
    [14] = HPACK_TAG(HPACK_STATUS, STATUS_5XX),       /* 500 */
    [31] = HPACK_TAG(HPACK_CONTENT_TYPE, 0),
    [38] = HPACK_TAG(HPACK_HOST, 0),
    [58] = HPACK_TAG(HPACK_USER_AGENT, 0),
};

pure __u8 hpack_static(__u32 index)
{
    opaque_value(index);
    return hpack_static_tags[index & 63];
}

/* The larger ring is the rarer one: its accesses stand apart, and whoever has none gives NULL. */
verified_once int big_ring_tag(const struct hpack_ring *big, __u32 at)
{
    if (!big)
        return HPACK_TAG(HPACK_UNKNOWN, 0);
    opaque_value(at);
    return big->tags[at & (HPACK_BIG_RING - 1)];
}

verified_once int big_ring_insert(struct hpack_ring *big, __u32 at, __u32 tag)
{
    if (!big)
        return 0;
    opaque_value(at);
    big->tags[at & (HPACK_BIG_RING - 1)] = (__u8)tag;
    return 0;
}

/* The tag of index `index`, from 1. `big` is used where the connection has one. */
pure __u8 hpack_tag(const struct hpack *p, const struct hpack_ring *big, __u32 index)
{
    __u32 age = index - HPACK_STATIC - 1, at;

    if (index <= HPACK_STATIC)
        return hpack_static(index);
    at = p->inserts - 1 - age;
    if (p->big == HPACK_BIG_USED && age < HPACK_BIG_RING)
        return (__u8)big_ring_tag(big, at);
    opaque_value(at);
    return age < HPACK_RING ? p->tags[at & (HPACK_RING - 1)] : HPACK_TAG(HPACK_UNKNOWN, 0);
}

/* An index beyond whatever was inserted: the block is broken. */
pure int hpack_index_bad(const struct hpack *p, __u32 index)
{
    return !index || (index > HPACK_STATIC && index - HPACK_STATIC > p->inserts && !p->partial);
}

pure void hpack_insert(struct hpack *p, struct hpack_ring *big, __u8 tag)
{
    __u32 at = p->inserts++;

    if (!p->inserts)
        p->inserts = 1u << 31; /* wrapped: still many, and at the same place of either ring */
    if (p->big == HPACK_BIG_USED) {
        big_ring_insert(big, at, tag);
        return;
    }
    opaque_value(at);
    p->tags[at & (HPACK_RING - 1)] = tag;
}

/* Goes over to a larger ring. Older entries are not in it: nobody refers to them, or they are
 * unknown. */
verified_once int hpack_grow(struct hpack *p, struct hpack_ring *big)
{
    if (!p || !big)
        return 0;
    for (int i = 0; i < HPACK_BIG_RING / 8; i++) /* volatile: no call of memset() */
        *(volatile __u64 *)&big->words[i] = 0x0101010101010101ull * HPACK_TAG(HPACK_UNKNOWN, 0);
    for (__u32 i = 1; i <= HPACK_RING; i++) {
        __u32 at = p->inserts - i;

        opaque_value(at);
        big->tags[at & (HPACK_BIG_RING - 1)] = p->tags[at & (HPACK_RING - 1)];
    }
    p->big = HPACK_BIG_USED;
    return 0;
}

/* What a field with this name changes: the byte of `said`, of which `keeps` stay, gets the tag's value
 * shifted and `adds`. A table, as the static one. */
struct hpack_taking {
    __u8 at, keeps, shift, adds;
};

#define HPACK_SAID(member) __builtin_offsetof(struct hpack_fields, member)

static const struct hpack_taking hpack_takings[HPACK_NAMES] = {
    [HPACK_OTHER] = {HPACK_SAID(flags), 0xff, 4, 0},
    [HPACK_STATUS] = {HPACK_SAID(status), 0, 0, 0},
    [HPACK_GRPC_STATUS] = {HPACK_SAID(grpc_status), 0, 0, 0},
    [HPACK_CONTENT_TYPE] = {HPACK_SAID(flags), 0xff, 0, FIELDS_TYPED},
    [HPACK_USER_AGENT] = {HPACK_SAID(flags), 0xff, 2, 0},
    [HPACK_PATH] = {HPACK_SAID(paths), 0, 0, 0},
    [HPACK_HOST] = {HPACK_SAID(hosts), 0, 0, 0},
    [HPACK_UNKNOWN] = {HPACK_SAID(flags), 0xff, 0, FIELDS_UNKNOWN},
};

_Static_assert(FIELDS_GRPC == 1 && FIELDS_AGENT == 1 << 2 && FIELDS_HEAD == 1 << 4,
               "a tag's value, shifted, is the flag");

/* What a field adds to what its block says. */
pure void hpack_take(struct hpack_fields *f, __u8 tag)
{
    __u32 name = tag >> HPACK_VALUE_BITS, value = tag & HPACK_VALUE_MASK;
    struct hpack_taking taking;
    __u32 at;

    if (name == HPACK_GRPC_STATUS && f->grpc_status)
        value = GRPC_ERROR; /* Envoy joins two of a kind with a comma, which is no number */
    opaque_value(name);
    taking = hpack_takings[name & (HPACK_NAMES - 1)];
    at = taking.at;
    opaque_value(at);
    at &= sizeof(f->said) - 1;
    f->said[at] = (f->said[at] & taking.keeps) | (__u8)(value << taking.shift) | taking.adds;
}
