/* Small header blocks that were read before, and what they said. Pure.
 *
 * A load repeats itself: the same bytes, while nothing was inserted into the table, say the same again.
 * Only blocks that inserted nothing themselves and could be told are remembered. */
#pragma once

#include "hpack_state.h"

#define MEMOS 64 /* a power of two */
#define MEMO_BYTES 32

struct memo {
    __u64 bytes[MEMO_BYTES / 8]; /* the block */
    __u64 owner;                 /* connection and direction; 0: nothing is remembered here */
    __u32 inserts;               /* of the table it refers to */
    __u32 length;
    struct hpack_fields fields;
};

struct memos {
    struct memo key; /* what is being looked up: the stack has no room for it */
    struct memo memo[MEMOS];
};

/* What the block of `length` bytes at `at` is looked up by; `fields` is not filled. The words may
 * overlap: with the length they are the block. */
pure void memo_key(struct memo *key, const struct hpack *p, const struct window *w, __u32 at,
                   __u32 length, __u64 owner)
{
    key->bytes[0] = window_word(w, at);
    key->bytes[1] = key->bytes[2] = key->bytes[3] = 0;
    if (length < 8) {
        key->bytes[0] &= (1ull << length * 8) - 1;
    } else if (length <= 16) {
        key->bytes[1] = window_word(w, at + length - 8);
    } else {
        key->bytes[1] = window_word(w, at + 8);
        key->bytes[2] = window_word(w, at + length - 16);
        key->bytes[3] = window_word(w, at + length - 8);
    }
    key->owner = owner;
    key->inserts = p->inserts;
    key->length = length;
}

pure struct memo *memo_place(struct memos *memos, const struct memo *key)
{
    __u64 mix = key->bytes[0] ^ key->bytes[1] << 5 ^ key->bytes[2] << 11 ^ key->bytes[3] << 17;

    mix = (mix ^ mix >> 32 ^ key->owner << 8 ^ key->inserts) * 0x9e3779b97f4a7c15ull;
    return &memos->memo[mix >> 58 & (MEMOS - 1)];
}

pure int memo_is(const struct memo *memo, const struct memo *key)
{
    __u64 differs = memo->owner ^ key->owner; /* one test for all: fewer ways for the verifier */

    unrolled for (int i = 0; i < MEMO_BYTES / 8; i++) differs |= memo->bytes[i] ^ key->bytes[i];
    return !(differs | (memo->inserts ^ key->inserts) | (memo->length ^ key->length));
}

/* What the next `length` bytes of the window, a block, said when they were read before; NULL: they were
 * not. */
pure const struct hpack_fields *memo_said(struct memos *memos, const struct hpack *p,
                                          const struct window *w, __u32 length, __u64 owner)
{
    struct memo *memo;

    memo_key(&memos->key, p, w, w->position, length, owner);
    memo = memo_place(memos, &memos->key);
    return memo_is(memo, &memos->key) ? &memo->fields : NULL;
}

/* The block that was asked for last has been read since: remembers what it said, if that is the same
 * each time. */
pure void memo_note(struct memos *memos, const struct hpack *p)
{
    struct memo *memo;

    if (p->inserts != memos->key.inserts || p->fields.flags & FIELDS_UNKNOWN)
        return;
    memo = memo_place(memos, &memos->key);
    *memo = memos->key;
    memo->fields = p->fields;
}
