/* An HTTP/2 connection's two directions at the same time, as two CPUs read them: whatever crosses, in the
 * end each request is counted once, as nghttp2 sees it. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "../native/h2_reference.h"
#include "../native/h2_script.h"
#include "base/mem.h"

#define CONNECTIONS 300 /* or as many as the environment says */
#define RACES 20000
#define AHEAD 8 /* parts that the proxy may send before earlier ones are received */

struct shared {
    const struct record *record;
    struct connection connection;
    struct tally sent, received;
    size_t said, heard; /* parts that were; each is written by one thread */
};

static size_t part_load(const size_t *at)
{
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}

static void part_store(size_t *at, size_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static void read_part(struct shared *s, const struct part *part, struct choices *c, struct tally *t)
{
    const uint8_t *bytes = s->record->bytes.data + part->from;

    for (size_t left = part->length, n; left; left -= n, bytes += n) {
        n = 1 + choose(c, 400);
        if (n > left)
            n = left;
        feed(&s->connection, part->kind == PART_SENT, bytes, n, WINDOW_SIZE, script_probes(), t);
    }
}

static void *egress(void *argument)
{
    struct shared *s = argument;
    struct choices c = choices_of(1);

    for (size_t i = 0; i < s->record->count; i++) {
        while (part_load(&s->heard) + AHEAD < i)
            sched_yield();
        if (s->record->parts[i].kind == PART_SENT)
            read_part(s, &s->record->parts[i], &c, &s->sent);
        part_store(&s->said, i + 1);
    }
    return NULL;
}

/* What answers comes after what was asked. */
static void *ingress(void *argument)
{
    struct shared *s = argument;
    struct choices c = choices_of(2);

    for (size_t i = 0; i < s->record->count; i++) {
        while (part_load(&s->said) < i)
            sched_yield();
        if (s->record->parts[i].kind == PART_RECEIVED)
            read_part(s, &s->record->parts[i], &c, &s->received);
        part_store(&s->heard, i + 1);
    }
    return NULL;
}

static void read_twice_at_once(struct shared *s)
{
    pthread_t threads[2];

    connection_start(&s->connection, 0, PROTOCOL_AUTO, 1);
    s->connection.life = LIFE_ESTABLISHED;
    assert_int_equal(pthread_create(&threads[0], NULL, egress, s), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, ingress, s), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    feed_end(&s->connection, s->record->end == END_PROXY ? CAUSE_PROXY : CAUSE_UPSTREAM,
             &s->received);
}

static void compare(const struct shared *s, const struct reference *reference, uint64_t seed)
{
    const struct tally *a = &s->sent, *b = &s->received;
    const struct model_tally *expected = &reference->end;

    /* A health check that a GOAWAY refuses in the midst of its block is a request like others. */
    uint32_t checks = expected->probes - a->probes;

    if (a->unclassified + b->unclassified)
        return; /* more streams than fit: some other test's matter */
    if (a->issued + b->issued != expected->issued + checks ||
        a->success + b->success != expected->success ||
        a->error + b->error != expected->error + checks ||
        a->finished + b->finished != expected->finished + checks ||
        a->no_result + b->no_result != expected->no_result || checks > 1)
        fail_msg(
            "seed %lu: issued %u, %u success %u, %u error %u, %u no result %u, %u finished %u, "
            "%u probes %u, %u",
            (unsigned long)seed, a->issued + b->issued, expected->issued, a->success + b->success,
            expected->success, a->error + b->error, expected->error, a->no_result + b->no_result,
            expected->no_result, a->finished + b->finished, expected->finished, a->probes,
            expected->probes);
}

static void directions_at_once(void **state)
{
    static struct record record;
    static struct reference reference;
    const char *wanted = getenv("CONNECTIONS");
    uint64_t connections = wanted ? strtoull(wanted, NULL, 0) : CONNECTIONS;

    (void)state;
    for (uint64_t seed = 1; seed <= connections; seed++) {
        const struct script_options options = {
            .size = seed % 20 ? SCRIPT_MEDIUM : SCRIPT_LARGE, .tables = seed % 3 == 0, .calm = 1};
        struct choices choices = choices_of(seed);
        struct shared shared = {.record = &record};

        script_write(&record, &choices, &options);
        if (record.http1[PART_SENT])
            continue; /* an upgrade has to be waited for */
        reference_read(&reference, &record);
        assert_string_equal(reference.problem, "");
        shared.connection.id = seed;
        read_twice_at_once(&shared);
        if (reference.sound == record.count)
            compare(&shared, &reference, seed);
    }
    reference_free(&reference);
    record_free(&record);
}

/* --- a request and the GOAWAY that refuses it ------------------------------------------------ */

struct race {
    struct connection connection;
    struct tally sent, received;
    size_t sender, receiver; /* how far each is: two steps a round */
};

/* Both leave this place as nearly at once as two CPUs can. */
static void meet(size_t *own, const size_t *other)
{
    size_t step = *own + 1;

    part_store(own, step);
    for (int spins = 0; part_load(other) < step; spins++)
        if (spins > 10000) /* it has no CPU */
            sched_yield();
}

static void delay(int spins)
{
    for (volatile int spin = spins; spin > 0; spin--)
        ;
}

#define SAY(r, bytes)                                                                              \
    feed(&(r)->connection, 1, bytes, sizeof(bytes) - 1, WINDOW_SIZE, NULL, &(r)->sent)
#define HEAR(r, bytes)                                                                             \
    feed(&(r)->connection, 0, bytes, sizeof(bytes) - 1, WINDOW_SIZE, NULL, &(r)->received)

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define GET_ON(stream) "\0\0\6\1\5\0\0\0" stream "\x82\x86\x84\x01\1a"
#define LEAVING_AT(last) "\0\0\x8\7\0\0\0\0\0\0\0\0" last "\0\0\0\0"

static void *race_received(void *argument)
{
    struct race *r = argument;

    for (int round = 0; round < RACES; round++) {
        meet(&r->receiver, &r->sender); /* the connection has begun */
        HEAR(r, SETTINGS);
        meet(&r->receiver, &r->sender);
        delay(round / 64 % 64);
        HEAR(r, LEAVING_AT("\1"));
        meet(&r->receiver, &r->sender);
    }
    return NULL;
}

/* The stream is refused whichever comes first: its connection ends by the proxy, which is no error. */
static void refused_at_once(void **state)
{
    static struct race r;
    pthread_t thread;
    int odd = 0;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, race_received, &r), 0);
    for (int round = 0; round < RACES; round++) {
        memset(&r.sent, 0, sizeof(r.sent));
        memset(&r.received, 0, sizeof(r.received));
        connection_start(&r.connection, 0, PROTOCOL_AUTO, 0);
        r.connection.id = 1; /* always: its block is read in place from the second on */
        SAY(&r, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS GET_ON("\1"));
        meet(&r.sender, &r.receiver);
        meet(&r.sender, &r.receiver);
        delay(round % 64);
        SAY(&r, GET_ON("\3"));
        meet(&r.sender, &r.receiver);
        feed_end(&r.connection, CAUSE_PROXY, &r.sent);
        assert_int_equal(r.sent.issued, 2);
        odd += r.sent.error + r.received.error != 1 || r.sent.no_result != 1;
    }
    pthread_join(thread, NULL);
    assert_int_equal(odd, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_at_once),
        cmocka_unit_test(directions_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
