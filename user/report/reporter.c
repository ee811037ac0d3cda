#include "report/reporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "grpc/frame.h"
#include "report/report.h"
#include "report/reporter_state.h"

#define NEVER UINT64_MAX

#define LAST_AGAIN_US 20000 /* until a last report that could not be queued is tried again */

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
    reporter->wishes = wishes_new(options->clusters);
    if (reporter->window && reporter->wishes)
        return reporter;
    reporter_free(reporter);
    return NULL;
}

void reporter_free(struct reporter *reporter)
{
    if (!reporter)
        return;
    window_free(reporter->window);
    wishes_free(reporter->wishes);
    free(reporter);
}

uint64_t reporter_deadline(const struct reporter *reporter)
{
    uint64_t tell = wishes_tell_at(reporter->wishes);

    return tell < reporter->due && reporter->state != STATE_FINISHED ? tell : reporter->due;
}

/* --- sending -----------------------------------------------------------------------------------*/

static void log_report(const struct reporter *reporter, size_t clusters,
                       const struct window_load *sum)
{
    log_debug("report sent: stream=%" PRIu64 " report=%" PRIu64 " clusters=%zu issued=%" PRIu64
              " success=%" PRIu64 " error=%" PRIu64 " new_connections=%" PRIu64
              " failed_connections=%" PRIu64,
              reporter->stream, reporter->report, clusters, sum->issued, sum->success, sum->error,
              sum->new_connections, sum->failed_connections);
}

/* A mark has to come also where nothing is asked for any more: what was sent before is not confirmed
 * by anything else. */
static bool wants_mark(const struct reporter *reporter)
{
    if (window_awaits(reporter->window))
        return false;
    return window_set_size(reporter->window) > 0 || window_has_unconfirmed(reporter->window);
}

static int make_report(struct reporter *reporter, uint64_t now_us, struct grpc_messages *out,
                       struct window_load *sum)
{
    struct report report = {.node = reporter->options.node,
                            .clusters = reporter->options.clusters,
                            .hosts = reporter->options.hosts,
                            .window = reporter->window,
                            .now_us = now_us,
                            .message_max = reporter->options.message_max,
                            .expected = reporter->expected,
                            .endpoints = wishes_settings(reporter->wishes)->endpoints,
                            .emission = reporter->options.emission,
                            .is_last = reporter->state == STATE_LAST,
                            .omit_connections = reporter->options.omit_connections,
                            .error_bound = reporter->options.error_bound};
    int error = window_reserve(reporter->window);

    if (error)
        return error;
    window_look(reporter->window);
    return report_encode(&report, out, sum);
}

static void count_report(struct reporter *reporter, uint64_t now_us, size_t messages, size_t bytes)
{
    reporter->report += messages;
    reporter->report_us = now_us;
    reporter->expected = bytes + bytes / 8;
    reporter->counts.reports++;
    reporter->counts.messages += messages;
    reporter->counts.bytes += bytes;
}

/* Encodes and queues one report. On failure nothing has changed: the next one covers it. */
static int try_report(struct reporter *reporter, uint64_t now_us)
{
    bool mark = wants_mark(reporter);
    struct grpc_messages messages;
    struct window_load sum;
    int error = make_report(reporter, now_us, &messages, &sum);

    if (error)
        return error;
    size_t count = messages.count, bytes = messages.length - count * GRPC_FRAME_PREFIX;
    error = reporter->ops.send(reporter->arg, &messages, mark);
    if (error) {
        grpc_messages_clear(&messages);
        return error;
    }
    count_report(reporter, now_us, count, bytes);
    window_sent(reporter->window, now_us, mark);
    if (mark)
        reporter->marked = reporter->report;
    log_report(reporter, window_set_size(reporter->window), &sum);
    return 0;
}

static int send_report(struct reporter *reporter, uint64_t now_us)
{
    int error = try_report(reporter, now_us);

    if (error && !reporter->warned_send)
        log_warning("report not sent: stream=%" PRIu64 ": %s; the next one will cover its time",
                    reporter->stream, strerror(-error));
    reporter->warned_send |= error != 0;
    reporter->counts.reports_failed += error != 0;
    return error;
}

/* Envoy's timer is one-shot and armed anew after each report and response: no catching up. */
static void start_period(struct reporter *reporter, uint64_t now_us)
{
    reporter->due = now_us + wishes_settings(reporter->wishes)->interval_us;
}

/* A stream begins with a report on the old settings or, before there are any, with the node alone,
 * without which the server would not answer: that one is tried until it is queued. */
static void send_and_rearm(struct reporter *reporter, uint64_t now_us)
{
    int error = send_report(reporter, now_us);

    if (!error)
        wishes_start_period(reporter->wishes, reporter->window, now_us);
    if (wishes_settings(reporter->wishes)->known)
        start_period(reporter, now_us);
    else
        reporter->due = error ? now_us + WISHES_INTERVAL_UNSET_US : NEVER;
}

int reporter_look(struct reporter *reporter, uint64_t now_us, struct grpc_messages *out)
{
    struct window_load sum;

    return make_report(reporter, now_us, out, &sum);
}

/* --- the end -----------------------------------------------------------------------------------*/

static void log_unreported(void *arg, uint32_t cluster, const struct window_load *load)
{
    const struct reporter *reporter = arg;

    log_write_whole(LOG_LEVEL_INFO,
                    "not reported: cluster=%s issued=%" PRIu64 " success=%" PRIu64 " error=%" PRIu64
                    " new_connections=%" PRIu64 " failed_connections=%" PRIu64,
                    reporter->options.clusters->items[cluster].name, load->issued, load->success,
                    load->error, load->new_connections, load->failed_connections);
}

static bool all_confirmed(const struct reporter *reporter)
{
    return reporter->has_sent_last && !window_has_unconfirmed(reporter->window);
}

static void log_end(const struct reporter *reporter)
{
    if (!wishes_settings(reporter->wishes)->known)
        log_info("no last report: the management server never asked for one");
    else if (reporter->state == STATE_UP)
        log_info("no last report: the management server asks for none");
    else if (reporter->state != STATE_LAST)
        log_warning("no last report: there is no stream to the management server");
    else if (all_confirmed(reporter))
        log_info("last report: stream=%" PRIu64 " report=%" PRIu64 ", all is confirmed",
                 reporter->stream, reporter->report);
    else
        log_warning("last report: stream=%" PRIu64 " report=%" PRIu64 ", only %" PRIu64
                    " are confirmed: what follows may not have arrived",
                    reporter->stream, reporter->report, reporter->confirmed);
}

static void finish(struct reporter *reporter)
{
    log_end(reporter);
    window_unconfirmed(reporter->window, log_unreported, reporter);
    reporter->state = STATE_FINISHED;
    reporter->due = NEVER;
}

/* A report that goes out while a confirmation is awaited has no mark of its own: another one follows
 * that confirmation. */
static void go_on_finishing(struct reporter *reporter, uint64_t now_us)
{
    bool unmarked = !window_awaits(reporter->window) && !all_confirmed(reporter);

    reporter->due = reporter->give_up;
    if (now_us < reporter->give_up && (!reporter->has_sent_last || unmarked)) {
        if (send_report(reporter, now_us))
            reporter->due = now_us + LAST_AGAIN_US;
        else
            reporter->has_sent_last = true;
    }
    if (now_us >= reporter->give_up || all_confirmed(reporter))
        finish(reporter);
}

static bool has_a_last(const struct reporter *reporter)
{
    if (reporter->state != STATE_UP || !wishes_settings(reporter->wishes)->known)
        return false;
    return window_set_size(reporter->window) > 0 || window_has_unconfirmed(reporter->window);
}

void reporter_finish(struct reporter *reporter, uint64_t now_us)
{
    if (reporter->state == STATE_FINISHED)
        return;
    if (!has_a_last(reporter)) { /* LAST too */
        finish(reporter);
        return;
    }
    reporter->state = STATE_LAST;
    reporter->give_up = now_us + REPORTER_LAST_US;
    go_on_finishing(reporter, now_us);
}

bool reporter_finished(const struct reporter *reporter)
{
    return reporter->state == STATE_FINISHED;
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
    reporter->counts.streams++;
    reporter->up_us = now_us;
    reporter->worked = false;
    reporter->report = reporter->marked = reporter->confirmed = 0;
    reporter->warned_open = reporter->warned_send = false;
    log_info("stream up: stream=%" PRIu64, reporter->stream);
    send_and_rearm(reporter, now_us);
}

int reporter_response(struct reporter *reporter, uint64_t now_us, const uint8_t *bytes,
                      size_t length)
{
    int error;

    if (reporter->state != STATE_UP)
        return 0;
    error = window_reserve(reporter->window);
    if (!error)
        error = wishes_take(reporter->wishes, reporter->window, reporter->stream, now_us, bytes,
                            length);
    reporter->counts.responses_malformed += error == -EBADMSG;
    if (error)
        return error;
    reporter->counts.responses++;
    reporter->response_us = now_us;
    reporter->worked = true;
    start_period(reporter, now_us);
    return 0;
}

void reporter_confirmed(struct reporter *reporter, uint64_t now_us)
{
    if (window_awaits(reporter->window)) {
        reporter->counts.confirmations++;
        reporter->confirmed_us = now_us;
    }
    window_confirmed(reporter->window); /* not awaited: neither line changes anything */
    reporter->confirmed = reporter->marked;
    if (reporter->state == STATE_LAST)
        go_on_finishing(reporter, now_us);
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

    log_write_whole(LOG_LEVEL_INFO,
                    "sent again: stream=%" PRIu64 " reports=%" PRIu64 "-%" PRIu64
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

static void end_stream(struct reporter *reporter, uint64_t now_us)
{
    log_info("stream down: stream=%" PRIu64 " reports=%" PRIu64 " confirmed=%" PRIu64,
             reporter->stream, reporter->report, reporter->confirmed);
    reporter->counts.streams_ended++;
    if (reporter->state == STATE_LAST) {
        finish(reporter);
        return;
    }
    reporter->counts.unconfirmed_ends += window_has_unconfirmed(reporter->window);
    window_roll_back(reporter->window, log_again, reporter);
    note_unconfirmed(reporter);
    if (reporter->worked || now_us - reporter->up_us >= REPORTER_WORKED_US)
        backoff_reset(&reporter->backoff);
}

void reporter_stream_down(struct reporter *reporter, uint64_t now_us)
{
    if (reporter->state == STATE_OPENING) {
        reporter->counts.streams_failed++;
        log_not_opened(reporter);
    } else if (reporter->state == STATE_UP || reporter->state == STATE_LAST) {
        end_stream(reporter, now_us);
    } else {
        return;
    }
    reporter->down_us = now_us;
    if (reporter->state == STATE_FINISHED)
        return;
    reporter->state = STATE_WAITING;
    reporter->due = now_us + backoff_next(&reporter->backoff, now_us);
}

/* --- another configuration ---------------------------------------------------------------------*/

int reporter_reserve(struct reporter *reporter, size_t clusters)
{
    int error = window_reserve_clusters(reporter->window, clusters);

    return error ? error : wishes_reserve(reporter->wishes, clusters);
}

void reporter_clusters_changed(struct reporter *reporter)
{
    wishes_clusters_changed(reporter->wishes, reporter->window);
}

void reporter_forget(struct reporter *reporter, uint32_t cluster)
{
    wishes_forget(reporter->wishes, reporter->window, cluster);
}

void reporter_change(struct reporter *reporter, const struct reporter_options *options)
{
    reporter->options.node = options->node;
    reporter->options.omit_connections = options->omit_connections;
    reporter->options.error_bound = options->error_bound;
    reporter->options.emission = options->emission;
}

void reporter_renew_stream(struct reporter *reporter, uint64_t now_us)
{
    if (reporter->state == STATE_UP) {
        end_stream(reporter, now_us);
        reporter->down_us = now_us;
    } else if (reporter->state != STATE_OPENING && reporter->state != STATE_WAITING) {
        return;
    }
    backoff_reset(&reporter->backoff);
    reporter->state = STATE_WAITING;
    reporter->due = now_us;
}

bool reporter_owes(const struct reporter *reporter, uint32_t slot)
{
    return window_owes(reporter->window, hosts_at(reporter->options.hosts, slot));
}

void reporter_run(struct reporter *reporter, uint64_t now_us)
{
    wishes_tell(reporter->wishes, reporter->window, now_us);
    if (now_us < reporter->due)
        return;
    if (reporter->state == STATE_WAITING)
        open_stream(reporter);
    else if (reporter->state == STATE_LAST)
        go_on_finishing(reporter, now_us);
    else
        send_and_rearm(reporter, now_us);
}
