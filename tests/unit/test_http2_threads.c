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
#define AHEAD 8         /* parts that the proxy may send before earlier ones are received */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directions_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
