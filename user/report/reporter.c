#include "report/reporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "report/backoff.h"
#include "report/naming.h"
#include "report/report.h"
#include "report/response.h"
#include "report/window.h"

#define NEVER UINT64_MAX

/*
 *            start                     stream_up
 *   IDLE ------------> OPENING --------------------------> UP
 *                       ^   |                              |  ^
 *    backoff, open_stream   | stream_down      stream_down |  | response, confirmed, due: report
 *                       |   v                              |  +--
 *                      WAITING <---------------------------+
 *
 * `due` is, while WAITING, the next attempt; while UP, the next report (NEVER before the first
 * response, unless the node message could not be queued yet).
 *
 * What outlives a stream: the settings of the last response, and the window, which holds the set of
 * clusters with their interval starts and counts. */
enum state {
    STATE_IDLE,
    STATE_OPENING,
    STATE_UP,
    STATE_WAITING,
};

struct settings {
    uint64_t interval_us;
    bool endpoints;
    bool send_all;
};

struct reporter {
    struct reporter_options options;
    struct reporter_ops ops;
    void *arg;

    enum state state;
    uint64_t due;
    bool has_settings; /* a response was received, on whatever stream */
    struct settings settings;
    struct window *window;

    struct backoff backoff;
    uint64_t up_us; /* when the live or last stream came up */
    bool worked;    /* it had a response */

    uint64_t stream;          /* number of the live or last stream */
    uint64_t report;          /* number of the last message queued on it */
    uint64_t marked;          /* the message whose confirmation is awaited */
    uint64_t confirmed;       /* all up to this one arrived */
    struct delivery delivery; /* of the live or last stream; of the next, what it sends again */

    struct naming *naming;

    uint64_t settings_logged_us; /* when settings were last told at info */
    bool warned_interval;
    bool warned_send; /* since the last message queued */
    bool warned_open; /* since the last stream */
};

static const struct response_limits limits = {.min_us = REPORTER_INTERVAL_MIN_US,
                                              .max_us = REPORTER_INTERVAL_MAX_US,
                                              .unset_us = REPORTER_INTERVAL_UNSET_US};

struct reporter *reporter_new(const struct reporter_options *options,
                              const struct reporter_ops *ops, void *arg)
{
    struct reporter *reporter = calloc(1, sizeof(*reporter));

    if (!reporter)
        return NULL;
    reporter->options = *options;
    reporter->ops = *ops;
    reporter->arg = arg;
    reporter->due = NEVER;
    reporter->backoff.random = options->random;
    reporter->delivery.run = options->run;
    reporter->window = window_new(options->clusters, options->hosts, ops->read, arg);
    reporter->naming = naming_new(options->clusters);
    if (reporter->window && reporter->naming)
        return reporter;
    reporter_free(reporter);
    return NULL;
}

void reporter_free(struct reporter *reporter)
{
    if (!reporter)
        return;
    window_free(reporter->window);
    naming_free(reporter->naming);
    free(reporter);
}

uint64_t reporter_deadline(const struct reporter *reporter)
{
    return reporter->due;
}

/* --- sending -----------------------------------------------------------------------------------*/

static size_t set_size(const struct reporter *reporter)
{
    size_t size = 0;

    for (size_t i = 0; i < reporter->options.clusters->count; i++)
        size += window_has(reporter->window, (uint32_t)i);
    return size;
}

static void log_report(const struct reporter *reporter, size_t clusters,
                       const struct window_load *sum)
{
    log_debug("report sent: stream=%" PRIu64 " report=%" PRIu64 " clusters=%zu issued=%" PRIu64
              " success=%" PRIu64 " error=%" PRIu64 " new_connections=%" PRIu64
              " failed_connections=%" PRIu64,
              reporter->stream, reporter->report, clusters, sum->issued, sum->success, sum->error,
              sum->new_connections, sum->failed_connections);
}

/* Encodes and queues one report. On failure nothing has changed: the next one covers it. */
static int try_report(struct reporter *reporter, uint64_t now_us)
{
    size_t clusters = set_size(reporter), length = 0;
    bool mark = clusters && !window_awaits(reporter->window);
    struct report report = {.node = reporter->options.node,
                            .clusters = reporter->options.clusters,
                            .hosts = reporter->options.hosts,
                            .window = reporter->window,
                            .now_us = now_us,
                            .endpoints = reporter->settings.endpoints,
                            .omit_connections = reporter->options.omit_connections,
                            .error_bound = reporter->options.error_bound};
    autofree uint8_t *message = NULL;
    struct window_load sum;
    int error;

    error = window_reserve(reporter->window);
    if (error)
        return error;
    window_look(reporter->window);
    error = report_encode(&report, &message, &length, &sum);
    if (error)
        return error;
    error = reporter->ops.send(reporter->arg, message, length, mark);
    if (error)
        return error;
    window_sent(reporter->window, now_us, mark);
    reporter->report++;
    if (mark)
        reporter->marked = reporter->report;
    log_report(reporter, clusters, &sum);
    return 0;
}

static int send_report(struct reporter *reporter, uint64_t now_us)
{
    int error = try_report(reporter, now_us);

    if (error && !reporter->warned_send)
        log_warning("report not sent: stream=%" PRIu64 ": %s; the next one will cover its time",
                    reporter->stream, strerror(-error));
    reporter->warned_send = error != 0;
    return error;
}

/* Envoy's timer is one-shot and armed anew after each report and response: no catching up. */
static void start_period(struct reporter *reporter, uint64_t now_us)
{
    reporter->due = now_us + reporter->settings.interval_us;
}

/* A stream begins with a report on the old settings or, before there are any, with the node alone,
 * without which the server would not answer: that one is tried until it is queued. */
static void send_and_rearm(struct reporter *reporter, uint64_t now_us)
{
    int error = send_report(reporter, now_us);

    if (reporter->has_settings)
        start_period(reporter, now_us);
    else
        reporter->due = error ? now_us + limits.unset_us : NEVER;
}

/* --- settings ----------------------------------------------------------------------------------*/

/* Envoy's start of a period: a cluster that stays in the set keeps its interval and counts, one
 * that is new to it starts now. Returns whether the set changed. */
static bool change_set(struct reporter *reporter, uint64_t now_us)
{
    bool changed = false;

    for (size_t i = 0; i < reporter->options.clusters->count; i++) {
        uint32_t cluster = (uint32_t)i;
        bool wanted = naming_wants(reporter->naming, cluster);

        if (wanted == window_has(reporter->window, cluster))
            continue;
        changed = true;
        if (wanted)
            window_adopt(reporter->window, cluster, now_us);
        else
            window_drop(reporter->window, cluster);
    }
    return changed;
}

static void log_interval(struct reporter *reporter, const struct response *response)
{
    if (!response->interval_clamped || reporter->warned_interval)
        return;
    reporter->warned_interval = true;
    log_warning("load_reporting_interval of %" PRId64 " s %" PRId32
                " ns is not usable: taking %" PRIu64 " ms (not said again)",
                response->asked_seconds, response->asked_nanos, response->interval_us / 1000);
}

/* At most once a second at info, however often the server changes its mind. */
static void log_settings(struct reporter *reporter, uint64_t now_us, size_t unmatched,
                         const char *unknown)
{
    bool often = reporter->settings_logged_us && now_us - reporter->settings_logged_us < 1000000;
    enum log_level level = often ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
    const struct settings *settings = &reporter->settings;

    if (!often)
        reporter->settings_logged_us = now_us;
    log_write(level,
              "load reporting: stream=%" PRIu64 " clusters=%zu interval_ms=%" PRIu64
              " send_all=%d endpoints=%d",
              reporter->stream, set_size(reporter), settings->interval_us / 1000,
              settings->send_all, settings->endpoints);
    if (unmatched)
        log_write(level, "load reporting: %zu names match no cluster here, such as '%.128s'",
                  unmatched, unknown);
}

int reporter_response(struct reporter *reporter, uint64_t now_us, const uint8_t *bytes,
                      size_t length)
{
    struct settings before = reporter->settings;
    struct response response;
    const char *unknown = NULL;
    size_t unmatched;
    bool changed;
    int error;

    if (reporter->state != STATE_UP)
        return 0;
    error = window_reserve(reporter->window);
    if (error)
        return error;
    error = response_parse(bytes, length, &limits, &response);
    if (error) {
        log_warning("stream=%" PRIu64 ": a message of %zu bytes is not a LoadStatsResponse",
                    reporter->stream, length);
        return error;
    }
    unmatched = naming_apply(reporter->naming, &response, &unknown);
    changed = change_set(reporter, now_us) || !reporter->has_settings;
    if (!reporter->has_settings)
        log_info("load reporting begins: what was counted before this first response is discarded, "
                 "as Envoy does");
    reporter->has_settings = reporter->worked = true;
    reporter->settings = (struct settings){.interval_us = response.interval_us,
                                           .endpoints = response.endpoints,
                                           .send_all = response.send_all};
    changed |= before.interval_us != response.interval_us ||
               before.endpoints != response.endpoints || before.send_all != response.send_all;
    log_interval(reporter, &response);
    if (changed)
        log_settings(reporter, now_us, unmatched, unknown);
    response_clear(&response);
    start_period(reporter, now_us);
    return 0;
}

/* --- streams -----------------------------------------------------------------------------------*/

/* The last step of its callers: the op may report the failure from within. */
static void open_stream(struct reporter *reporter)
{
    reporter->state = STATE_OPENING;
    reporter->due = NEVER;
    reporter->delivery.stream = reporter->stream + 1;
    reporter->ops.open_stream(reporter->arg, &reporter->delivery);
}

void reporter_start(struct reporter *reporter, uint64_t now_us)
{
    (void)now_us;
    if (reporter->state == STATE_IDLE)
        open_stream(reporter);
}

void reporter_stream_up(struct reporter *reporter, uint64_t now_us)
{
    if (reporter->state != STATE_OPENING)
        return;
    reporter->state = STATE_UP;
    reporter->stream++;
    reporter->up_us = now_us;
    reporter->worked = false;
    reporter->report = reporter->marked = reporter->confirmed = 0;
    reporter->warned_open = reporter->warned_send = false;
    log_info("stream up: stream=%" PRIu64, reporter->stream);
    send_and_rearm(reporter, now_us);
}

void reporter_confirmed(struct reporter *reporter, uint64_t now_us)
{
    (void)now_us;
    window_confirmed(reporter->window); /* not awaited: neither line changes anything */
    reporter->confirmed = reporter->marked;
}

/* What the next stream sends again: from the first report on that is not confirmed, be it of this
 * stream or, where this one has confirmed none, of one before. */
static void note_unconfirmed(struct reporter *reporter)
{
    struct delivery *delivery = &reporter->delivery;

    if (reporter->confirmed)
        delivery->resent_stream = delivery->resent_report = 0;
    if (delivery->resent_stream || reporter->confirmed == reporter->report)
        return;
    delivery->resent_stream = reporter->stream;
    delivery->resent_report = reporter->confirmed + 1;
}

static void log_again(void *arg, uint32_t cluster, const struct window_load *load)
{
    const struct reporter *reporter = arg;

    log_info("sent again: stream=%" PRIu64 " reports=%" PRIu64 "-%" PRIu64
             " cluster=%s issued=%" PRIu64 " success=%" PRIu64 " error=%" PRIu64
             " new_connections=%" PRIu64 " failed_connections=%" PRIu64,
             reporter->stream, reporter->confirmed + 1, reporter->report,
             reporter->options.clusters->items[cluster].name, load->issued, load->success,
             load->error, load->new_connections, load->failed_connections);
}

static void log_not_opened(struct reporter *reporter)
{
    log_write(reporter->warned_open ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
              "no stream to the management server; trying every %llu s, after %llu s less often",
              BACKOFF_STEADY_US / 1000000, BACKOFF_STEADY_UNTIL_US / 1000000);
    reporter->warned_open = true;
}

void reporter_stream_down(struct reporter *reporter, uint64_t now_us)
{
    if (reporter->state != STATE_OPENING && reporter->state != STATE_UP)
        return;
    if (reporter->state == STATE_OPENING) {
        log_not_opened(reporter);
    } else {
        log_info("stream down: stream=%" PRIu64 " reports=%" PRIu64 " confirmed=%" PRIu64,
                 reporter->stream, reporter->report, reporter->confirmed);
        window_roll_back(reporter->window, log_again, reporter);
        note_unconfirmed(reporter);
        if (reporter->worked || now_us - reporter->up_us >= REPORTER_WORKED_US)
            backoff_reset(&reporter->backoff);
    }
    reporter->state = STATE_WAITING;
    reporter->due = now_us + backoff_next(&reporter->backoff, now_us);
}

bool reporter_owes(const struct reporter *reporter, uint32_t slot)
{
    return window_owes(reporter->window, hosts_at(reporter->options.hosts, slot));
}

void reporter_run(struct reporter *reporter, uint64_t now_us)
{
    if (now_us < reporter->due)
        return;
    if (reporter->state == STATE_WAITING)
        open_stream(reporter);
    else
        send_and_rearm(reporter, now_us);
}
