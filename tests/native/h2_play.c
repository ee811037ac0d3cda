#include "h2_play.h"

#include <stdio.h>
#include <string.h>

#include "feed.h"
#include "h2_script.h"

#define SMALLEST_REQUEST 10 /* bytes: a frame's head and a block of one */
#define SMALLEST_RESULT 9   /* the end of empty data */

static int differs(const char *what, size_t part, const struct tally *t,
                   const struct model_tally *expected, char *problem)
{
    int n =
        snprintf(problem, PLAY_PROBLEM_MAX,
                 "%s, part %zu\n  counted:  issued %u success %u error %u no_result %u "
                 "unclassified %u finished %u probes %u; opaque %u sessions %u gap %u "
                 "untracked %u overruns %u",
                 what, part, t->issued, t->success, t->error, t->no_result, t->unclassified,
                 t->finished, t->probes, t->opaque, t->sessions, t->gap, t->untracked, t->overruns);

    if (expected)
        snprintf(problem + n, (size_t)(PLAY_PROBLEM_MAX - n),
                 "\n  expected: issued %u success %u error %u no_result %u unclassified %u "
                 "finished %u probes %u",
                 expected->issued, expected->success, expected->error, expected->no_result,
                 expected->unclassified, expected->finished, expected->probes);
    return 1;
}

void play_differs(const char *what, const struct tally *expected, const struct tally *counted,
                  char *problem)
{
    const struct model_tally whole = {
        .issued = expected->issued,
        .success = expected->success,
        .error = expected->error,
        .finished = expected->finished,
        .no_result = expected->no_result,
        .unclassified = expected->unclassified,
        .probes = expected->probes,
    };

    differs(what, 0, counted, &whole, problem);
}

/* What must hold at every instant. */
static int consistent(const struct tally *t)
{
    return t->finished <= t->issued &&
           t->success + t->error + t->unclassified + t->no_result <= t->issued;
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* Off by no more than the tally says itself, plus `unseen` requests; results also by what may have been
 * misread as frames before the place behind a gap was proven. */
static int within(const struct tally *counted, const struct model_tally *expected, uint32_t unseen)
{
    uint32_t off = counted->unclassified + unseen, misread = counted->gap / SMALLEST_RESULT;

    /* What a gap left of the header table may not tell a health check. */
    if (unseen && counted->probes < expected->probes)
        off += expected->probes - counted->probes;
    return apart(counted->issued, expected->issued) <= off &&
           apart(counted->success, expected->success) <= off + misread &&
           apart(counted->error, expected->error) <= off + misread &&
           apart(counted->no_result, expected->no_result) <= off + misread &&
           apart(counted->probes, expected->probes) <= off;
}

static int equal(const struct tally *counted, const struct model_tally *expected)
{
    return counted->issued == expected->issued && counted->success == expected->success &&
           counted->error == expected->error && counted->no_result == expected->no_result &&
           counted->finished == expected->finished && counted->probes == expected->probes &&
           !counted->opaque && !counted->sessions;
}

/* One unclassified result or gap, and the tally is a bound only. */
static int agree(const struct tally *counted, const struct model_tally *expected, uint32_t unseen)
{
    return counted->unclassified || counted->gap ? within(counted, expected, unseen)
                                                 : equal(counted, expected);
}

static size_t next_cut(enum play_cuts cuts, struct choices *c, size_t left)
{
    size_t n = 1;

    if (cuts == PLAY_WHOLE)
        return left;
    if (cuts == PLAY_RANDOM)
        n += choose(c, chance(c, 50) ? 24 : 600);
    return n < left ? n : left;
}

/* One play of a record. */
struct player {
    struct connection connection;
    const struct record *record;
    const struct reference *reference;
    enum play_cuts cuts;
    const struct play_gaps *gaps;
    struct choices *choices;
    int lost_sent; /* requests may have been in the gap */
    int joined;    /* it was open before */
};

/* Are requests counted, of a connection that was open before? Until they are, a part is a segment. */
static int is_found(const struct player *p)
{
    const struct direction *out = &p->connection.out;

    return out->is_http2 && !out->http2.joined;
}

static void give(struct player *p, int outgoing, const uint8_t *bytes, size_t left, struct tally *t)
{
    while (left) {
        int whole = p->joined && !is_found(p);
        size_t n = whole ? left : next_cut(p->cuts, p->choices, left);

        if (p->joined && outgoing)
            feed_settled(&p->connection, bytes, n, t);
        feed(&p->connection, outgoing, bytes, n, WINDOW_SIZE, script_probes(), t);
        bytes += n;
        left -= n;
    }
}

/* Bytes that went by unseen; where they need not be read, that is no loss. */
static void lose(struct player *p, int outgoing, size_t length, struct tally *t)
{
    struct direction *d = outgoing ? &p->connection.out : &p->connection.in;

    if (p->connection.kind >= KIND_SESSION)
        return;
    if (direction_skippable(d) >= length) {
        connection_skip(&p->connection, (__u32)length, outgoing, t);
        return;
    }
    connection_lost(&p->connection, d, (__u32)length, t);
    p->lost_sent |= outgoing;
}

static void give_part(struct player *p, size_t number, struct tally *t)
{
    const struct part *part = &p->record->parts[number];
    const uint8_t *bytes = p->record->bytes.data + part->from;
    size_t left = part->length;
    int outgoing = part->kind == PART_SENT;

    for (size_t i = 0; p->gaps && i < p->gaps->count; i++) {
        const struct play_gap *gap = &p->gaps->gap[i];

        if (gap->part != number)
            continue;
        give(p, outgoing, bytes, gap->from, t);
        lose(p, outgoing, gap->length, t);
        bytes += gap->from + gap->length;
        left -= gap->from + gap->length;
    }
    give(p, outgoing, bytes, left, t);
}

static void end_it(struct connection *connection, enum record_end how, struct tally *t)
{
    if (how == END_FIN) {
        connection_remote_closed(connection, 0, t);
        connection->life = LIFE_REMOTE_CLOSED;
    }
    feed_end(connection, how == END_FIN ? CAUSE_UPSTREAM : (enum cause)how, t);
}

/* Plays all parts; not 0 as soon as something is wrong. */
static int play_parts(struct player *p, struct tally *t, char *problem)
{
    const struct reference *reference = p->reference;

    for (size_t i = 0; i < p->record->count; i++) {
        const struct reference_point *point = reference ? &reference->after[i] : NULL;

        give_part(p, i, t);
        if (!consistent(t))
            return differs("more results or ends than requests", i, t, NULL, problem);
        if (point && i < reference->sound && point->between && !p->gaps &&
            !agree(t, &point->tally, 0))
            return differs("not what nghttp2 sees", i, t, &point->tally, problem);
    }
    return 0;
}

/* In the midst of a frame one may already know what it means, or that it is none; but of one request more
 * or less. */
static int agree_at_end(const struct player *p, const struct tally *t)
{
    const struct reference *reference = p->reference;
    size_t count = p->record->count;
    uint32_t unseen = 0;

    if (!reference || reference->sound < count)
        return 1;
    if (t->gap && t->opaque)
        return 1; /* a gap in the preface, or in HTTP/1: it says that it cannot be read */
    if (p->gaps)
        unseen = t->no_result; /* what a GOAWAY that was lost refused */
    if (p->lost_sent)
        unseen += t->gap / SMALLEST_REQUEST + 1;
    if (count && !reference->after[count - 1].between)
        return t->opaque || t->sessions ||
               apart(t->issued, reference->end.issued) <= t->unclassified + unseen + 1;
    return agree(t, &reference->end, unseen);
}

/* Off by no more results than are unclassified, or refused by a GOAWAY that was not seen. What is left of
 * the header table may not tell a health check; nor, of `first` requests before one that can be told,
 * that they are some. */
static int agree_joined(const struct tally *t, const struct model_tally *expected, uint32_t first)
{
    uint32_t all = expected->issued + expected->probes, counted = t->issued + t->probes;
    uint32_t checks = expected->probes > t->probes ? expected->probes - t->probes : 0;
    uint32_t off = t->unclassified + t->no_result + checks + first;

    return counted <= all && all <= counted + first && t->probes <= expected->probes &&
           apart(t->success, expected->success) <= off && apart(t->error, expected->error) <= off &&
           apart(t->no_result, expected->no_result) <= off;
}

/* Every other connection is known to be HTTP/2 from the cluster's settings. */
static __u8 protocol_of(const struct record *r)
{
    return r->http1[PART_SENT] || r->bytes.length % 2 ? PROTOCOL_AUTO : PROTOCOL_HTTP2;
}

int play(const struct record *r, const struct reference *reference, enum play_cuts cuts,
         const struct play_gaps *gaps, struct choices *c, struct tally *end, char *problem)
{
    static uint64_t connections;
    struct player p = {
        .record = r, .reference = reference, .cuts = cuts, .gaps = gaps, .choices = c};
    int wrong;

    memset(end, 0, sizeof(*end));
    connection_start(&p.connection, 0, protocol_of(r), 1);
    p.connection.id = ++connections;
    p.connection.life = LIFE_ESTABLISHED;
    wrong = play_parts(&p, end, problem);
    end_it(&p.connection, r->end, end);
    if (wrong)
        return wrong;
    if (!tally_adds_up(end))
        return differs("does not add up at the end", r->count, end, NULL, problem);
    if (!agree_at_end(&p, end))
        return differs("at the end not what nghttp2 sees", r->count, end, &reference->end, problem);
    return 0;
}

/* As join.bpf.h begins with one. */
static void join(struct player *p)
{
    static uint64_t connections = 1ull << 32;

    connection_start(&p->connection, 0, protocol_of(p->record), 1);
    p->connection.id = ++connections;
    p->connection.life = LIFE_ESTABLISHED;
    p->connection.joined = 1;
    connection_set_adrift(&p->connection);
    p->joined = 1;
}

size_t play_found(const struct record *r, size_t from)
{
    struct player p = {.record = r, .cuts = PLAY_WHOLE};
    struct tally t = {0};
    size_t part = from;

    join(&p);
    while (part < r->count) {
        give_part(&p, part, &t);
        if (is_found(&p))
            break;
        part++;
    }
    feed_end(&p.connection, CAUSE_PROXY, &t);
    return part;
}

int play_joined(const struct record *r, const struct reference *reference, size_t from,
                enum play_cuts cuts, struct choices *c, struct tally *end, char *problem)
{
    struct player p = {.record = r, .reference = reference, .cuts = cuts, .choices = c};
    uint32_t first = 0;

    memset(end, 0, sizeof(*end));
    if (reference->from < reference->sound) {
        const struct model_tally *point = &reference->after[reference->from].tally;

        first = point->issued + point->probes - 1;
    }
    join(&p);
    for (size_t part = from; part < r->count; part++) {
        give_part(&p, part, end);
        if (!consistent(end))
            return differs("joined: more results or ends than requests", part, end, NULL, problem);
    }
    end_it(&p.connection, r->end, end);
    if (!tally_adds_up(end))
        return differs("joined: does not add up at the end", r->count, end, NULL, problem);
    if (reference->sound == r->count && reference->after[r->count - 1].between &&
        !agree_joined(end, &reference->end, first))
        return differs("joined: at the end not what nghttp2 sees", from, end, &reference->end,
                       problem);
    return 0;
}
