#include "h2_model.h"

#include <stdlib.h>

void h2_model_start(struct h2_model *m)
{
    m->tally = (struct model_tally){0};
    m->count = 0;
    m->last = MODEL_NO_LAST;
}

void h2_model_free(struct h2_model *m)
{
    free(m->streams);
    *m = (struct h2_model){0};
}

static struct model_stream *find(struct h2_model *m, uint32_t id)
{
    size_t low = 0, high = m->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (m->streams[middle].id == id)
            return m->streams[middle].ended ? NULL : &m->streams[middle];
        if (m->streams[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int is_counted(const struct model_stream *s)
{
    return s->kind <= MODEL_GRPC;
}

/* The stream's result, once. */
static void decide(struct model_stream *s, uint32_t *counter)
{
    if (s->decided)
        return;
    s->decided = 1;
    if (is_counted(s))
        (*counter)++;
}

static void finish(struct h2_model *m, struct model_stream *s)
{
    s->ended = 1;
    if (is_counted(s))
        m->tally.finished++;
}

/* Ends a stream that has no result, or has it already. */
static void cut_off(struct h2_model *m, struct model_stream *s, enum model_cause cause)
{
    if (cause == MODEL_PROXY || (cause == MODEL_UPSTREAM && s->interim && !s->answered))
        decide(s, &m->tally.no_result);
    else
        decide(s, cause == MODEL_UPSTREAM ? &m->tally.error : &m->tally.unclassified);
    finish(m, s);
}

int h2_model_request(struct h2_model *m, uint32_t id, enum model_kind kind)
{
    struct model_stream *s;

    if (m->count && m->streams[m->count - 1].id >= id)
        return -1;
    if (m->count == m->room) {
        m->room = m->room * 2 + 16;
        m->streams = realloc(m->streams, m->room * sizeof(*m->streams));
        if (!m->streams)
            abort();
    }
    s = &m->streams[m->count++];
    *s = (struct model_stream){.id = id, .kind = (uint8_t)kind};
    if (kind == MODEL_PROBE)
        m->tally.probes++;
    m->tally.issued += is_counted(s);
    if (id > m->last) /* it crossed the GOAWAY that refuses it */
        cut_off(m, s, MODEL_UPSTREAM);
    return 0;
}

/* 5xx, or no status of a response at all: 101 is none in HTTP/2, and a 1xx ends no stream. */
static int is_error(int status)
{
    return status < 200 || (status >= 500 && status < 600);
}

/* Of trailers, or of a head that is all there is. */
static void decide_grpc(struct h2_model *m, struct model_stream *s, int grpc_status)
{
    const uint32_t errors = 1 << 2 | 1 << 4 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15;
    int good = grpc_status >= 0 && grpc_status <= 16 && !(errors >> grpc_status & 1);

    decide(s, good ? &m->tally.success : &m->tally.error);
}

void h2_model_response(struct h2_model *m, uint32_t id, int status, int grpc_status, int ends)
{
    struct model_stream *s = find(m, id);

    if (!s)
        return;
    if (!s->answered && status >= 100 && status < 200 && status != 101 && !ends) {
        s->interim = 1;
        return;
    }
    if (!s->answered && is_error(status))
        decide(s, &m->tally.error);
    else if (!s->answered && s->kind != MODEL_GRPC)
        decide(s, &m->tally.success);
    s->answered = 1;
    if (!ends)
        return;
    decide_grpc(m, s, grpc_status);
    finish(m, s);
}

void h2_model_data_end(struct h2_model *m, uint32_t id)
{
    struct model_stream *s = find(m, id);

    if (!s)
        return;
    decide(s, &m->tally.error); /* a call without trailers */
    finish(m, s);
}

void h2_model_reset(struct h2_model *m, uint32_t id, enum model_cause who)
{
    struct model_stream *s = find(m, id);

    if (s)
        cut_off(m, s, who);
}

void h2_model_goaway(struct h2_model *m, uint32_t last)
{
    m->last = last;
    for (size_t i = m->count; i && m->streams[i - 1].id > last; i--)
        if (!m->streams[i - 1].ended)
            cut_off(m, &m->streams[i - 1], MODEL_UPSTREAM);
}

void h2_model_end(struct h2_model *m, enum model_cause cause)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->streams[i].ended)
            cut_off(m, &m->streams[i], cause);
}
