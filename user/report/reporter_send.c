/* Makes a report, and hands it to the stream. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "grpc/frame.h"
#include "report/report.h"
#include "report/reporter_state.h"

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

int reporter_send_report(struct reporter *reporter, uint64_t now_us)
{
    int error = try_report(reporter, now_us);

    if (error && !reporter->warned_send)
        log_warning("report not sent: stream=%" PRIu64 ": %s; the next one will cover its time",
                    reporter->stream,
                    error == -EAGAIN ? "the management server has not taken the one before yet"
                                     : strerror(-error));
    reporter->warned_send |= error != 0;
    reporter->counts.reports_failed += error != 0;
    return error;
}

int reporter_look(struct reporter *reporter, uint64_t now_us, struct grpc_messages *out)
{
    struct window_load sum;

    return make_report(reporter, now_us, out, &sum);
}
