/* Who works with what: claimed by one CPU, left alone by the others. Kernel only.
 *
 * By atomics that give a result. Kernels before 5.12 have none, so in the object for them (EARLY) each
 * happens under a bpf_spin_lock that lies in the same map value. That keeps their promise: nothing is
 * called and nobody waits under the lock, so what is not had at once is still not had; interrupts
 * are off, so no softirq spins for its own CPU; and what a CPU wrote before it gave a claim up, or
 * tried for one in vain, is seen by whoever has the lock after it. */
#pragma once

#include "connection_state.h"

#ifdef EARLY
#define CLAIM_LOCK struct bpf_spin_lock lock;
#define CLAIM_TRIES 8 /* each is a lock */

/* Sets a word; gives what it was. */
#define word_swap(held, word, value)                                                               \
    ({                                                                                             \
        bpf_spin_lock(held);                                                                       \
        __u32 was_ = *(word);                                                                      \
        *(word) = (value);                                                                         \
        bpf_spin_unlock(held);                                                                     \
        was_;                                                                                      \
    })

/* Sets a word that is `old`, and tells whether it was. */
#define word_replace(held, word, old, value)                                                       \
    ({                                                                                             \
        __u32 old_ = (old), value_ = (value);                                                      \
        bpf_spin_lock(held);                                                                       \
        __u32 was_ = *(word);                                                                      \
        if (was_ == old_)                                                                          \
            *(word) = value_;                                                                      \
        bpf_spin_unlock(held);                                                                     \
        was_ == old_;                                                                              \
    })

/* Sets bits, or keeps only those; gives what they were. */
#define word_change(held, word, operator, bits)                                                    \
    ({                                                                                             \
        __typeof__(*(word)) bits_ = (bits);                                                        \
        bpf_spin_lock(held);                                                                       \
        __typeof__(*(word)) was_ = *(word);                                                        \
        *(word) = was_ operator bits_;                                                             \
        bpf_spin_unlock(held);                                                                     \
        was_;                                                                                      \
    })
#define word_or(held, word, bits) word_change(held, word, |, bits)
#define word_and(held, word, bits) word_change(held, word, &, bits)

#else
#define CLAIM_LOCK
#define CLAIM_TRIES 64
#define word_swap(held, word, value) __sync_lock_test_and_set(word, value)
#define word_or(held, word, bits) __sync_fetch_and_or(word, bits)
#define word_and(held, word, bits) __sync_fetch_and_and(word, bits)
#define word_replace(held, word, old, value)                                                       \
    (__sync_val_compare_and_swap(word, old, value) == (old))
#endif

/* Adds to a word that others add to. Relaxed, as clang 20 and later would make an atomic with a result
 * of a stricter one. */
#define word_add(word, amount) __atomic_fetch_add(word, amount, __ATOMIC_RELAXED)

/* What lies in the socket storage. */
struct tracked {
    struct connection connection;
    CLAIM_LOCK
};

#define lock_of(connection) (&((struct tracked *)(connection))->lock)
/* The lock of the connection in which `part` lies as its member `name`. */
#define lock_around(part, name)                                                                    \
    lock_of((char *)(part) - __builtin_offsetof(struct tracked, connection.name))

#ifdef EARLY
#define number_claim(counter, number)                                                              \
    word_replace(lock_around(counter, exchange.issued), counter, number, (number) + 1)
#endif

/* Two CPUs can be in one socket's ingress; egress needs no claim. A few tries spare the mail where the
 * other is about to leave; who fails leaves its work to the other. */
static __always_inline int direction_claim(struct direction *in)
{
    for (int i = 0; i < CLAIM_TRIES; i++)
        if (!word_swap(lock_around(in, in), &in->claimed, 1))
            return 1;
    return 0;
}

/* A full barrier: mail posted before is seen after it, or its sender can claim. */
static __always_inline void direction_release(struct direction *in)
{
    word_swap(lock_around(in, in), &in->claimed, 0);
}
