/* Any sequence of configurations, with traffic, reports, lost streams and endpoints that are forgotten, on a
 * kernel side that the test stands in for: every request is reported once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "clusters_text.h"
#include "daemon/change.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/reporter.h"

#define HOSTS 8
#define SLOTS 128
#define SLOTS_FEW 24 /* not enough for every configuration */
#define CONNECTIONS 24
#define SECOND 1000000ULL
#define STEPS 3000
#define IDLE_US 400000ULL

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request;
typedef Envoy__Service__LoadStats__V3__LoadStatsResponse response;
typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;
typedef Envoy__Config__Endpoint__V3__UpstreamLocalityStats locality_stats;

static uint64_t seed = 1, now = 1000 * SECOND;

static unsigned pick(unsigned below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % below;
}

static uint64_t now_us(void)
{
    return now;
}

/* Requests by cluster, "a" to "h", by locality, "e" or "w", by priority, and by host. */
struct places {
    uint64_t of[8][2][2][HOSTS];
};

static uint64_t *place(struct places *places, const char *cluster, const char *region,
                       uint32_t priority, int host)
{
    assert_in_range(*cluster, 'a', 'h');
    return &places->of[*cluster - 'a'][*region == 'w'][priority][host];
}

static void add_places(struct places *sum, const struct places *more)
{
    const uint64_t *from = &more->of[0][0][0][0];
    uint64_t *to = &sum->of[0][0][0][0];

    for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
        to[i] += from[i];
}

/* --- the kernel side -----------------------------------------------------------------------------*/

static struct counters rows[SLOTS];
static struct {
    bool observed;
    uint32_t slot;
    enum protocol protocol;
} endpoints[HOSTS];                 /* by the last number of the address */
static int64_t opened[CONNECTIONS]; /* the row that a connection counts in; -1: none */
static int connected[CONNECTIONS];  /* to which host; -1: it is not open */
static struct places truth;         /* requests that observed connections made */
static int checks_room;

static unsigned number_of(const struct address *address)
{
    return address->ip[15];
}

int tap_observe(struct tap *tap, const struct address *address, uint32_t slot,
                const struct cluster *cluster)
{
    (void)tap;
    assert_in_range(slot, 0, SLOTS - 1);
    assert_int_equal(cluster->presence != PRESENCE_VACANT, 1);
    endpoints[number_of(address)].observed = true;
    endpoints[number_of(address)].slot = slot;
    endpoints[number_of(address)].protocol = cluster->protocol;
    return 0;
}

int tap_forget(struct tap *tap, const struct address *address)
{
    (void)tap;
    endpoints[number_of(address)].observed = false;
    return 0;
}

int tap_settle(void)
{
    return 0;
}

int tap_clear(struct tap *tap, uint32_t slot, const struct address *address)
{
    (void)tap, (void)address;
    for (size_t i = 0; i < CONNECTIONS; i++)
        assert_true(connected[i] < 0 || opened[i] != slot);
    memset(&rows[slot], 0, sizeof(rows[slot]));
    return 0;
}

int tap_join(struct tap *tap)
{
    (void)tap;
    return 0;
}

void tap_read(const struct tap *tap, uint32_t slot, struct counters *out)
{
    (void)tap;
    *out = rows[slot];
}

size_t tap_recognised_checks(const struct cluster *cluster)
{
    return cluster->health_check_count;
}

uint32_t tap_checks_room(const struct tap *tap)
{
    (void)tap;
    return (uint32_t)checks_room;
}

static void open_one(size_t i)
{
    connected[i] = (int)pick(HOSTS);
    opened[i] = endpoints[connected[i]].observed ? (int64_t)endpoints[connected[i]].slot : -1;
    if (opened[i] < 0)
        return;
    rows[opened[i]].cx_opened++;
    rows[opened[i]].cx_established++;
}

static void close_one(size_t i)
{
    if (opened[i] >= 0)
        rows[opened[i]].cx_closed++;
    connected[i] = -1;
}

static void count_truth(uint32_t slot, int number);

static void ask(size_t i)
{
    if (opened[i] < 0)
        return;
    rows[opened[i]].rq_issued++;
    rows[opened[i]].rq_success++;
    rows[opened[i]].rq_finished++;
    count_truth((uint32_t)opened[i], connected[i]);
}

static void traffic(void)
{
    size_t i = pick(CONNECTIONS);

    if (connected[i] < 0)
        open_one(i);
    else if (pick(6) == 0)
        close_one(i);
    else
        ask(i);
}

/* --- the management server -----------------------------------------------------------------------*/

static bool closed; /* the daemon's side has closed the stream */
static bool up;
static uint64_t sent, marked; /* messages, and up to which one a mark is on its way; 0: none */
/* What each message of the stream said of each host; what is not confirmed at its end comes again. */
static struct places received[4096];
static struct places delivered;
static unsigned again, refused, gone;

void report_stream_renew(struct report_stream *stream_of)
{
    (void)stream_of;
    closed = true;
}

void lookout_change(struct lookout *lookout, uint64_t undialled_us, size_t own)
{
    (void)lookout, (void)undialled_us;
    assert_int_equal(own, SIZE_MAX);
}

static void deliver(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        add_places(&delivered, &received[i]);
    memmove(received, received + count, (size_t)(sent - count) * sizeof(*received));
    sent -= count;
}

static void take_locality(const char *cluster, const locality_stats *locality, struct places *out)
{
    uint64_t issued = 0;

    for (size_t i = 0; i < locality->n_upstream_endpoint_stats; i++) {
        const char *ip = locality->upstream_endpoint_stats[i]->address->socket_address->address;
        uint64_t count = locality->upstream_endpoint_stats[i]->total_issued_requests;

        *place(out, cluster, locality->locality->region, locality->priority,
               atoi(strrchr(ip, '.') + 1)) += count;
        issued += count;
    }
    assert_int_equal(issued, locality->total_issued_requests);
}

static void take_message(const uint8_t *bytes, size_t length, struct places *out)
{
    request *message =
        envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);

    assert_non_null(message);
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < message->n_cluster_stats; i++) {
        const cluster_stats *stats = message->cluster_stats[i];

        for (size_t j = 0; j < stats->n_upstream_locality_stats; j++)
            take_locality(stats->cluster_name, stats->upstream_locality_stats[j], out);
    }
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(message, NULL);
}

static void op_open(void *arg, const struct delivery *delivery)
{
    (void)arg;
    again += delivery->resent_stream > 0;
    closed = up = false;
    sent = marked = 0;
}

static int op_send(void *arg, struct grpc_messages *messages, bool mark)
{
    const uint8_t *message;
    size_t at = 0, length;

    (void)arg;
    assert_false(closed);
    while ((message = grpc_messages_next(messages, &at, &length))) {
        assert_in_range(sent, 0, 4095);
        take_message(message, length, &received[sent++]);
    }
    grpc_messages_clear(messages);
    if (mark)
        marked = sent;
    return 0;
}

static void op_read(void *arg, uint32_t first, size_t count, struct counters *out)
{
    (void)arg;
    for (size_t i = 0; i < count; i++)
        tap_read(NULL, first + (uint32_t)i, &out[i]);
}

static struct reporter *reporter;

static void respond(void)
{
    static char *names[] = {(char *)"a", (char *)"b", (char *)"c", (char *)"d",
                            (char *)"e", (char *)"f", (char *)"g", (char *)"h"};
    response message = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    uint8_t bytes[256];

    interval.seconds = 1;
    message.clusters = names;
    message.n_clusters = ARRAY_SIZE(names);
    message.load_reporting_interval = &interval;
    message.report_endpoint_granularity = true;
    envoy__service__load_stats__v3__load_stats_response__pack(&message, bytes);
    assert_int_equal(
        reporter_response(
            reporter, now, bytes,
            envoy__service__load_stats__v3__load_stats_response__get_packed_size(&message)),
        0);
}

static void confirm(void)
{
    if (!marked || !up || closed)
        return;
    deliver(marked);
    marked = 0;
    reporter_confirmed(reporter, now);
}

/* --- the daemon ----------------------------------------------------------------------------------*/

static struct event_base *base;
static struct hosts *hosts;
static struct upstreams *upstreams;
static struct bootstrap *bootstrap;

static void count_truth(uint32_t slot, int number)
{
    const struct host *host = hosts_at(hosts, slot);
    const struct cluster *cluster = &bootstrap->clusters.items[host->cluster];
    const struct locality_endpoints *group = &cluster->groups[host->group];

    ++*place(&truth, cluster->name, group->locality.region, group->priority, number);
}

static struct bootstrap *bootstrap_of(const char *text, const char *id)
{
    struct bootstrap *made = calloc(1, sizeof(*made));

    made->clusters = configuration(text);
    made->node = malloc(sizeof(*made->node));
    envoy__config__core__v3__node__init(made->node);
    made->node->id = strdup(id);
    made->lrs_host = strdup("server.test");
    made->removed_idle_ms = IDLE_US / 1000;
    return made;
}

static void on_ready(void *arg)
{
    (void)arg;
    reporter_start(reporter, now);
}

static bool op_owes(void *arg, uint32_t slot)
{
    (void)arg;
    return reporter_owes(reporter, slot);
}

static int set_up(void **state)
{
    const struct reporter_ops ops = {op_open, op_send, op_read};
    struct upstreams_options options = {
        .ready = on_ready, .owes = op_owes, .now_us = now_us, .removed_idle_us = IDLE_US};

    (void)state;
    memset(rows, 0, sizeof(rows));
    memset(endpoints, 0, sizeof(endpoints));
    memset(connected, -1, sizeof(connected));
    memset(&truth, 0, sizeof(truth));
    memset(&delivered, 0, sizeof(delivered));
    checks_room = 100;
    closed = up = false;
    sent = marked = 0;
    base = event_base_new();
    bootstrap = bootstrap_of("a e.0=10.0.0.1", "first");
    hosts = hosts_new(&bootstrap->clusters);
    hosts_limit(hosts, SLOTS);
    reporter = reporter_new(&(struct reporter_options){.node = bootstrap->node,
                                                       .clusters = &bootstrap->clusters,
                                                       .hosts = hosts,
                                                       .message_max = PACKING_MAX,
                                                       .run = 77},
                            &ops, NULL);
    options.base = base;
    options.clusters = &bootstrap->clusters;
    options.hosts = hosts;
    return reporter && !upstreams_start(&options, &upstreams) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    upstreams_free(upstreams);
    reporter_free(reporter);
    hosts_free(hosts);
    bootstrap_free(bootstrap);
    event_base_free(base);
    return 0;
}

static char told[CHANGE_TEXT_MAX];
static struct config_error error;

static int change(const char *text, const char *id)
{
    const struct change_target target = {
        .bootstrap = bootstrap, .hosts = hosts, .upstreams = upstreams, .reporter = reporter};
    struct bootstrap *to = bootstrap_of(text, id);
    bool was_closed = closed;
    int failed = change_make(&target, to, "f.yaml", now, told, &error);

    assert_true(!closed || was_closed || !failed);
    bootstrap_free(to);
    return failed;
}

static void random_text(char *out)
{
    unsigned has = 0;

    *out = 0;
    for (unsigned left = pick(5); left; left--) {
        unsigned name = pick(8);

        if (has & 1u << name)
            continue;
        out += sprintf(out, "%s%c:%u", has ? ";" : "", 'a' + name, pick(3));
        has |= 1u << name;
        for (unsigned groups = pick(3); groups; groups--) {
            out += sprintf(out, " %c.%u", "ew"[pick(2)], pick(2));
            for (unsigned i = 0, count = pick(5); i < count; i++)
                out += sprintf(out, "%s10.0.0.%u", i ? "," : "=", pick(HOSTS));
        }
    }
}

static void run_until(uint64_t end)
{
    for (uint64_t due; (due = reporter_deadline(reporter)) <= end;) {
        now = due > now ? due : now;
        reporter_run(reporter, now);
    }
    now = end;
}

/* The event loop's timers go by the clock: twice they find that nothing has counted for long. */
static void let_leave(void)
{
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (connected[i] >= 0 && pick(3))
            close_one(i);
    run_until(now + 2 * SECOND);
    confirm();
    for (unsigned i = 0; i < 2; i++) {
        usleep(60000);
        event_base_loop(base, EVLOOP_NONBLOCK);
        now += 2 * IDLE_US;
    }
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++)
        gone += !hosts_at(hosts, slot);
}

static void stream(void)
{
    if (!up && !closed && pick(3) == 0) {
        up = true;
        reporter_stream_up(reporter, now);
        respond();
    } else if (up && !closed && pick(12) == 0) {
        closed = true;
        reporter_stream_down(reporter, now);
    }
}

/* Does `a` stand before `b` in the configuration? */
static bool stands_before(const struct host *a, const struct host *b)
{
    const struct cluster *of_a = &bootstrap->clusters.items[a->cluster];
    const struct cluster *of_b = &bootstrap->clusters.items[b->cluster];

    return of_a->rank < of_b->rank ||
           (of_a == of_b && of_a->groups[a->group].rank < of_b->groups[b->group].rank);
}

/* The kernel side counts each address for whom the configuration gives it to, and as it says there. */
static void expect_owners(void)
{
    const struct host *owners[HOSTS] = {NULL};

    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++) {
        const struct host *host = hosts_at(hosts, slot);

        if (host && host->names) {
            const struct host **owner = &owners[number_of(&host->address)];

            if (!*owner || stands_before(host, *owner))
                *owner = host;
        }
    }
    for (size_t i = 0; i < HOSTS; i++) {
        if (!owners[i])
            continue;
        assert_true(endpoints[i].observed);
        assert_int_equal(endpoints[i].slot, owners[i]->slot);
        assert_int_equal(endpoints[i].protocol,
                         bootstrap->clusters.items[owners[i]->cluster].protocol);
    }
}

static void step(void)
{
    char text[2048], id[16];

    for (unsigned i = pick(40); i; i--)
        traffic();
    if (pick(3) == 0) {
        random_text(text);
        snprintf(id, sizeof(id), "%u", pick(40) ? 0 : pick(4));
        if (change(text, id)) {
            assert_non_null(strstr(error.text, "have room for"));
            refused++;
            respond(); /* names what has left meanwhile, too */
        }
        expect_owners();
        if (closed)
            up = false;
    }
    stream();
    run_until(now + pick(3) * SECOND / 2);
    if (pick(2))
        confirm();
    if (pick(STEPS / 20) == 0)
        let_leave();
}

static void begin(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
    up = true;
    reporter_stream_up(reporter, now);
    respond();
}

static void every_request_is_reported_once(void **state)
{
    uint64_t total = 0;

    (void)state;
    hosts_limit(hosts, SLOTS_FEW);
    begin();
    for (unsigned i = 0; i < STEPS; i++)
        step();
    for (unsigned i = 0; i < 100; i++) { /* a stream that lives, and reports all */
        if (!up && !closed) {
            up = true;
            reporter_stream_up(reporter, now);
            respond();
        }
        run_until(now + SECOND);
        confirm();
    }
    assert_in_range(again, STEPS / 100, STEPS);
    assert_in_range(gone, 20, UINT32_MAX);
    assert_in_range(refused, STEPS / 100, STEPS);
    for (size_t i = 0; i < sizeof(truth) / sizeof(uint64_t); i++) {
        total += (&truth.of[0][0][0][0])[i];
        assert_int_equal((&delivered.of[0][0][0][0])[i], (&truth.of[0][0][0][0])[i]);
    }
    assert_in_range(total, 5 * STEPS, 40 * STEPS);
}

/* --- what is refused -------------------------------------------------------------------------------*/

static void expect_refused(const char *text, const char *why)
{
    assert_int_equal(change(text, "first"), -EINVAL);
    assert_non_null(strstr(error.text, why));
    assert_string_equal(bootstrap->clusters.items[0].name, "a");
    assert_int_equal(clusters_live(&bootstrap->clusters), 1);
}

static void what_the_maps_have_no_room_for(void **state)
{
    (void)state;
    hosts_limit(hosts, 3);
    expect_refused(
        "a e.0=10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4",
        "f.yaml: static_resources: found 3 endpoints that are new, expected at most the 2 ");
    assert_int_equal(change("a e.0=10.0.0.2,10.0.0.3", "first"), 0);
    expect_refused("a e.0=10.0.0.4", "found 1 endpoints that are new, expected at most the 0 ");
    assert_int_equal(change("a e.0=10.0.0.1,10.0.0.2,10.0.0.3", "first"), 0); /* one that leaves */
    hosts_limit(hosts, 4); /* once for a locality, however often it stands there */
    assert_int_equal(change("a e.0=10.0.0.1,10.0.0.5,10.0.0.2,10.0.0.5,10.0.0.3", "first"), 0);
    assert_int_equal(hosts_room(hosts), 0);
    assert_int_equal(change("a e.0=10.0.0.1,10.0.0.2,10.0.0.3", "first"), 0);
    expect_refused("a e.0=10.0.0.1,10.0.0.2 w.0=10.0.0.1,10.0.0.2",
                   "found 2 endpoints that are new, expected at most the 0 ");
    checks_room = 1;
    expect_refused("a/x e.0=10.0.0.1;b/y", "found 2 clusters whose health_checks are new");
    assert_int_equal(change("a e.0=10.0.0.1;b/y", "first"), 0);
    checks_room = 0;
    assert_int_equal(change("a e.0=10.0.0.1;b/y", "first"), 0); /* it is there already */
}

/* What is vacant by then is named by nothing any more, though the configuration is not taken. */
static void a_response_after_a_refusal(void **state)
{
    (void)state;
    begin();
    assert_int_equal(change("a e.0=10.0.0.1;b e.0=10.0.0.2", "first"), 0);
    assert_int_equal(change("a e.0=10.0.0.1", "first"), 0);
    for (unsigned i = 0; i < 10 && hosts_at(hosts, 1); i++)
        let_leave();
    assert_null(hosts_at(hosts, 1));
    hosts_limit(hosts, 2);
    expect_refused("a e.0=10.0.0.1,10.0.0.3,10.0.0.4", "found 2 endpoints that are new");
    assert_int_equal(bootstrap->clusters.items[1].presence, PRESENCE_VACANT);
    respond();
    hosts_limit(hosts, SLOTS);
    assert_int_equal(change("a e.0=10.0.0.1;b e.0=10.0.0.2", "first"), 0);
    respond();
    assert_true(reporter_reports(reporter, 1));
}

static void what_takes_a_restart(void **state)
{
    (void)state;
    bootstrap->cgroup_path = strdup("/sys/fs/cgroup/a");
    expect_refused("b", "f.yaml: bootstrap_extensions: cgroup_path: found none, expected "
                        "/sys/fs/cgroup/a, with which loadtap runs: this takes a restart");
    free(TAKE(bootstrap->cgroup_path));
    bootstrap->run_as_user = strdup("nobody");
    expect_refused("b", "run_as_user: found none, expected nobody");
    free(TAKE(bootstrap->run_as_user));
    bootstrap->admin_host = strdup("127.0.0.1");
    bootstrap->admin_port = 9901;
    expect_refused("b", "admin.address: found none, expected 127.0.0.1:9901");
}

static void what_has_changed_is_told(void **state)
{
    (void)state;
    assert_int_equal(change("a e.0=10.0.0.2;b;c e.0=10.0.0.3", "first"), 0);
    assert_string_equal(told, "3 clusters (2 came, 0 went), 2 endpoints came, 1 went");
    assert_false(closed);
    assert_int_equal(change("b", "second"), 0);
    assert_string_equal(told,
                        "1 clusters (0 came, 2 went), 0 endpoints came, 2 went; the stream to "
                        "the management server is another one");
    assert_true(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_maps_have_no_room_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_response_after_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_takes_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_has_changed_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_request_is_reported_once, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
