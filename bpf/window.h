/* A window of a byte stream: what the parsers read. Pure: kernel and tests run the same code.
 *
 * The bytes after WINDOW_SIZE let a read of so many start at any masked position. */
#pragma once

#include <linux/types.h>

#define WINDOW_SIZE 4096 /* a power of two */
#define WINDOW_SLACK 32
#define WINDOW_NOTES 16

struct window {
    __u32 length;   /* bytes that are valid */
    __u32 position; /* bytes that were read */
    __u32 more;     /* more bytes of the segment follow: what is cut at the end can be had whole */
    __u32
        note[WINDOW_NOTES]; /* places in it that a reader comes back to: kept here because the .. */
    __u32 notes;            /* .. verifier does not follow each value that they can have */
    __u8 bytes[WINDOW_SIZE + WINDOW_SLACK];
};

#define pure static __attribute__((always_inline, unused)) inline

/* A global function in BPF objects: verified once, alone, with unknown memory. In those for kernels
 * before 5.13 (EARLY) such functions take no pointers, so there it is inlined. */
#ifdef EARLY
#define verified_once static __attribute__((always_inline, unused)) inline
#elif defined(__bpf__)
#define verified_once __attribute__((noinline))
#else
#define verified_once static __attribute__((unused))
#endif

/* Before a loop with few rounds. Linux 6.1 refuses one that runs into its own head, as clang may lay it
 * out ("back-edge"); unrolled there is none. */
#ifdef __clang__
#define unrolled _Pragma("clang loop unroll(full)")
#else
#define unrolled
#endif

/* Keeps the compiler from proving that a mask is needless: the verifier wants to see it. */
#define opaque_value(value) __asm__ volatile("" : "+r"(value))

/* Counts `number` once, whichever of two CPUs comes first: true for that one. */
#ifndef EARLY
#define number_claim(counter, number)                                                              \
    (__sync_val_compare_and_swap(counter, number, (number) + 1) == (number))
#endif

pure __u8 window_byte(const struct window *w, __u32 position)
{
    opaque_value(position);
    position &= WINDOW_SIZE - 1;
    return w->bytes[position];
}

/* 8 bytes, unaligned: in the kernel one load, where clang would do eight. */
pure __u64 word_at(const __u8 *from, __u32 offset)
{
    __u64 word;

#ifdef __bpf__
    opaque_value(from);
    word = *(const __u64 *)(from + offset);
#else
    __builtin_memcpy(&word, from + offset, sizeof(word));
#endif
    return word;
}

pure __u64 window_word(const struct window *w, __u32 position)
{
    opaque_value(position);
    position &= WINDOW_SIZE - 1;
    return word_at(&w->bytes[position], 0);
}

/* The word that begins `further` bytes, below WINDOW_SLACK - 8, behind a position. */
pure __u64 window_word_behind(const struct window *w, __u32 position, __u32 further)
{
    opaque_value(position);
    position &= WINDOW_SIZE - 1;
    return word_at(&w->bytes[position], further);
}

/* Bit 7 of each byte that equals `byte`; only the lowest one is exact (Mycroft's test). */
pure __u64 word_matches(__u64 word, __u8 byte)
{
    __u64 x = word ^ (0x0101010101010101ull * byte);

    return (x - 0x0101010101010101ull) & ~x & 0x8080808080808080ull;
}

/* Index, 0 to 7, of the lowest byte marked in `matches` (not 0): its bit moves each byte of the
 * constant up by that many. Little endian, as BPF's targets. */
pure __u32 word_first(__u64 matches)
{
    return (__u32)(((matches & -matches) >> 7) * 0x0001020304050607ull >> 56);
}

/* Moves the position behind the next LF. Looks at no more than 64 bytes; 0: none found yet. */
verified_once int window_skip_line(struct window *w)
{
    __u32 position, length;

    if (!w)
        return 0;
    position = w->position;
    length = w->length;
    for (int i = 0; i < 8 && position < length; i++) {
        __u64 matches = word_matches(window_word(w, position), '\n');

        if (!matches) {
            position += 8;
            continue;
        }
        position += word_first(matches);
        if (position >= length)
            break;
        w->position = position + 1;
        return 1;
    }
    w->position = position < length ? position : length;
    return 0;
}
