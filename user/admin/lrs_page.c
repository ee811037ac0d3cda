#include "admin/lrs_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "message/message_json.h"

/* --- the state -------------------------------------------------------------------------------- */

static json_t *since(const struct admin_view *view, uint64_t then_us)
{
    return then_us ? json_real((double)(view->now_us - then_us) / 1e6) : json_null();
}

static json_t *until(const struct admin_view *view, uint64_t then_us)
{
    if (then_us == UINT64_MAX)
        return json_null();
    return json_real(then_us > view->now_us ? (double)(then_us - view->now_us) / 1e6 : 0);
}

static json_t *counts_json(const struct reporter_counts *counts)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "streams",
        (json_int_t)counts->streams, "streams_failed", (json_int_t)counts->streams_failed,
        "streams_ended", (json_int_t)counts->streams_ended, "reports", (json_int_t)counts->reports,
        "messages", (json_int_t)counts->messages, "bytes", (json_int_t)counts->bytes,
        "reports_failed", (json_int_t)counts->reports_failed, "confirmations",
        (json_int_t)counts->confirmations, "unconfirmed_ends", (json_int_t)counts->unconfirmed_ends,
        "responses", (json_int_t)counts->responses, "responses_malformed",
        (json_int_t)counts->responses_malformed);
}

static json_t *asked_clusters(const struct admin_view *view)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < view->clusters->count; i++)
        if (reporter_reports(view->reporter, i))
            json_array_append_new(list, json_string(view->clusters->items[i].name));
    return list;
}

/* null before the first response. */
static json_t *response_json(const struct admin_view *view, const struct reporter_status *status)
{
    if (!status->wishes.known)
        return json_null();
    return json_pack("{s:o, s:f, s:b, s:b, s:o}", "age_seconds", since(view, status->response_us),
                     "load_reporting_interval_seconds", (double)status->wishes.interval_us / 1e6,
                     "report_endpoint_granularity", status->wishes.endpoints, "send_all_clusters",
                     status->wishes.send_all, "clusters", asked_clusters(view));
}

json_t *lrs_json(const struct admin_view *view)
{
    struct reporter_status status;
    bool is_up;

    reporter_status(view->reporter, &status);
    is_up = !strcmp(status.state, "connected") || !strcmp(status.state, "last report");
    return json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "management_server",
        view->lrs_target, "state", status.state, "stream", (json_int_t)status.stream, "report",
        (json_int_t)status.report, "confirmed", (json_int_t)status.confirmed, "up_seconds",
        is_up ? since(view, status.up_us) : json_null(), "down_seconds",
        is_up ? json_null() : since(view, status.down_us), "last_report_age_seconds",
        since(view, status.report_us), "last_confirmation_age_seconds",
        since(view, status.confirmed_us), is_up ? "next_report_seconds" : "next_attempt_seconds",
        until(view, status.due_us), "unsent_age_seconds", since(view, status.unsent_us),
        "last_response", response_json(view, &status), "counts", counts_json(&status.counts));
}

/* --- text: the same, a line each -------------------------------------------------------------- */

static void write_value(FILE *out, const char *name, const json_t *value);

static void write_members(FILE *out, const char *prefix, json_t *object)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char name[128];

        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
        write_value(out, name, value);
    }
}

static void write_value(FILE *out, const char *name, const json_t *value)
{
    size_t i;
    json_t *item;

    if (json_is_object(value)) {
        write_members(out, name, (json_t *)value);
        return;
    }
    fprintf(out, "%s:", name);
    if (json_is_string(value))
        fprintf(out, " %s", json_string_value(value));
    else if (json_is_integer(value))
        fprintf(out, " %" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        fprintf(out, " %.3f", json_real_value(value));
    else if (json_is_boolean(value))
        fprintf(out, " %s", json_is_true(value) ? "yes" : "no");
    else if (json_is_null(value))
        fprintf(out, " -");
    json_array_foreach(value, i, item) fprintf(out, " %s", json_string_value(item));
    fputc('\n', out);
}

char *lrs_text(const struct admin_view *view, size_t *length)
{
    json_t *object = lrs_json(view);
    char *text = NULL;
    FILE *out = object ? open_memstream(&text, length) : NULL;

    if (out) {
        write_members(out, "", object);
        if (ferror(out) | fclose(out)) {
            free(text);
            text = NULL;
        }
    }
    json_decref(object);
    return text;
}

/* --- the next report ---------------------------------------------------------------------------- */

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;

static bool has_cluster(const json_t *entry, const char *cluster)
{
    const char *name = json_string_value(json_object_get(entry, "cluster_name"));

    return name && !strcmp(name, cluster);
}

/* Leaves out of a request what is of other clusters. */
static void keep_cluster(json_t *request, const char *cluster)
{
    json_t *entries = json_object_get(request, "cluster_stats");

    for (size_t i = json_array_size(entries); i-- > 0;)
        if (!has_cluster(json_array_get(entries, i), cluster))
            json_array_remove(entries, i);
}

static json_t *request_json(const uint8_t *bytes, size_t length, const char *cluster)
{
    request_message *message =
        envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);
    size_t unknown = 0;
    json_t *request = message ? message_json(&message->base, NULL, &unknown) : NULL;

    if (message)
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(message, NULL);
    if (request && cluster)
        keep_cluster(request, cluster);
    return request;
}

json_t *lrs_next_json(const struct admin_view *view, const char *cluster)
{
    struct grpc_messages messages;
    const uint8_t *message;
    json_t *list;
    size_t at = 0, length;
    bool failed = false;

    if (reporter_look(view->reporter, view->now_us, &messages))
        return NULL;
    list = json_array();
    while ((message = grpc_messages_next(&messages, &at, &length)))
        failed |= json_array_append_new(list, request_json(message, length, cluster));
    grpc_messages_clear(&messages);
    if (!failed)
        return json_pack("{s:o}", "load_stats_requests", list);
    json_decref(list);
    return NULL;
}
