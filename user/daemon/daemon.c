#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "daemon/bounds.h"
#include "daemon/management.h"
#include "daemon/outage.h"
#include "daemon/upstreams.h"
#include "kernel/tap.h"
#include "report/accuracy.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

#define LOOK_SECONDS 5 /* between two looks at what a person should be told, or twice that */
#define SILENCE_US 10000000ULL
#define ENDS 3 /* signals that end it */

struct daemon {
    const struct bootstrap *bootstrap;
    struct event_base *base;
    struct event *timer, *watch, *ends[ENDS], *ask;
    struct hosts *hosts;
    struct tap *tap;
    struct upstreams *upstreams;
    struct reporter *reporter;
    struct accuracy *accuracy;
    struct management *management;
    struct outage outage; /* since a stream worked for long */
    bool ending;          /* a signal came */
    bool answered;        /* the management server has ever answered */
    uint64_t looked_us;   /* see look() */
    uint64_t up_us;       /* since when the stream is up; 0: it is not, or its silence was told */
};

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- the reporter's timer -------------------------------------------------------- */

/* To be called after anything that may have moved the deadline, or finished the reporter. */
static void arm(struct daemon *daemon)
{
    uint64_t deadline = reporter_deadline(daemon->reporter), now = now_us();
    uint64_t wait = deadline > now ? deadline - now : 0;
    struct timeval tv = {.tv_sec = (time_t)(wait / 1000000),
                         .tv_usec = (suseconds_t)(wait % 1000000)};

    if (reporter_finished(daemon->reporter))
        event_base_loopbreak(daemon->base);
    if (deadline == UINT64_MAX)
        event_del(daemon->timer);
    else
        event_add(daemon->timer, &tv);
}

static void op_read(void *arg, uint32_t slot, struct counters *out)
{
    struct daemon *daemon = arg;

    tap_read(daemon->tap, slot, out);
}

static void tell_inexact(void *arg, const struct host *host, const char *what)
{
    const struct daemon *daemon = arg;
    char text[ADDRESS_TEXT_MAX];

    log_warning("cluster %s: endpoint %s %s", daemon->bootstrap->clusters.items[host->cluster].name,
                address_text(&host->address, text), what);
}

/* A line for each endpoint whose error bound is not zero, and one for all others together:
 *   error bound: zero, so all counts exact, at 4 of 5 endpoints */
static void tell_bounds(const struct daemon *daemon)
{
    size_t count = 0, exact = 0;

    for (uint32_t slot = 0; slot < hosts_count(daemon->hosts); slot++) {
        const struct host *host = hosts_at(daemon->hosts, slot);
        struct counters row;

        if (!host)
            continue;
        count++;
        tap_read(daemon->tap, slot, &row);
        exact += !bounds_tell(&daemon->bootstrap->clusters, host, &row);
    }
    log_info("error bound: zero, so all counts exact, at %zu of %zu endpoints", exact, count);
}

static void tell_silence(struct daemon *daemon)
{
    if (daemon->answered || !daemon->up_us || now_us() - daemon->up_us < SILENCE_US)
        return;
    log_warning("management server: connected, but no LoadStatsResponse came: nothing is reported "
                "before it answers");
    daemon->up_us = 0;
}

/* What a person should be told. It goes with the reporter's timer, so that an idle daemon wakes for
 * nothing else; the watch only fires where that comes more rarely. */
static void look(struct daemon *daemon)
{
    const struct accuracy_ops ops = {op_read, tell_inexact, daemon};
    const struct timeval later = {.tv_sec = 2 * LOOK_SECONDS};

    daemon->looked_us = now_us();
    event_add(daemon->watch, &later);
    accuracy_check(daemon->accuracy, &ops);
    tell_silence(daemon);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    look(arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *daemon = arg;

    (void)fd, (void)what;
    reporter_run(daemon->reporter, now_us());
    if (now_us() - daemon->looked_us >= LOOK_SECONDS * 1000000ULL)
        look(daemon);
    arm(daemon);
}

static bool op_owes(void *arg, uint32_t slot)
{
    const struct daemon *daemon = arg;

    return reporter_owes(daemon->reporter, slot);
}

static void on_upstreams_ready(void *arg)
{
    struct daemon *daemon = arg;

    reporter_start(daemon->reporter, now_us());
    arm(daemon);
}

/* --- the stream -------------------------------------------------------------------- */

static void on_stream_up(void *arg)
{
    struct daemon *daemon = arg;

    daemon->up_us = now_us();
    reporter_stream_up(daemon->reporter, now_us());
    arm(daemon);
}

/* A retry every few seconds says nothing new. */
static void tell_outage(struct daemon *daemon, const char *reason)
{
    bool is_news = outage_is_news(&daemon->outage, reason);

    log_write(is_news ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "management server: %s", reason);
}

/* What ended a stream that worked for long is news again. */
static void stream_ended(struct daemon *daemon, const char *reason)
{
    if (daemon->answered && daemon->up_us && now_us() - daemon->up_us >= REPORTER_WORKED_US)
        outage_over(&daemon->outage);
    tell_outage(daemon, reason);
    daemon->up_us = 0;
    management_close(daemon->management);
    reporter_stream_down(daemon->reporter, now_us());
    arm(daemon);
}

static void on_stream_down(void *arg, const char *reason)
{
    stream_ended(arg, reason);
}

static void on_passed_over(void *arg, const char *reason)
{
    tell_outage(arg, reason);
}

static void on_response(void *arg, const uint8_t *message, size_t length)
{
    struct daemon *daemon = arg;

    if (reporter_response(daemon->reporter, now_us(), message, length) == -EBADMSG)
        stream_ended(daemon, "sent something that is no LoadStatsResponse");
    else
        daemon->answered = true;
    arm(daemon);
}

static void on_confirmed(void *arg)
{
    struct daemon *daemon = arg;

    reporter_confirmed(daemon->reporter, now_us());
    arm(daemon);
}

static void op_open_stream(void *arg, const struct delivery *delivery)
{
    struct daemon *daemon = arg;
    int result = management_open(daemon->management, delivery);

    if (!result)
        return;
    tell_outage(daemon,
                result == -EHOSTUNREACH ? "its cluster has no address yet" : strerror(-result));
    reporter_stream_down(daemon->reporter, now_us());
}

static int op_send(void *arg, const uint8_t *messages, const size_t *ends, size_t count, bool mark)
{
    struct daemon *daemon = arg;

    return management_send(daemon->management, messages, ends, count, mark);
}

/* --- start and end --------------------------------------------------------------------- */

/* The first one has the last report sent; a second one does not wait for it. A terminal that is closed
 * sends SIGHUP, and so may its shell: twice is no haste. */
static void on_signal(evutil_socket_t number, short what, void *arg)
{
    struct daemon *daemon = arg;

    (void)what;
    if (number == SIGHUP && daemon->ending)
        return;
    daemon->ending = true;
    log_info("%s: stopping", strsignal(number));
    reporter_finish(daemon->reporter, now_us());
    arm(daemon);
}

static void on_ask(evutil_socket_t number, short what, void *arg)
{
    (void)number, (void)what;
    tell_bounds(arg);
}

/* By nohup, so that it outlives its terminal. */
static bool ignores_hangup(void)
{
    struct sigaction action;

    return !sigaction(SIGHUP, NULL, &action) && action.sa_handler == SIG_IGN;
}

static int catch_ends(struct daemon *daemon)
{
    static const int numbers[ENDS] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < ENDS; i++) {
        if (numbers[i] == SIGHUP && ignores_hangup())
            continue;
        daemon->ends[i] = evsignal_new(daemon->base, numbers[i], on_signal, daemon);
        if (!daemon->ends[i])
            return -ENOMEM;
        event_add(daemon->ends[i], NULL);
    }
    return 0;
}

static int start_loop(struct daemon *daemon)
{
    signal(SIGPIPE, SIG_IGN);
    daemon->base = event_base_new();
    if (!daemon->base)
        return -ENOMEM;
    daemon->timer = evtimer_new(daemon->base, on_timer, daemon);
    daemon->watch = evtimer_new(daemon->base, on_watch, daemon);
    daemon->ask = evsignal_new(daemon->base, SIGUSR1, on_ask, daemon);
    if (!daemon->timer || !daemon->watch || !daemon->ask)
        return -ENOMEM;
    event_add(daemon->ask, NULL);
    return catch_ends(daemon);
}

static int start_tap(struct daemon *daemon)
{
    const struct tap_options options = {
        .cgroup = daemon->bootstrap->cgroup_path,
        .slots = (uint32_t)upstreams_estimate(&daemon->bootstrap->clusters),
        .checked = (uint32_t)upstreams_checked(&daemon->bootstrap->clusters),
    };
    char error[TAP_ERROR_MAX];
    int result;

    /* Half a second of processor time, which under load takes many times as long. */
    log_info("the kernel verifies the BPF programs");
    result = tap_open(&options, &daemon->tap, error);

    hosts_limit(daemon->hosts, options.slots);
    if (result) {
        log_error("%s", error);
        return result;
    }
    log_info("%s", tap_description(daemon->tap));
    if (tap_limits(daemon->tap))
        log_warning("%s", tap_limits(daemon->tap));
    return 0;
}

static uint64_t random_number(void)
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
        number = now_us(); /* early in the machine's boot */
    return number;
}

static int start_reporter(struct daemon *daemon)
{
    const struct reporter_options options = {
        .node = daemon->bootstrap->node,
        .clusters = &daemon->bootstrap->clusters,
        .hosts = daemon->hosts,
        .omit_connections = daemon->bootstrap->omit_connection_fields,
        .error_bound = daemon->bootstrap->report_error_bound,
        .emission = daemon->bootstrap->emission_rules,
        .message_max = PACKING_MAX,
        .random = random_number(),
        .run = random_number(),
    };
    const struct reporter_ops ops = {op_open_stream, op_send, op_read};

    daemon->reporter = reporter_new(&options, &ops, daemon);
    daemon->accuracy = accuracy_new(daemon->hosts);
    if (!daemon->reporter || !daemon->accuracy)
        return -ENOMEM;
    look(daemon);
    return 0;
}

static int start_management(struct daemon *daemon)
{
    const struct management_options options = {
        .base = daemon->base,
        .bootstrap = daemon->bootstrap,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .events = {on_stream_up, on_response, on_confirmed, on_stream_down, on_passed_over, daemon},
    };

    daemon->management = management_new(&options);
    return daemon->management ? 0 : -ENOMEM;
}

static int start_upstreams(struct daemon *daemon)
{
    const struct upstreams_options options = {
        .base = daemon->base,
        .clusters = &daemon->bootstrap->clusters,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .ready = on_upstreams_ready,
        .owes = op_owes,
        .now_us = now_us,
        .removed_idle_us = daemon->bootstrap->removed_idle_ms * 1000,
        .arg = daemon,
    };

    return upstreams_start(&options, &daemon->upstreams);
}

static int start(struct daemon *daemon)
{
    int result = start_loop(daemon);

    if (result)
        return result;
    daemon->hosts = hosts_new(&daemon->bootstrap->clusters);
    if (!daemon->hosts)
        return -ENOMEM;
    result = start_tap(daemon);
    if (!result)
        result = start_reporter(daemon);
    if (!result)
        result = start_management(daemon);
    if (!result)
        result = start_upstreams(daemon);
    return result;
}

static void stop(struct daemon *daemon)
{
    management_free(daemon->management);
    upstreams_free(daemon->upstreams);
    reporter_free(daemon->reporter);
    accuracy_free(daemon->accuracy);
    tap_close(daemon->tap);
    hosts_free(daemon->hosts);
    if (daemon->timer)
        event_free(daemon->timer);
    if (daemon->watch)
        event_free(daemon->watch);
    for (size_t i = 0; i < ENDS; i++)
        if (daemon->ends[i])
            event_free(daemon->ends[i]);
    if (daemon->ask)
        event_free(daemon->ask);
    if (daemon->base)
        event_base_free(daemon->base);
}

int daemon_run(const struct bootstrap *bootstrap)
{
    struct daemon daemon = {.bootstrap = bootstrap};
    int result = start(&daemon);

    malloc_trim(0); /* what reading the configuration took */
    if (result)
        log_error("cannot start: %s", strerror(-result));
    else if (event_base_dispatch(daemon.base) < 0)
        log_error("the event loop failed");
    else
        tell_bounds(&daemon);
    stop(&daemon);
    return result;
}
