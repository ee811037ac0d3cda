#include "collector/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/mem.h"
#include "message/message_json.h"

void output_begin(struct output *output, FILE *file)
{
    sink_begin(&output->sink, file);
}

void output_ends_with(struct output *output, int end)
{
    output->sink.end = end;
}

/* Takes over `line`. */
static int write_line(struct output *output, json_t *line)
{
    autofree char *text = json_dumps(line, JSON_COMPACT);
    size_t length;

    json_decref(line);
    if (!text)
        return -ENOMEM;
    length = strlen(text);
    text[length++] = '\n'; /* in the place of the NUL, so that the line is one write */
    return sink_line(&output->sink, text, length);
}

static void wall_time_text(const struct timespec *time, char *out, size_t size)
{
    struct tm utc;
    char seconds[32];

    gmtime_r(&time->tv_sec, &utc);
    strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, size, "%s.%06ldZ", seconds, time->tv_nsec / 1000);
}

/* NULL: out of memory. */
static json_t *origin_json(const struct origin *origin)
{
    json_t *object =
        json_pack("{s:s, s:I}", "run", origin->run, "stream", (json_int_t)origin->stream);
    json_t *resent;

    if (!object || !origin->resent_stream)
        return object;
    resent = json_pack("{s:I, s:I}", "stream", (json_int_t)origin->resent_stream, "report",
                       (json_int_t)origin->resent_report);
    if (!json_object_set_new(object, "resent", resent))
        return object;
    json_decref(object);
    return NULL;
}

/* All but the request. NULL: out of memory. */
static json_t *envelope_json(const struct output_request *line, bool has_node, size_t unknown)
{
    char received[64];
    json_t *object;

    wall_time_text(&line->received, received, sizeof(received));
    object = json_pack("{s:s, s:s, s:I, s:I}", "received", received, "peer", line->peer, "stream",
                       (json_int_t)line->stream, "message", (json_int_t)line->message);
    if ((*line->origin->run && json_object_set_new(object, "origin", origin_json(line->origin))) ||
        (line->node_id && !has_node &&
         json_object_set_new(
             object, "node",
             json_pack("{s:s, s:s}", "id", line->node_id, "cluster", line->node_cluster))) ||
        (unknown > 0 &&
         json_object_set_new(object, "unknown_fields", json_integer((json_int_t)unknown)))) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int output_request(struct output *output, const struct output_request *line)
{
    size_t unknown = 0;
    json_t *request = message_json(line->request, NULL, &unknown), *object;
    bool has_node = json_object_get(request, "node");

    if (!request)
        return -ENOMEM;
    object = envelope_json(line, has_node, unknown);
    if (json_object_set_new(object, "request", request)) {
        json_decref(object);
        return -ENOMEM;
    }
    return write_line(output, object);
}

static json_int_t bounded(uint64_t count)
{
    return count > INT64_MAX ? INT64_MAX : (json_int_t)count;
}

int output_sums(struct output *output, const struct sums_row *row)
{
    json_t *who, *counts, *gauges;

    who = row->rest ? json_pack("{s:b}", "rest", 1)
                    : json_pack("{s:{s:s, s:s}, s:s}", "node", "id", row->node_id, "cluster",
                                row->node_cluster, "cluster", row->cluster);
    counts = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "reports", bounded(row->reports),
                       "issued", bounded(row->issued), "success", bounded(row->success), "error",
                       bounded(row->error), "dropped", bounded(row->dropped), "new_connections",
                       bounded(row->new_connections), "failed_connections",
                       bounded(row->failed_connections));
    gauges = row->rest ? json_object()
                       : json_pack("{s:I, s:I}", "in_progress", bounded(row->in_progress),
                                   "active_connections", bounded(row->active_connections));
    if (json_object_update(who, counts) || json_object_update(who, gauges)) {
        json_decref(who);
        who = NULL;
    }
    json_decref(counts);
    json_decref(gauges);
    return who ? write_line(output, json_pack("{s:o}", "sums", who)) : -ENOMEM;
}
