/* Open streams of an HTTP/2 connection: thousands of them, in its own slots and in an annex, and where
 * neither has room. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "http2_play.h"

#define ANNEX_STREAMS (ANNEX_WAYS * ANNEX_SETS)
#define ROOM (STREAM_SLOTS + ANNEX_STREAMS) /* for streams that follow each other */
#define LAST_ID 0x7fffffffu

/* A connection and what it counted. */
struct played {
    struct connection c;
    struct tally t;
};

static void frame(struct played *p, struct part part)
{
    static struct bytes b;

    b.length = 0;
    if (part.type == RAW)
        bytes_add(&b, part.payload, part.length);
    else
        frame_add(&b, part.type, part.flags, part.stream, part.payload, part.length);
    feed(&p->c, part.who == '>', b.data, b.length, WINDOW_SIZE, NULL, &p->t);
}

static void begin(struct played *p)
{
    static const struct part parts[] = {START};

    memset(p, 0, sizeof(*p));
    connection_begin(&p->c, PROTOCOL_AUTO);
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        frame(p, parts[i]);
}

/* Ends the connection: every request has its result then, and the annex is free. */
static void end(struct played *p, enum cause cause)
{
    feed_end(&p->c, cause, &p->t);
    assert_true(tally_adds_up(&p->t));
}

/* The id of the stream `k`, from 0. */
static uint32_t id(uint32_t k)
{
    return k * 2 + 1;
}

static void request(struct played *p, uint32_t stream)
{
    frame(p, (struct part)GET(stream));
}

static void requests(struct played *p, uint32_t from, uint32_t to)
{
    for (uint32_t k = from; k < to; k++)
        request(p, id(k));
}

static void answer(struct played *p, uint32_t stream)
{
    frame(p, (struct part)LAST(stream, "\x88"));
}

static void fail_with(struct played *p, uint32_t stream)
{
    frame(p, (struct part)LAST(stream, "\x8e"));
}

static void leave(struct played *p, uint32_t last)
{
    char value[] = {
        (char)(last >> 24), (char)(last >> 16), (char)(last >> 8), (char)last, 0, 0, 0, 0};

    frame(p, (struct part){'<', H2_GOAWAY, 0, 0, value, sizeof(value)});
}

static void expect(const struct played *p, struct tally expected)
{
    if (memcmp(&p->t, &expected, sizeof(expected)))
        fail_msg("issued %u success %u error %u finished %u unclassified %u no_result %u untracked "
                 "%u, expected %u %u %u %u %u %u %u",
                 p->t.issued, p->t.success, p->t.error, p->t.finished, p->t.unclassified,
                 p->t.no_result, p->t.untracked, expected.issued, expected.success, expected.error,
                 expected.finished, expected.unclassified, expected.no_result, expected.untracked);
}

/* --- room ------------------------------------------------------------------------------------ */

static void its_own_slots_need_no_annex(void **state)
{
    struct played p;

    (void)state;
    begin(&p);
    requests(&p, 0, STREAM_SLOTS);
    for (uint32_t k = STREAM_SLOTS; k < 10000; k++) {
        answer(&p, id(k - STREAM_SLOTS));
        request(&p, id(k));
    }
    assert_int_equal(p.c.annex, 0);
    expect(&p, (struct tally){.issued = 10000,
                              .success = 10000 - STREAM_SLOTS,
                              .finished = 10000 - STREAM_SLOTS});
    end(&p, CAUSE_PROXY);
    assert_int_equal(p.t.no_result, STREAM_SLOTS);
}

static void as_many_as_there_is_room_for(void **state)
{
    struct played p;

    (void)state;
    begin(&p);
    requests(&p, 0, ROOM);
    expect(&p, (struct tally){.issued = ROOM});
    requests(&p, ROOM, ROOM + 1);
    expect(&p,
           (struct tally){.issued = ROOM + 1, .finished = 1, .unclassified = 1, .untracked = 1});
    answer(&p, id(ROOM)); /* nobody knows it */
    for (uint32_t k = ROOM; k-- > 0;)
        if (k % 3)
            answer(&p, id(k));
        else
            fail_with(&p, id(k));
    expect(&p, (struct tally){.issued = ROOM + 1,
                              .success = ROOM - (ROOM + 2) / 3,
                              .error = (ROOM + 2) / 3,
                              .finished = ROOM + 1,
                              .unclassified = 1,
                              .untracked = 1});
    end(&p, CAUSE_UPSTREAM);
}

/* Four ways of a set: streams 1,024 apart. */
static void a_full_set_of_the_annex(void **state)
{
    struct played p;

    (void)state;
    begin(&p);
    for (uint32_t way = 0; way <= ANNEX_WAYS; way++) /* the first one is in its slot */
        request(&p, id(5 + way * ANNEX_SETS));
    request(&p, id(6 + 5 * ANNEX_SETS)); /* another set */
    expect(&p, (struct tally){.issued = 6});
    request(&p, id(5 + 6 * ANNEX_SETS));
    expect(&p, (struct tally){.issued = 7, .finished = 1, .unclassified = 1, .untracked = 1});
    answer(&p, id(5 + ANNEX_SETS));
    request(&p, id(5 + 7 * ANNEX_SETS)); /* there is room again */
    expect(&p, (struct tally){
                   .issued = 8, .success = 1, .finished = 2, .unclassified = 1, .untracked = 1});
    end(&p, CAUSE_UPSTREAM);
    assert_int_equal(p.t.error, 6);
}

static void long_lived_streams_beside_short_ones(void **state)
{
    struct played p;
    uint32_t k;

    (void)state;
    begin(&p);
    for (k = 0; k < 1000; k++)
        frame(&p, (struct part)RPC(id(k)));
    for (; k < 50000; k++) {
        request(&p, id(k));
        answer(&p, id(k));
    }
    expect(&p, (struct tally){.issued = 50000, .success = 49000, .finished = 49000});
    for (k = 0; k < 1000; k++) {
        frame(&p, (struct part)HEAD(id(k), "\x88"));
        if (k % 2)
            frame(&p, (struct part)TRAILERS(id(k), "0"));
        else
            frame(&p, (struct part)TRAILERS(id(k), "2"));
    }
    expect(&p, (struct tally){.issued = 50000, .success = 49500, .error = 500, .finished = 50000});
    end(&p, CAUSE_UPSTREAM);
}

static void no_annex_to_be_had(void **state)
{
    static struct played others[FEED_ANNEXES], p;

    (void)state;
    for (int i = 0; i < FEED_ANNEXES; i++) {
        begin(&others[i]);
        requests(&others[i], 0, STREAM_SLOTS + 1);
        assert_int_not_equal(others[i].c.annex, 0);
    }
    begin(&p);
    requests(&p, 0, STREAM_SLOTS);
    expect(&p, (struct tally){.issued = STREAM_SLOTS});
    requests(&p, STREAM_SLOTS, STREAM_SLOTS + 1);
    expect(&p, (struct tally){
                   .issued = STREAM_SLOTS + 1, .finished = 1, .unclassified = 1, .untracked = 1});
    answer(&p, 1);
    requests(&p, STREAM_SLOTS * 2, STREAM_SLOTS * 2 + 1); /* the slot of stream 1 */
    for (int i = 0; i < FEED_ANNEXES; i++)
        end(&others[i], CAUSE_PROXY);
    requests(&p, STREAM_SLOTS * 3, STREAM_SLOTS * 4);
    expect(&p, (struct tally){.issued = STREAM_SLOTS * 2 + 2,
                              .success = 1,
                              .finished = 2,
                              .unclassified = 1,
                              .untracked = 1});
    end(&p, CAUSE_UPSTREAM);
}

/* Where there is no room, a head in two frames is counted at its end: it may be a health check. */
static void no_room_for_a_cut_head(void **state)
{
    static struct played others[FEED_ANNEXES], p;

    (void)state;
    for (int i = 0; i < FEED_ANNEXES; i++) {
        begin(&others[i]);
        requests(&others[i], 0, STREAM_SLOTS + 1);
    }
    begin(&p);
    requests(&p, 0, STREAM_SLOTS);
    frame(&p, (struct part)SENT(H2_HEADERS, 0, id(STREAM_SLOTS), GET_BLOCK));
    expect(&p, (struct tally){.issued = STREAM_SLOTS});
    frame(&p, (struct part)SENT(H2_CONTINUATION, H2_END_HEADERS, id(STREAM_SLOTS), ""));
    frame(&p, (struct part)SENT(H2_HEADERS, 0, id(STREAM_SLOTS + 1), GET_BLOCK));
    frame(&p, (struct part)SENT(H2_CONTINUATION, H2_END_HEADERS, id(STREAM_SLOTS + 1),
                                "\x0f\x2b\x08"
                                "Envoy/HC"));
    expect(&p, (struct tally){.issued = STREAM_SLOTS + 1,
                              .finished = 1,
                              .unclassified = 1,
                              .untracked = 1,
                              .probes = 1});
    end(&p, CAUSE_PROXY);
    for (int i = 0; i < FEED_ANNEXES; i++)
        end(&others[i], CAUSE_PROXY);
}

/* --- streams in the annex ---------------------------------------------------------------------- */

static void all_that_happens_to_a_stream(void **state)
{
    const uint32_t first = id(STREAM_SLOTS);
    struct played p;

    (void)state;
    begin(&p);
    requests(&p, 0, STREAM_SLOTS); /* take the slots */
    p.t = (struct tally){0};
    for (uint32_t n = 0; n < 6; n++)
        frame(&p, n % 2 ? (struct part)GET(first + n * 2) : (struct part)RPC(first + n * 2));
    expect(&p, (struct tally){.issued = 6});
    frame(&p, (struct part)TRAILERS(first, "0")); /* no :status */
    frame(&p, (struct part)HEAD(first + 2, "\x88"));
    frame(&p, (struct part)HEAD(first + 4, "\x88"));
    frame(&p, (struct part)HEAD(first + 6, "\x08\x03"
                                           "103"));
    expect(&p, (struct tally){.issued = 6, .success = 1, .error = 1, .finished = 1});
    frame(&p, (struct part)BODY_END(first + 2));
    frame(&p, (struct part)TRAILERS(first + 4, "0"));
    frame(&p, (struct part)GOT_RESET(first + 6));
    frame(&p, (struct part)SENT_RESET(first + 8));
    expect(&p,
           (struct tally){.issued = 6, .success = 2, .error = 1, .no_result = 2, .finished = 5});
    frame(&p, (struct part)SENT(H2_HEADERS, 0, first + 12, GET_BLOCK));
    frame(&p, (struct part)SENT(H2_CONTINUATION, H2_END_HEADERS, first + 12, ""));
    answer(&p, first + 12);
    expect(&p,
           (struct tally){.issued = 7, .success = 3, .error = 1, .no_result = 2, .finished = 6});
    leave(&p, first); /* what is left of them is refused */
    expect(&p,
           (struct tally){.issued = 7, .success = 3, .error = 2, .no_result = 2, .finished = 7});
    feed_end(&p.c, CAUSE_UPSTREAM, &p.t);
    assert_int_equal(p.t.error, 2 + STREAM_SLOTS);
}

static void a_stream_ends_once(void **state)
{
    struct played p;

    (void)state;
    begin(&p);
    requests(&p, 0, 100);
    for (int twice = 0; twice < 2; twice++)
        for (uint32_t k = 0; k < 100; k += 2) {
            answer(&p, id(k));
            frame(&p, (struct part)GOT_RESET(id(k)));
            frame(&p, (struct part)SENT_RESET(id(k)));
        }
    expect(&p, (struct tally){.issued = 100, .success = 50, .finished = 50});
    end(&p, CAUSE_UPSTREAM);
    assert_int_equal(p.t.error, 50);
}

/* --- ids --------------------------------------------------------------------------------------- */

static void the_highest_ids(void **state)
{
    struct played p;

    (void)state;
    begin(&p);
    request(&p, 127); /* has the slot of the highest */
    request(&p, LAST_ID - 128);
    request(&p, LAST_ID - 2);
    request(&p, LAST_ID);
    request(&p, 1); /* not new */
    expect(&p, (struct tally){.issued = 4});
    answer(&p, 127 + 128);
    answer(&p, LAST_ID - 256);
    answer(&p, LAST_ID - 4);
    expect(&p, (struct tally){.issued = 4});
    answer(&p, 127);
    fail_with(&p, LAST_ID);
    expect(&p, (struct tally){.issued = 4, .success = 1, .error = 1, .finished = 2});
    leave(&p, LAST_ID - 4);
    expect(&p, (struct tally){.issued = 4, .success = 1, .error = 2, .finished = 3});
    end(&p, CAUSE_PROXY);
    assert_int_equal(p.t.no_result, 1);
}

/* Each bit of an id tells streams apart, wherever they are. */
static void every_bit_of_an_id(void **state)
{
    (void)state;
    for (uint32_t bit = 2; bit < 1u << 31; bit <<= 1) {
        uint32_t low = 4711 & ~bit, high = 4711 | bit;
        struct played p;

        begin(&p);
        request(&p, low);
        request(&p, high);
        for (uint32_t other = 1; other < 1u << 31; other <<= 1) {
            if (other == bit)
                continue;
            answer(&p, low ^ other);
            answer(&p, high ^ other);
        }
        expect(&p, (struct tally){.issued = 2});
        answer(&p, low);
        fail_with(&p, high);
        expect(&p, (struct tally){.issued = 2, .success = 1, .error = 1, .finished = 2});
        end(&p, CAUSE_UPSTREAM);
    }
}

/* Ends the streams above an id, in the slots and in the annex. */
static void settled_above_an_id(void **state)
{
    static const uint32_t lasts[] = {0,    1,    2,    3,    126,  127,  128,  129,    2047,
                                     2048, 2049, 5999, 6000, 7999, 8000, 8001, LAST_ID};
    const uint32_t count = 4000;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lasts); i++) {
        struct played p;
        uint32_t kept = lasts[i] >= count * 2 ? count : (lasts[i] + 1) / 2;

        begin(&p);
        requests(&p, 0, count);
        leave(&p, lasts[i]);
        expect(&p,
               (struct tally){.issued = count, .error = count - kept, .finished = count - kept});
        for (uint32_t k = 0; k < count; k++)
            answer(&p, id(k));
        expect(&p, (struct tally){
                       .issued = count, .success = kept, .error = count - kept, .finished = count});
        end(&p, CAUSE_UPSTREAM);
    }
}

/* --- any order, against a model ----------------------------------------------------------------- */

#define MODEL_STREAMS 20000
#define MODEL_WINDOW (ROOM - 100) /* an older one is answered first: there is always room */

enum model_state { CLOSED, HTTP, CALL, HTTP_HEAD, CALL_HEAD };

static enum model_state model[MODEL_STREAMS];

/* Ends stream `k` by one of the ways to do so. */
static void model_end(struct played *p, uint32_t k, struct tally *t)
{
    bool call = model[k] == CALL || model[k] == CALL_HEAD, headless = model[k] < HTTP_HEAD;
    int way = rand() % 4;

    if (model[k] == CLOSED)
        return;
    if (way == 0) {
        frame(p, (struct part)GOT_RESET(id(k)));
        t->error += headless || call;
    } else if (way == 1) {
        frame(p, (struct part)SENT_RESET(id(k)));
        t->no_result += headless || call;
    } else if (way == 2) {
        frame(p, (struct part)BODY_END(id(k)));
        t->error += headless || call;
    } else {
        frame(p, (struct part)LAST(id(k), "\x88\x00\x0bgrpc-status\1"
                                          "0"));
        t->success += headless || call;
    }
    t->finished++;
    model[k] = CLOSED;
}

static void model_head(struct played *p, uint32_t k, struct tally *t)
{
    if (model[k] != HTTP && model[k] != CALL)
        return;
    frame(p, (struct part)HEAD(id(k), "\x88"));
    t->success += model[k] == HTTP;
    model[k] = model[k] == HTTP ? HTTP_HEAD : CALL_HEAD;
}

static void model_open(struct played *p, uint32_t k, struct tally *t)
{
    if (k >= MODEL_WINDOW)
        model_end(p, k - MODEL_WINDOW, t);
    model[k] = rand() % 2 ? HTTP : CALL;
    if (model[k] == HTTP)
        request(p, id(k));
    else
        frame(p, (struct part)RPC(id(k)));
    t->issued++;
}

static void any_order(void **state)
{
    (void)state;
    for (unsigned int seed = 0; seed < 4; seed++) {
        struct tally t = {0};
        struct played p;

        srand(seed);
        feed_quick = seed < 2;
        memset(model, 0, sizeof(model));
        begin(&p);
        for (uint32_t k = 0; k < MODEL_STREAMS; k++) {
            uint32_t newest = k < 5000 ? k : 5000;

            model_open(&p, k, &t);
            for (unsigned int n = 0; n < 1 + seed % 2; n++) {
                model_head(&p, k - (uint32_t)rand() % (newest + 1), &t);
                model_end(&p, k - (uint32_t)rand() % (newest + 1), &t);
            }
        }
        expect(&p, t);
        for (uint32_t k = 0; k < MODEL_STREAMS; k++)
            model_end(&p, k, &t);
        expect(&p, t);
        end(&p, CAUSE_LOST);
        expect(&p, t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_own_slots_need_no_annex),
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(a_full_set_of_the_annex),
        cmocka_unit_test(long_lived_streams_beside_short_ones),
        cmocka_unit_test(no_annex_to_be_had),
        cmocka_unit_test(no_room_for_a_cut_head),
        cmocka_unit_test(all_that_happens_to_a_stream),
        cmocka_unit_test(a_stream_ends_once),
        cmocka_unit_test(the_highest_ids),
        cmocka_unit_test(every_bit_of_an_id),
        cmocka_unit_test(settled_above_an_id),
        cmocka_unit_test(any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
