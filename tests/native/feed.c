#include "feed.h"

struct annex feed_annexes[FEED_ANNEXES];
int feed_quick = 1;

static void feed_frames(struct connection *c, int outgoing, struct scratch *s,
                        const struct probe_set *set)
{
    enum quick quick = feed_quick ? QUICK_MORE : QUICK_STOP;

    while (quick == QUICK_MORE)
        quick = outgoing ? http2_quick_requests(c, s, set) : http2_quick_responses(c, s);
    if (quick != QUICK_CUT && s->window.position < s->window.length)
        http2_event(c, http2_parse(c, s, set, outgoing), set, &s->tally, outgoing);
}

static void feed_lines(struct connection *c, int outgoing, struct scratch *s,
                       const struct probe_set *set)
{
    if (feed_quick && (outgoing ? request_quick(c, &s->window, set, &s->tally)
                                : response_quick(c, &s->window, &s->tally)))
        return;
    if (outgoing)
        request_read(c, &s->window, set, &s->tally);
    else
        response_read(c, &s->window, &s->tally);
}

/* One part of a window. */
static void feed_part(struct connection *c, int outgoing, struct scratch *s,
                      const struct probe_set *set)
{
    struct direction *d = outgoing ? &c->out : &c->in;

    connection_turn(c, &s->window, outgoing, &s->tally);
    if (d->is_http2)
        feed_frames(c, outgoing, s, set);
    else
        feed_lines(c, outgoing, s, set);
}

/* Passes DATA frames at the start of a segment, as bodies.bpf.h does. Returns how many bytes. */
static size_t feed_bodies(struct direction *d, const __u8 *bytes, size_t length)
{
    struct http2 *p = &d->http2;
    size_t passed = 0;

    if (!http2_in_body(p, (__u32)length))
        return 0;
    while (passed < length) {
        size_t rest = length - passed, count = 0;
        __u64 head;

        if (p->state == H2_SKIP) {
            count = http2_frame_pass(p, (__u32)rest);
        } else if (http2_between(p) && rest >= H2_FRAME_HEAD) {
            memcpy(&head, bytes + passed, sizeof(head));
            count =
                http2_data_head(p, __builtin_bswap64(head), bytes[passed + 8], frame_longest(d));
        }
        if (!count)
            break;
        passed += count;
    }
    return passed;
}

void feed_begin(struct connection *c, int outgoing, const void *data, size_t length,
                struct tally *t)
{
    struct direction *d = outgoing ? &c->out : &c->in;
    static struct window w;

    if (!direction_is_lost(d) || (outgoing && c->exchange.tunnel))
        return;
    window_fill(&w, data, length < WINDOW_SIZE ? length : WINDOW_SIZE);
    http2_direction_resync(c, d, &w, (__u32)length, t);
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
}

void feed_on(struct connection *c, int outgoing, const void *data, size_t length, size_t window,
             const struct probe_set *set, struct tally *t)
{
    static _Thread_local struct scratch s;
    const __u8 *bytes = data;
    struct direction *d = outgoing ? &c->out : &c->in;

    if (window > WINDOW_SIZE)
        window = WINDOW_SIZE;
    if (outgoing ? c->exchange.tunnel : responses_are_adrift(c))
        return;
    s.tally = *t;
    if (outgoing && request_resume(c))
        direction_opaque(c, &c->out, &s.tally);
    if (d->is_http2 && !direction_is_lost(d) && !direction_is_believed(d)) {
        size_t n = feed_bodies(d, bytes, length);

        bytes += n, length -= n;
    }
    while (length && c->kind < KIND_SESSION) {
        size_t n = length < window ? length : window;

        if (direction_skippable(d)) {
            n = direction_skippable(d) < length ? (size_t)direction_skippable(d) : length;
            connection_skip(c, (__u32)n, outgoing, &s.tally);
            bytes += n, length -= n;
            continue;
        }
        window_fill(&s.window, bytes, n);
        s.window.more = n < length;
        feed_part(c, outgoing, &s, set);
        if (direction_is_believed(d))
            s.tally.gap += s.window.position;
        bytes += s.window.position, length -= s.window.position;
    }
    ASAN_UNPOISON_MEMORY_REGION(s.window.bytes, sizeof(s.window.bytes));
    *t = s.tally;
}

void feed(struct connection *c, int outgoing, const void *data, size_t length, size_t window,
          const struct probe_set *set, struct tally *t)
{
    feed_begin(c, outgoing, data, length, t);
    feed_on(c, outgoing, data, length, window, set, t);
}

void feed_settled(struct connection *c, const void *data, size_t length, struct tally *t)
{
    const struct place settled = {.sequence = c->out.next,
                                  .sent = c->out.next,
                                  .acknowledged = c->out.next,
                                  .answered = c->out.next};

    static struct window w;

    if (!connection_is_adrift(c))
        return;
    window_fill(&w, data, length < WINDOW_SIZE ? length : WINDOW_SIZE);
    connection_find_http2(c, &settled, &w, (__u32)length);
    ASAN_UNPOISON_MEMORY_REGION(w.bytes, sizeof(w.bytes));
    connection_seek(c, &settled, t);
}

void feed_end(struct connection *c, enum cause cause, struct tally *t)
{
    connection_settle(c, cause, t);
    connection_settle_head(c, cause, t);
    connection_settle_opaque(c, t);
    if (c->annex)
        annex_of(c)->taken = 0;
    c->life = LIFE_ENDED;
}
