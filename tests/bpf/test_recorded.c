/* The loaded programs count recorded HTTP/2 connections as the native build does: both ends of real
 * sockets say the recorded bytes in the recorded order, cut anywhere. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../native/feed.h"
#include "../native/h2_case.h"
#include "../native/h2_script.h"
#include "../native/record.h"
#include "base/mem.h"
#include "fixture.h"

#define CONNECTIONS 400 /* or as many as the environment says */
#define IP "127.0.0.3"
#define SEND_MAX 16384 /* what one end takes before the other has read any */

/* A connection twice: by way of the kernel, and read here. */
struct twice {
    int proxy, upstream;
    struct choices choices; /* of the cuts */
    struct connection native;
    struct tally tally, compared;
};

static void observe(void)
{
    struct address address;

    assert_int_equal(address_parse(IP, FIXTURE_PORT, &address), 0);
    assert_int_equal(tap_observe(fixture_tap(), &address, SLOT_CHECKED, script_cluster()), 0);
    counted(SLOT_CHECKED);
}

static struct twice *open_twice(int listener, uint64_t seed)
{
    static struct twice t;
    int one = 1;

    t = (struct twice){.choices = choices_of(seed)};
    t.proxy = dial(IP, FIXTURE_PORT);
    assert_true(t.proxy >= 0);
    t.upstream = accept_one(listener);
    setsockopt(t.proxy, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(t.upstream, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    connection_start(&t.native, 0, PROTOCOL_AUTO, 1);
    t.native.id = seed;
    t.native.life = LIFE_ESTABLISHED;
    return &t;
}

static void pass(int from, int to, const uint8_t *bytes, size_t length)
{
    static uint8_t heard[SEND_MAX];

    assert_int_equal(send(from, bytes, length, MSG_NOSIGNAL), length);
    assert_int_equal(recv(to, heard, length, MSG_WAITALL), length);
    assert_memory_equal(heard, bytes, length);
}

static void say_part(struct twice *t, const struct record *r, const struct part *part)
{
    const uint8_t *bytes = r->bytes.data + part->from;
    bool sent = part->kind == PART_SENT;
    bool small = chance(&t->choices, 20);

    for (size_t left = part->length, n; left; left -= n, bytes += n) {
        n = 1 + choose(&t->choices, small ? 100 : SEND_MAX);
        if (n > left)
            n = left;
        pass(sent ? t->proxy : t->upstream, sent ? t->upstream : t->proxy, bytes, n);
    }
    feed(&t->native, sent, r->bytes.data + part->from, part->length, WINDOW_SIZE, script_probes(),
         &t->tally);
}

static void end_twice(struct twice *t, enum record_end end)
{
    switch (end) {
    case END_PROXY:
        close(t->proxy);
        close(t->upstream);
        break;
    case END_FIN:
        close(t->upstream);
        close(t->proxy);
        connection_remote_closed(&t->native, 0, &t->tally);
        break;
    default:
        abort_connection(t->upstream);
        close(t->proxy);
    }
    feed_end(&t->native, end == END_PROXY ? CAUSE_PROXY : CAUSE_UPSTREAM, &t->tally);
}

/* Since the last time, the kernel counted as much of each as was counted here. */
static void compare(struct twice *t, uint64_t seed, size_t part)
{
    struct counters c = counted(SLOT_CHECKED);
    const struct tally *now = &t->tally, *then = &t->compared;
    const struct {
        const char *name;
        uint64_t kernel, native;
    } rows[] = {
        {"issued", c.rq_issued, now->issued - then->issued},
        {"success", c.rq_success, now->success - then->success},
        {"error", c.rq_error, now->error - then->error},
        {"finished", c.rq_finished, now->finished - then->finished},
        {"unclassified", c.rq_unclassified, now->unclassified - then->unclassified},
        {"no result", c.rq_no_result, now->no_result - then->no_result},
        {"probes", c.rq_probes, now->probes - then->probes},
        {"opaque", c.cx_opaque, now->opaque - then->opaque},
        {"sessions", c.cx_sessions, now->sessions - then->sessions},
        {"gap bytes", c.gap_bytes, now->gap - then->gap},
        {"untracked", c.rq_untracked, now->untracked - then->untracked},
        {"overruns", c.overruns, now->overruns - then->overruns},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].kernel != rows[i].native)
            fail_msg("seed %lu, part %zu: %s %lu in the kernel, %lu here", (unsigned long)seed,
                     part, rows[i].name, (unsigned long)rows[i].kernel,
                     (unsigned long)rows[i].native);
    t->compared = t->tally;
}

static void kernel_counts_as_native(void **state)
{
    static struct record record;
    int listener = listen_on(IP, FIXTURE_PORT);
    const char *wanted = getenv("CONNECTIONS");
    unsigned long connections = wanted ? strtoul(wanted, NULL, 0) : CONNECTIONS, requests = 0;

    (void)state;
    observe();
    for (uint64_t seed = 1; seed <= connections; seed++) {
        struct choices choices = choices_of(seed);
        struct twice *t = open_twice(listener, seed);

        case_record(&record, &choices);
        for (size_t i = 0; i < record.count; i++) {
            say_part(t, &record, &record.parts[i]);
            compare(t, seed, i);
        }
        end_twice(t, record.end);
        compare(t, seed, record.count);
        requests += t->tally.issued;
    }
    print_message("# %lu connections, %lu requests\n", connections, requests);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernel_counts_as_native),
    };

    if (fixture_skips(tap_reads_http2, "this kernel has no bpf_loop: HTTP/2 is opaque"))
        return 0;
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
