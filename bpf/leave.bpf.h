/* How the claim of a connection's ingress is given up. Who meets a holder leaves work there: mail, or
 * the connection's end. No program comes after the end, so whoever releases asks what was left
 * meanwhile. Kernel only. */
#pragma once

#include "store.bpf.h"

/* An end, what came before it (the proxy's close() makes two), and mail that was late for either. */
#define LEAVE_ROUNDS 3

/* Did TCP give bytes to the proxy that were not looked at? `mail`: what was posted may be of before the
 * end; else what is there now came after it, and is nobody's. */
static __always_inline int incoming_unread(const struct connection *c, int mail)
{
    return c->in.missed || (mail && mail_waits(&c->inbox));
}

/* Settles the end of the connection, or what the proxy's close() ends, each once; by whoever holds
 * `in`. */
verified_once int connection_settle_end(struct connection *c, int mail, struct tally *t)
{
    __u32 ending;
    enum cause cause;
    int unread;

    if (!c || !t)
        return 0;
    ending = word_swap(lock_of(c), &c->ending, 0);
    if (!ending)
        return 0;
    unread = incoming_unread(c, mail);
    if (ending == ENDING_LOCAL) {
        connection_local_closed(c, unread, t);
        store_clear(&c->in);
        return 0;
    }
    cause = unread || kept_waits(&c->in) ? CAUSE_LOST : (enum cause)(ending - 1);
    connection_settle(c, cause, t);
    connection_settle_head(c, cause, t);
    connection_settle_opaque(c, t);
    connection_settle_unseen(c, store_bytes(&c->out), t);
    direction_stop(&c->in); /* later bytes are nobody's */
    store_clear(&c->in);
    store_clear(&c->out);
    inbox_clear(&c->inbox);
    annex_free(c);
    return 0;
}

/* Is there anything to do for who holds the ingress and has looked at all it could? */
static __always_inline int work_waits(const struct connection *c)
{
    return mail_is_new(&c->inbox) || *(const volatile __u32 *)&c->ending;
}

/* ... for who cannot look: mail of a direction that is still read waits for the next packet. */
static __always_inline int end_waits(const struct connection *c)
{
    return *(const volatile __u32 *)&c->ending ||
           (direction_is_stopped(&c->in) && mail_is_new(&c->inbox));
}

/* One round of whoever gives the claim of `in` up, where nothing more is looked at. Who has not `held` it
 * claims it here, to tell an end: mail that comes from now on is behind that. 1: more was left meanwhile,
 * and the claim was had again; then nobody knows what of it came first. */
verified_once int leave_round(struct connection *c, __u32 held)
{
    struct tally t;
    int mail;

    if (!c)
        return 0;
    mail = held || mail_waits(&c->inbox);
    if (!held && !direction_claim(&c->in))
        return 0;
    tally_clear(&t);
    connection_settle_end(c, mail, &t);
    if (direction_is_stopped(&c->in) && mail_waits(&c->inbox))
        inbox_clear(&c->inbox);
    direction_release(&c->in);
    counters_add(c->slot, &t);
    return end_waits(c) && direction_claim(&c->in);
}

/* All rounds: `round` is leave_round(), or what calls it, and asks for `held`. */
#define leave_rounds(in, held, round)                                                              \
    do {                                                                                           \
        unrolled for (int i_ = 0; i_ < LEAVE_ROUNDS; i_++)                                         \
        {                                                                                          \
            held = (round);                                                                        \
            if (!held)                                                                             \
                break;                                                                             \
        }                                                                                          \
        if (held)                                                                                  \
            direction_release(in);                                                                 \
    } while (0)

#ifndef EARLY
static __always_inline void direction_leave(struct connection *c, __u32 held)
{
    leave_rounds(&c->in, held, leave_round(c, held));
}
#endif

/* There is no room for a segment: unless it is a repetition, its bytes will not be seen again. */
static __always_inline void segment_missed(struct direction *d, const struct segment *segment)
{
    __u32 skip;

    if (cursor_look(d->next, segment->sequence, segment->length, &skip) != CURSOR_OLD)
        word_add(&d->missed, segment->length);
}
