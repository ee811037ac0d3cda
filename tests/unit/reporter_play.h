/* A scripted management server for tests of the reporter, and what it was told. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model.h"

#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "report/reporter.h"
#include "report/wishes.h"

#define SECOND 1000000ULL

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request;
typedef Envoy__Service__LoadStats__V3__LoadStatsResponse response;
typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;

static struct hosts *hosts;
static struct reporter *reporter;
static Envoy__Config__Core__V3__Node node;
static uint32_t apple, apple2, berry, plain;
static uint64_t now;

/* --- the other side --- */
static unsigned opened, sent;
static bool last_mark;
static struct delivery told; /* of the last stream that was opened */
static int send_error;
static size_t message_max = PACKING_MAX;
static enum emission_rules emission;
static bool open_fails_at_once;
static request *last;            /* last message sent */
static uint64_t received_issued; /* by all messages, all clusters */
static void (*overhear)(void); /* called for each message sent, which is `last` then; NULL: none */

static inline uint64_t issued_in(const request *message)
{
    uint64_t issued = 0;

    for (size_t i = 0; i < message->n_cluster_stats; i++)
        for (size_t j = 0; j < message->cluster_stats[i]->n_upstream_locality_stats; j++)
            issued += message->cluster_stats[i]->upstream_locality_stats[j]->total_issued_requests;
    return issued;
}

static inline void open_stream(void *arg, const struct delivery *delivery)
{
    (void)arg;
    told = *delivery;
    opened++;
    if (open_fails_at_once)
        reporter_stream_down(reporter, now);
}

static inline void take_message(const uint8_t *message, size_t length)
{
    if (last)
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(last, NULL);
    last = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, message);
    assert_non_null(last);
    assert_string_equal(last->node->id, "here"); /* in every message */
    received_issued += issued_in(last);
    sent++;
    if (overhear)
        overhear();
}

static inline int take_report(void *arg, struct grpc_messages *messages, bool mark)
{
    const uint8_t *message;
    size_t at = 0, length;

    (void)arg;
    if (send_error)
        return send_error;
    while ((message = grpc_messages_next(messages, &at, &length)))
        take_message(message, length);
    grpc_messages_clear(messages);
    last_mark = mark;
    return 0;
}

/* --- the log, instead of base/log.c --- */
static char log_text[1 << 20];

static void take_line(enum log_level level, const char *format, va_list args)
{
    static const char *const names[] = {"trace", "debug", "info", "warning"};
    size_t used = strlen(log_text);

    assert_in_range(level, LOG_LEVEL_TRACE, LOG_LEVEL_WARNING);
    used += (size_t)snprintf(log_text + used, sizeof(log_text) - used, "%s ", names[level]);
    used += (size_t)vsnprintf(log_text + used, sizeof(log_text) - used, format, args);
    assert_in_range(used, 0, sizeof(log_text) - 2);
    strcat(log_text, "\n");
}

void log_write(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    take_line(level, format, args);
    va_end(args);
}

void log_write_whole(enum log_level level, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    take_line(level, format, args);
    va_end(args);
}

static inline unsigned logged(const char *part)
{
    unsigned times = 0;

    for (const char *at = log_text; (at = strstr(at, part)); at += strlen(part))
        times++;
    return times;
}

static inline int set_up(void **state)
{
    static const struct reporter_ops ops = {
        .open_stream = open_stream, .send = take_report, .read = model_read};

    (void)state;
    memset(rows, 0, sizeof(rows));
    log_text[0] = '\0';
    opened = sent = 0;
    received_issued = 0;
    last = NULL;
    send_error = 0;
    open_fails_at_once = false;
    overhear = NULL;
    now = 1000 * SECOND;
    hosts = hosts_new(&model);
    apple = model_add(hosts, APPLE, 0, 1);
    apple2 = model_add(hosts, APPLE, 1, 2);
    berry = model_add(hosts, BERRY, 0, 3);
    plain = model_add(hosts, PLAIN, 0, 4);
    envoy__config__core__v3__node__init(&node);
    node.id = "here";
    reporter = reporter_new(&(struct reporter_options){.node = &node,
                                                       .clusters = &model,
                                                       .hosts = hosts,
                                                       .message_max = message_max,
                                                       .emission = emission,
                                                       .run = 77},
                            &ops, NULL);
    return reporter ? 0 : -1;
}

static inline int tear_down(void **state)
{
    (void)state;
    if (last)
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(last, NULL);
    reporter_free(reporter);
    hosts_free(hosts);
    return 0;
}

/* --- the script's verbs --- */
static inline void up(void)
{
    reporter_stream_up(reporter, now);
}

static inline void down(void)
{
    reporter_stream_down(reporter, now);
}

/* Lets time pass and runs the reporter whenever it asked for it. */
static inline void pass(uint64_t us)
{
    uint64_t end = now + us;

    for (uint64_t due; (due = reporter_deadline(reporter)) <= end;) {
        now = due;
        reporter_run(reporter, now);
        assert_true(reporter_deadline(reporter) > now); /* never a busy loop */
    }
    now = end;
}

struct wish {
    const char *clusters[4];
    int64_t seconds;
    int32_t nanos;
    bool endpoints, send_all;
};

static inline void respond(struct wish wish)
{
    Google__Protobuf__Duration interval = GOOGLE__PROTOBUF__DURATION__INIT;
    response message = ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_RESPONSE__INIT;
    uint8_t bytes[512];
    size_t length;

    interval.seconds = wish.seconds;
    interval.nanos = wish.nanos;
    message.load_reporting_interval = &interval;
    message.clusters = (char **)wish.clusters;
    while (message.n_clusters < 4 && wish.clusters[message.n_clusters])
        message.n_clusters++;
    message.report_endpoint_granularity = wish.endpoints;
    message.send_all_clusters = wish.send_all;
    length = envoy__service__load_stats__v3__load_stats_response__pack(&message, bytes);
    assert_int_equal(reporter_response(reporter, now, bytes, length), 0);
}

static inline void begin(struct wish wish)
{
    reporter_start(reporter, now);
    up();
    respond(wish);
}

/* --- what the last message said --- */
static inline const cluster_stats *stats_of(const char *name)
{
    for (size_t i = 0; i < last->n_cluster_stats; i++)
        if (!strcmp(last->cluster_stats[i]->cluster_name, name))
            return last->cluster_stats[i];
    return NULL;
}

static struct {
    uint64_t issued, success, error, in_progress;
} sums;

static inline void add_up(const char *name)
{
    const cluster_stats *stats = stats_of(name);

    assert_non_null(stats);
    memset(&sums, 0, sizeof(sums));
    for (size_t i = 0; i < stats->n_upstream_locality_stats; i++) {
        sums.issued += stats->upstream_locality_stats[i]->total_issued_requests;
        sums.success += stats->upstream_locality_stats[i]->total_successful_requests;
        sums.error += stats->upstream_locality_stats[i]->total_error_requests;
        sums.in_progress += stats->upstream_locality_stats[i]->total_requests_in_progress;
    }
}

static inline uint64_t issued(const char *name)
{
    add_up(name);
    return sums.issued;
}

static inline uint64_t interval_us(const char *name)
{
    const cluster_stats *stats = stats_of(name);

    assert_non_null(stats);
    return (uint64_t)stats->load_report_interval->seconds * SECOND +
           (uint64_t)stats->load_report_interval->nanos / 1000;
}

#define APPLE_EVERY_2S ((struct wish){.clusters = {"apple"}, .seconds = 2})
