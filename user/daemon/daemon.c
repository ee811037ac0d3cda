#include "daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "daemon/admin.h"
#include "daemon/attach.h"
#include "daemon/change.h"
#include "daemon/lookout.h"
#include "daemon/notify.h"
#include "daemon/reload.h"
#include "daemon/report_stream.h"
#include "daemon/retreat.h"
#include "daemon/signals.h"
#include "daemon/upstreams.h"
#include "daemon/watchdog.h"
#include "kernel/tap.h"
#include "report/reporter.h"
#include "upstream/hosts.h"

struct daemon {
    struct bootstrap *bootstrap;
    const struct bootstrap_source *source;
    struct event_base *base;
    struct event *timer;
    struct signals *signals;
    struct watchdog *watchdog;
    struct hosts *hosts;
    struct tap *tap;
    struct upstreams *upstreams;
    struct reporter *reporter;
    struct lookout *lookout;
    struct report_stream *stream;
    struct reload *reload;
    struct admin *admin;
    bool ending; /* a signal came */
};

/* --- the reporter's timer -------------------------------------------------------- */

/* To be called after anything that may have moved the deadline, or finished the reporter. */
static void arm(struct daemon *daemon)
{
    uint64_t deadline = reporter_deadline(daemon->reporter), now = clock_us();
    uint64_t wait = deadline > now ? deadline - now : 0;
    struct timeval tv = clock_interval(wait);

    if (reporter_finished(daemon->reporter))
        event_base_loopbreak(daemon->base);
    if (deadline == UINT64_MAX)
        event_del(daemon->timer);
    else
        event_add(daemon->timer, &tv);
}

static void op_read(void *arg, uint32_t first, size_t count, struct counters *out)
{
    struct daemon *daemon = arg;

    tap_read_rows(daemon->tap, first, count, out);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct daemon *daemon = arg;
    uint64_t start_us = clock_us();

    (void)fd, (void)what;
    reporter_run(daemon->reporter, start_us);
    admin_ran(daemon->admin, clock_us() - start_us);
    lookout_pass(daemon->lookout, clock_us());
    watchdog_pass(daemon->watchdog, clock_us());
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

    reporter_start(daemon->reporter, clock_us());
    arm(daemon);
}

/* --- the stream -------------------------------------------------------------------- */

static void op_open_stream(void *arg, const struct delivery *delivery)
{
    const struct daemon *daemon = arg;

    report_stream_open(daemon->stream, delivery);
}

static int op_send(void *arg, struct grpc_messages *messages, bool mark)
{
    const struct daemon *daemon = arg;

    return report_stream_send(daemon->stream, messages, mark);
}

static void on_reporter_told(void *arg)
{
    arm(arg);
}

/* --- start and end --------------------------------------------------------------------- */

/* The first time the last report is sent; a second time does not wait for it. */
static void end(struct daemon *daemon, const char *why)
{
    daemon->ending = true;
    log_info("%s: stopping", why);
    notify_stopping();
    reporter_finish(daemon->reporter, clock_us());
    arm(daemon);
}

static void on_end(void *arg, int number)
{
    end(arg, strsignal(number));
}

static void on_reload(void *arg)
{
    const struct daemon *daemon = arg;

    if (!daemon->ending)
        reload_ask(daemon->reload);
}

static void on_ask(void *arg)
{
    const struct daemon *daemon = arg;

    lookout_tell_bounds(daemon->lookout);
}

static int start_loop(struct daemon *daemon)
{
    const struct signals_events events = {on_end, on_reload, on_ask, daemon};

    daemon->base = event_base_new();
    if (!daemon->base)
        return -ENOMEM;
    daemon->timer = evtimer_new(daemon->base, on_timer, daemon);
    daemon->signals = signals_catch(daemon->base, &events);
    return daemon->timer && daemon->signals ? 0 : -ENOMEM;
}

static uint64_t random_number(void)
{
    uint64_t number = 0;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
        number = clock_us(); /* early in the machine's boot */
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
    return daemon->reporter ? 0 : -ENOMEM;
}

static int start_lookout(struct daemon *daemon)
{
    const struct lookout_options options = {
        .base = daemon->base,
        .clusters = &daemon->bootstrap->clusters,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .undialled_us = daemon->bootstrap->undialled_ms * 1000,
        .own = daemon->bootstrap->lrs_host ? SIZE_MAX : daemon->bootstrap->lrs_cluster,
        .now_us = clock_us,
    };

    daemon->lookout = lookout_new(&options);
    return daemon->lookout ? 0 : -ENOMEM;
}

static int start_stream(struct daemon *daemon)
{
    const struct report_stream_options options = {
        .base = daemon->base,
        .bootstrap = daemon->bootstrap,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .reporter = daemon->reporter,
        .now_us = clock_us,
        .told = on_reporter_told,
        .arg = daemon,
    };

    daemon->stream = report_stream_new(&options);
    return daemon->stream ? 0 : -ENOMEM;
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
        .now_us = clock_us,
        .removed_idle_us = daemon->bootstrap->removed_idle_ms * 1000,
        .arg = daemon,
    };

    return upstreams_start(&options, &daemon->upstreams);
}

static int on_change(void *arg, struct bootstrap *fresh, char *text)
{
    struct daemon *daemon = arg;
    const struct change_target target = {
        .bootstrap = daemon->bootstrap,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .upstreams = daemon->upstreams,
        .reporter = daemon->reporter,
        .stream = daemon->stream,
        .lookout = daemon->lookout,
    };
    struct config_error error;
    int failed = daemon->ending
                     ? -ESHUTDOWN
                     : change_make(&target, fresh, daemon->source->path, clock_us(), text, &error);

    if (failed)
        snprintf(text, RELOAD_TEXT_MAX, "%s", daemon->ending ? "loadtap is stopping" : error.text);
    arm(daemon);
    return failed;
}

static int start_reload(struct daemon *daemon)
{
    const struct reload_options options = {
        .base = daemon->base,
        .source = daemon->source,
        .bootstrap = daemon->bootstrap,
        .change = on_change,
        .now_us = clock_us,
        .wall_us = clock_wall_us,
        .arg = daemon,
    };

    daemon->reload = reload_new(&options);
    return daemon->reload ? 0 : -ENOMEM;
}

static void on_quit(void *arg)
{
    end(arg, "/quitquitquit");
}

static int on_reload_now(void *arg, char *text, size_t size)
{
    const struct daemon *daemon = arg;
    char what[RELOAD_TEXT_MAX] = "loadtap is stopping";
    int result = daemon->ending ? -ESHUTDOWN : reload_now(daemon->reload, what);

    snprintf(text, size, "%s", what);
    return result;
}

static int start_admin(struct daemon *daemon)
{
    const struct admin_options options = {
        .base = daemon->base,
        .bootstrap = daemon->bootstrap,
        .hosts = daemon->hosts,
        .tap = daemon->tap,
        .upstreams = &daemon->upstreams,
        .reporter = daemon->reporter,
        .lookout = daemon->lookout,
        .reload = &daemon->reload,
        .now_us = clock_us,
        .wall_us = clock_wall_us,
        .actions = {on_quit, on_reload_now, daemon},
    };

    daemon->admin = admin_new(&options);
    return daemon->admin ? 0 : -ENOMEM;
}

/* The service manager's patience begins when it is told. */
static int start_supervision(struct daemon *daemon)
{
    daemon->watchdog = watchdog_new(daemon->base);
    if (!daemon->watchdog)
        return -ENOMEM;
    notify_ready();
    return 0;
}

static int start(struct daemon *daemon)
{
    int result = start_loop(daemon);

    if (result)
        return result;
    daemon->hosts = hosts_new(&daemon->bootstrap->clusters);
    if (!daemon->hosts)
        return -ENOMEM;
    result = attach(daemon->bootstrap, daemon->hosts, &daemon->tap);
    if (!result)
        result = start_reporter(daemon);
    if (!result)
        result = start_lookout(daemon);
    if (!result)
        result = start_stream(daemon);
    if (!result)
        result = start_admin(daemon);
    if (!result)
        result = retreat(daemon->bootstrap, daemon->tap); /* nothing came from outside yet */
    if (!result)
        result = start_upstreams(daemon);
    if (!result)
        result = start_reload(daemon);
    return result ? result : start_supervision(daemon);
}

static void stop(struct daemon *daemon)
{
    admin_free(daemon->admin);
    reload_free(daemon->reload);
    report_stream_free(daemon->stream);
    upstreams_free(daemon->upstreams);
    reporter_free(daemon->reporter);
    lookout_free(daemon->lookout);
    tap_close(daemon->tap);
    hosts_free(daemon->hosts);
    if (daemon->timer)
        event_free(daemon->timer);
    signals_free(daemon->signals);
    watchdog_free(daemon->watchdog);
    if (daemon->base)
        event_base_free(daemon->base);
}

static int run(struct daemon *daemon)
{
    if (event_base_dispatch(daemon->base) < 0) {
        log_error("the event loop failed");
        return -EIO;
    }
    lookout_tell_bounds(daemon->lookout);
    return 0;
}

int daemon_run(struct bootstrap *bootstrap, const struct bootstrap_source *source)
{
    struct daemon daemon = {.bootstrap = bootstrap, .source = source};
    int result = start(&daemon);

    malloc_trim(0); /* what reading the configuration took */
    if (result)
        log_error("cannot start: %s", strerror(-result));
    else
        result = run(&daemon);
    retreat_tell_refused();
    stop(&daemon);
    return result;
}
