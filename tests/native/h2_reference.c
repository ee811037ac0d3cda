#include "h2_reference.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/types.h>
#include <nghttp2/nghttp2.h>

#include "abi.h"
#include "base/mem.h"
#include "h2_framing.h"
#include "h2_script.h"

#define SLICE 8192 /* bytes after which what nghttp2 would send is taken from it: window updates */
#define NO_LIMIT 0x7fffffff

/* Two sessions that overhear: one has the upstream's part and hears the proxy, one the proxy's. What
 * they say themselves is thrown away; both are told what the recorded side said in their place. */
struct overheard {
    struct reference *to;
    nghttp2_session *upstream, *proxy;
    int wrong, deaf;
    int upgraded;
    int known; /* SETTINGS of the proxy that its session has sent: an upgrade's, then as a frame */
    uint32_t opened;
    struct heard {
        int status, grpc_status, grpc, agent;
        uint32_t seen; /* bit by field_index() */
        char path[200], authority[200];
    } request, response;       /* the header blocks being read */
    struct framing framing[2]; /* by enum part_kind */
};

static struct heard *heard_by(struct overheard *o, const nghttp2_session *session)
{
    return session == o->upstream ? &o->request : &o->response;
}

static void wrong(struct overheard *o, const char *what, int code)
{
    if (!o->wrong)
        snprintf(o->to->problem, sizeof(o->to->problem), "%s: %s", what,
                 code < 0 ? nghttp2_strerror(code) : nghttp2_http2_strerror((uint32_t)code));
    o->wrong = 1;
}

/* --- header blocks ---------------------------------------------------------------------- */

static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    struct heard *h = heard_by(data, session);

    (void)frame;
    h->status = h->grpc_status = MODEL_NO_STATUS;
    h->grpc = h->agent = 0;
    h->seen = 0;
    h->path[0] = h->authority[0] = 0;
    return 0;
}

static int number(const char *text, size_t length, size_t most)
{
    int value = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || i == most)
            return MODEL_BAD_STATUS;
        value = value * 10 + text[i] - '0';
    }
    return length ? value : MODEL_BAD_STATUS;
}

static int is_grpc(const char *type, size_t length)
{
    static const char grpc[] = "application/grpc";
    const size_t n = sizeof(grpc) - 1;

    return length >= n && !memcmp(type, grpc, n) && (length == n || type[n] == '+');
}

static void keep(char *to, size_t room, const char *text, size_t length)
{
    if (length >= room)
        length = room - 1;
    for (size_t i = 0; i < length; i++)
        to[i] = text[i] ? text[i] : 1; /* nothing that is compared has a NUL in it */
    to[length] = 0;
}

/* Which of the fields that decide something it is, from 1; 0: none of them. */
static uint32_t field_index(const uint8_t *name, size_t length)
{
    static const char *const names[] = {":status",    "grpc-status", "content-type",
                                        "user-agent", ":path",       ":authority"};

    if (length == 4 && !memcmp(name, "host", 4))
        return 6;
    for (uint32_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == length && !memcmp(names[i], name, length))
            return i + 1;
    return 0;
}

static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                  size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
                  void *data)
{
    struct heard *h = heard_by(data, session);
    const char *text = (const char *)value;
    uint32_t field = field_index(name, name_length);

    (void)frame, (void)flags;
    switch (field) {
    case 1:
        h->status = length == 3 ? number(text, length, 3) : MODEL_BAD_STATUS;
        break;
    case 2:
        h->grpc_status = h->seen & 1 << 2 ? MODEL_BAD_STATUS : number(text, length, 4);
        break;
    case 3:
        h->grpc = is_grpc(text, length);
        break;
    case 4:
        h->agent = length == 8 && !memcmp(text, "Envoy/HC", 8);
        break;
    case 5:
        keep(h->path, sizeof(h->path), text, length);
        break;
    case 6:
        keep(h->authority, sizeof(h->authority), text, length);
        break;
    }
    if (field && field != 2 && h->seen & 1 << field)
        wrong(data, "twice the same field", NGHTTP2_ERR_HTTP_HEADER);
    h->seen |= 1 << field;
    return 0;
}

static int is_probe(const struct heard *h)
{
    for (int i = 0; i < PROBES_PER_SET; i++) {
        const struct probe *probe = &script_probes()->probe[i];

        if (probe->path_len && !strcmp(h->path, probe->path) &&
            (!probe->host_len || !strcmp(h->authority, probe->host)))
            return 1;
    }
    return h->agent;
}

/* --- frames ------------------------------------------------------------------------------- */

static void mirror_settings(struct overheard *o, nghttp2_session *speaker,
                            const nghttp2_settings *settings)
{
    int result;

    if (settings->hd.flags & NGHTTP2_FLAG_ACK)
        return;
    if (speaker == o->proxy && o->known) {
        o->known--;
        return;
    }
    result = nghttp2_submit_settings(speaker, 0, settings->iv, settings->niv);
    if (result)
        wrong(o, "SETTINGS", result);
}

static enum model_kind request_kind(const struct overheard *o)
{
    if (o->to->sound < o->to->from)
        return MODEL_UNSEEN;
    if (is_probe(&o->request))
        return MODEL_PROBE;
    return o->request.grpc ? MODEL_GRPC : MODEL_PLAIN;
}

/* A frame of the proxy. */
static int sent(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    struct overheard *o = data;
    uint32_t id = (uint32_t)frame->hd.stream_id;

    (void)session;
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        h2_model_request(&o->to->model, id, request_kind(o));
        break;
    case NGHTTP2_RST_STREAM:
        h2_model_reset(&o->to->model, id, MODEL_PROXY);
        break;
    case NGHTTP2_SETTINGS:
        mirror_settings(o, o->proxy, &frame->settings);
        break;
    }
    return 0;
}

/* So that the upstream's session knows of the stream, should the proxy reset it. It does not make the
 * promise if the proxy, on the other way, has reset the request. */
static void mirror_promise(struct overheard *o, const nghttp2_push_promise *promise)
{
    const nghttp2_nv nv = {(uint8_t *)"x", (uint8_t *)"", 1, 0, NGHTTP2_NV_FLAG_NO_INDEX};

    nghttp2_session_set_next_stream_id(o->upstream, promise->promised_stream_id);
    nghttp2_submit_push_promise(o->upstream, 0, promise->hd.stream_id, &nv, 1, NULL);
}

/* The proxy's session has all streams open from the start: it does not object to this. */
static int is_idle(const struct h2_model *m, uint32_t id)
{
    return id & 1 && (!m->count || id > m->streams[m->count - 1].id);
}

/* A frame of the upstream. */
static int received(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    struct overheard *o = data;
    struct h2_model *m = &o->to->model;
    uint32_t id = (uint32_t)frame->hd.stream_id;
    int ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

    (void)session;
    if (is_idle(m, id)) {
        wrong(o, "a frame of an idle stream", NGHTTP2_ERR_PROTO);
        return 0;
    }
    switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
        h2_model_response(m, id, o->response.status, o->response.grpc_status, ends);
        break;
    case NGHTTP2_DATA:
        if (ends)
            h2_model_data_end(m, id);
        break;
    case NGHTTP2_RST_STREAM:
        h2_model_reset(m, id, MODEL_UPSTREAM);
        break;
    case NGHTTP2_GOAWAY:
        h2_model_goaway(m, (uint32_t)frame->goaway.last_stream_id);
        break;
    case NGHTTP2_SETTINGS:
        mirror_settings(o, o->upstream, &frame->settings);
        break;
    case NGHTTP2_PUSH_PROMISE:
        mirror_promise(o, &frame->push_promise);
        break;
    }
    return 0;
}

/* What an overhearing session would object to. */
static int objects(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        wrong(data, "GOAWAY", (int)frame->goaway.error_code);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        wrong(data, "RST_STREAM", (int)frame->rst_stream.error_code);
    return 0;
}

static int invalid(nghttp2_session *session, const nghttp2_frame *frame, int code, void *data)
{
    char what[40];

    (void)session;
    snprintf(what, sizeof(what), "frame type %u, stream %d", frame->hd.type, frame->hd.stream_id);
    wrong(data, what, code);
    return 0;
}

static int explain(nghttp2_session *session, int code, const char *text, size_t length, void *data)
{
    (void)session, (void)length, (void)code;
    wrong(data, text, code);
    return 0;
}

/* --- the sessions ------------------------------------------------------------------------- */

static nghttp2_option *lenient(void)
{
    static nghttp2_option *option;

    if (option)
        return option;
    if (nghttp2_option_new(&option))
        abort();
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, NO_LIMIT);
    nghttp2_option_set_max_reserved_remote_streams(option, NO_LIMIT);
    nghttp2_option_set_max_outbound_ack(option, NO_LIMIT);
    nghttp2_option_set_stream_reset_rate_limit(option, NO_LIMIT, NO_LIMIT);
    nghttp2_option_set_max_continuations(option, NO_LIMIT);
    return option;
}

static nghttp2_session_callbacks *callbacks(int upstream)
{
    static nghttp2_session_callbacks *both[2];
    nghttp2_session_callbacks **made = &both[upstream];

    if (*made)
        return *made;
    if (nghttp2_session_callbacks_new(made))
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(*made, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(*made, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(*made, upstream ? sent : received);
    nghttp2_session_callbacks_set_on_frame_send_callback(*made, objects);
    nghttp2_session_callbacks_set_error_callback2(*made, explain);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(*made, invalid);
    return *made;
}

/* What it would send is nobody's. */
static void drain(struct overheard *o, nghttp2_session *session)
{
    const uint8_t *data;
    ssize_t n;

    do
        n = nghttp2_session_mem_send(session, &data);
    while (n > 0);
    if (n < 0)
        wrong(o, "sending", (int)n);
}

/* After a GOAWAY, and with no stream left, nghttp2 reads no more: what it would see is not known. From a
 * GOAWAY on it is given frames one by one, so that this is noticed. */
static void hear(struct overheard *o, enum part_kind kind, const uint8_t *data, size_t length)
{
    nghttp2_session *session = kind == PART_SENT ? o->upstream : o->proxy;
    const struct h2_model *m = &o->to->model;

    while (length && !o->wrong) {
        size_t n = framing_pass(&o->framing[kind], data, length < SLICE ? length : SLICE,
                                m->last == MODEL_NO_LAST ? NGHTTP2_GOAWAY : FRAMING_ANY);
        ssize_t read;

        if (!nghttp2_session_want_read(session)) {
            o->deaf = 1;
            break;
        }
        read = nghttp2_session_mem_recv(session, data, n);
        if (read != (ssize_t)n)
            wrong(o, "reading", read < 0 ? (int)read : NGHTTP2_ERR_PROTO);
        drain(o, o->upstream);
        drain(o, o->proxy);
        data += n, length -= n;
    }
}

/* The proxy's session asked for a stream. */
static void open_stream(struct overheard *o, uint32_t id)
{
    const nghttp2_nv nv = {(uint8_t *)"x", (uint8_t *)"", 1, 0, NGHTTP2_NV_FLAG_NO_INDEX};

    if (id <= o->opened || !(id & 1))
        return;
    o->opened = id;
    nghttp2_session_set_next_stream_id(o->proxy, (int32_t)id);
    nghttp2_submit_request(o->proxy, NULL, &nv, 1, NULL, NULL);
}

struct scan {
    size_t part, at;
};

/* Copies the next bytes of the proxy's; false: there are no more. */
static int scan_bytes(const struct record *r, struct scan *scan, size_t count, uint8_t *to)
{
    for (; scan->part < r->count; scan->part++, scan->at = 0) {
        const struct part *part = &r->parts[scan->part];
        size_t n = part->length - scan->at < count ? part->length - scan->at : count;

        if (part->kind != PART_SENT)
            continue;
        if (to) {
            memcpy(to, r->bytes.data + part->from + scan->at, n);
            to += n;
        }
        scan->at += n;
        count -= n;
        if (!count)
            return 1;
    }
    return 0;
}

/* The next frame's head and the first bytes of its payload. */
static int scan_frame(const struct record *r, struct scan *scan, uint8_t *head, uint8_t *payload,
                      size_t room)
{
    size_t length, kept;

    if (!scan_bytes(r, scan, FRAMING_HEAD, head))
        return 0;
    length = (size_t)head[0] << 16 | head[1] << 8 | head[2];
    kept = length < room ? length : room;
    return (!kept || scan_bytes(r, scan, kept, payload)) &&
           (length == kept || scan_bytes(r, scan, length - kept, NULL));
}

/* The HTTP/1 request is stream 1; the SETTINGS that came with it are those of the first frame. */
static void upgrade(struct overheard *o, const uint8_t *settings, size_t length)
{
    o->upgraded = 1;
    o->opened = 1;
    o->known = 2;
    if (nghttp2_session_upgrade2(o->proxy, settings, length, 0, NULL) ||
        nghttp2_session_upgrade2(o->upstream, settings, length, 0, NULL))
        wrong(o, "upgrade", NGHTTP2_ERR_PROTO);
}

/* All streams are open from the start: after a GOAWAY the proxy's session opens no more, but requests
 * that cross it may still be answered. */
static void open_streams(struct overheard *o, const struct record *r)
{
    struct scan scan = {0};
    uint8_t head[FRAMING_HEAD], settings[60];

    scan_bytes(r, &scan, r->http1[PART_SENT] + NGHTTP2_CLIENT_MAGIC_LEN, NULL);
    while (scan_frame(r, &scan, head, settings, sizeof(settings))) {
        uint32_t id = (head[5] & 0x7fu) << 24 | head[6] << 16 | head[7] << 8 | head[8];

        if (head[3] == NGHTTP2_HEADERS)
            open_stream(o, id);
        if (r->http1[PART_SENT] && !o->upgraded)
            upgrade(o, settings, head[2]);
    }
    drain(o, o->proxy);
}

static void begin(struct overheard *o, const struct record *r)
{
    if (nghttp2_session_server_new2(&o->upstream, callbacks(1), o, lenient()) ||
        nghttp2_session_client_new2(&o->proxy, callbacks(0), o, lenient()))
        abort();
    open_streams(o, r);
}

static void read_part(struct overheard *o, const struct record *r, size_t number)
{
    const struct part *part = &r->parts[number];
    size_t skip = number < 2 ? r->http1[part->kind] : 0;

    if (skip > part->length)
        skip = part->length; /* the record was cut short */
    if (skip && part->kind == PART_SENT)
        h2_model_request(&o->to->model, 1, MODEL_PLAIN);
    hear(o, part->kind, r->bytes.data + part->from + skip, part->length - skip);
    o->to->after[number] = (struct reference_point){
        .tally = o->to->model.tally,
        .between =
            framing_rests(&o->framing[PART_SENT]) && framing_rests(&o->framing[PART_RECEIVED]),
    };
}

void reference_read(struct reference *reference, const struct record *r)
{
    reference_read_from(reference, r, 0);
}

void reference_read_from(struct reference *reference, const struct record *r, size_t from)
{
    struct overheard o = {.to = reference, .framing[PART_SENT].left = NGHTTP2_CLIENT_MAGIC_LEN};

    if (r->count > reference->room) {
        reference->room = r->count * 2;
        reference->after = realloc(reference->after, reference->room * sizeof(*reference->after));
        if (!reference->after)
            abort();
    }
    h2_model_start(&reference->model);
    begin(&o, r);
    reference->sound = 0;
    reference->from = from;
    reference->problem[0] = 0;
    while (reference->sound < r->count) {
        read_part(&o, r, reference->sound);
        if (o.wrong || o.deaf)
            break;
        reference->sound++;
    }
    reference->streams = reference->model.count;
    h2_model_end(&reference->model, r->end == END_FIN ? MODEL_UPSTREAM : (enum model_cause)r->end);
    reference->end = reference->model.tally;
    nghttp2_session_del(o.upstream);
    nghttp2_session_del(o.proxy);
}

void reference_free(struct reference *reference)
{
    h2_model_free(&reference->model);
    free(reference->after);
    *reference = (struct reference){0};
}
