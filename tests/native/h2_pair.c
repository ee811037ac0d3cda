#include "h2_pair.h"

#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "h2_messages.h"

#define OPEN_MAX 64
#define TEXT_ROOM (1 << 17)

/* A stream as the server knows it. */
struct call {
    int32_t id;
    int grpc, answered;
    int promising; /* or reset by the client: never both, since ids of such promises are unknown */
};

struct pair {
    struct choices *c;
    struct record *record;
    nghttp2_session *client, *server;
    struct bytes to_server, to_client; /* on the way */
    struct call open[OPEN_MAX];
    uint32_t count;
    enum { STAYS, WARNED, LEFT } leaving;
    int grpc; /* of the header block being read */
};

/* --- header lists ------------------------------------------------------------------------- */

/* nghttp2 copies the texts when they are submitted. */
static size_t texts(struct pair *p, const struct message *m, nghttp2_nv *nv)
{
    static char text[TEXT_ROOM + 2 * FIELD_TEXT_MAX];
    size_t used = 0, count = 0;

    for (; count < m->count && used < TEXT_ROOM; count++) {
        nghttp2_nv *f = &nv[count];

        f->name = (uint8_t *)text + used;
        f->namelen = field_name(m->field[count].name, text + used);
        used += f->namelen;
        f->value = (uint8_t *)text + used;
        f->valuelen = field_value(m->field[count], text + used);
        used += f->valuelen;
        f->flags = chance(p->c, 10) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    }
    return count;
}

/* Bodies: their length is in the source; the lowest bit says that a gRPC call's trailers follow. */
static ssize_t body(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t room,
                    uint32_t *flags, nghttp2_data_source *source, void *data)
{
    struct pair *p = data;
    nghttp2_nv nv[MESSAGE_FIELDS_MAX];
    struct message m;
    size_t length = (size_t)source->fd >> 1;

    if (length > room)
        length = room;
    memset(buffer, 0, length);
    source->fd -= (int)length << 1;
    if (source->fd >> 1)
        return (ssize_t)length;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (source->fd) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        message_trailers(&m, p->c, 1);
        nghttp2_submit_trailer(session, stream, nv, texts(p, &m, nv));
    }
    return (ssize_t)length;
}

static nghttp2_data_provider any_body(struct choices *c, int trailers)
{
    return (nghttp2_data_provider){
        .source.fd = (int)choose(c, chance(c, 10) ? 40000 : 200) << 1 | trailers,
        .read_callback = body,
    };
}

/* --- the server --------------------------------------------------------------------------- */

static int begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    (void)session, (void)frame;
    ((struct pair *)data)->grpc = 0;
    return 0;
}

/* Only to answer as fits; what counts is decided elsewhere. */
static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                  size_t name_length, const uint8_t *value, size_t length, uint8_t flags,
                  void *data)
{
    struct pair *p = data;

    (void)session, (void)frame, (void)name_length, (void)length, (void)flags;
    if (!strcmp((const char *)name, "content-type"))
        p->grpc = !strncmp((const char *)value, "application/grpc", 16);
    return 0;
}

static int frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *data)
{
    struct pair *p = data;

    if (session == p->server && frame->hd.type == NGHTTP2_HEADERS &&
        frame->headers.cat == NGHTTP2_HCAT_REQUEST && p->count < OPEN_MAX)
        p->open[p->count++] = (struct call){.id = frame->hd.stream_id, .grpc = p->grpc};
    return 0;
}

static int stream_closed(nghttp2_session *session, int32_t stream, uint32_t code, void *data)
{
    struct pair *p = data;

    (void)code;
    for (uint32_t i = 0; session == p->server && i < p->count; i++)
        if (p->open[i].id == stream)
            p->open[i] = p->open[--p->count];
    return 0;
}

static void answer(struct pair *p, struct call *call)
{
    nghttp2_nv nv[MESSAGE_FIELDS_MAX];
    struct message m;
    int bare = chance(p->c, call->grpc ? 20 : 30);
    nghttp2_data_provider provider = any_body(p->c, call->grpc && chance(p->c, 85));

    if (call->answered)
        return;
    if (chance(p->c, 10)) {
        message_interim(&m, p->c);
        nghttp2_submit_headers(p->server, 0, call->id, NULL, nv, texts(p, &m, nv), NULL);
        return;
    }
    message_head(&m, p->c, call->grpc, bare);
    nghttp2_submit_response(p->server, call->id, nv, texts(p, &m, nv), bare ? NULL : &provider);
    call->answered = 1;
}

static void promise(struct pair *p, struct call *call)
{
    nghttp2_nv nv[MESSAGE_FIELDS_MAX];
    nghttp2_data_provider provider = any_body(p->c, 0);
    struct message m;
    int32_t id;

    if (call->promising)
        return;
    call->promising = 1;
    message_promise(&m, p->c);
    id = nghttp2_submit_push_promise(p->server, 0, call->id, nv, texts(p, &m, nv), NULL);
    if (id < 0)
        return;
    message_head(&m, p->c, 0, 0);
    nghttp2_submit_response(p->server, id, nv, texts(p, &m, nv), &provider);
}

static void reset(struct pair *p, struct call *call)
{
    nghttp2_session *by = chance(p->c, 50) ? p->server : p->client;

    if (by == p->client && call->promising)
        return;
    call->promising = 1;
    nghttp2_submit_rst_stream(by, 0, call->id, choose(p->c, 14));
}

/* --- both --------------------------------------------------------------------------------- */

static void request(struct pair *p)
{
    nghttp2_nv nv[MESSAGE_FIELDS_MAX];
    nghttp2_data_provider provider = any_body(p->c, 0);
    nghttp2_priority_spec priority;
    struct message m;

    message_request(&m, p->c);
    nghttp2_priority_spec_init(&priority, 0, 17, 0);
    nghttp2_submit_request(p->client, chance(p->c, 15) ? &priority : NULL, nv, texts(p, &m, nv),
                           chance(p->c, 50) ? &provider : NULL, NULL);
}

static void settings(struct pair *p, nghttp2_session *session)
{
    static const uint32_t tables[] = {0, 100, 4096, 65536, 1000, 8192};
    nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, tables[choose(p->c, ARRAY_SIZE(tables))]},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16384 + choose(p->c, 1000)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 65535 + choose(p->c, 100000)},
    };

    nghttp2_submit_settings(session, 0, entries, choose(p->c, ARRAY_SIZE(entries) + 1));
}

/* Takes all that a session has to say; of the client's it is recorded here, of the server's when it
 * comes. */
static void speak(struct pair *p, nghttp2_session *session)
{
    struct bytes *way = session == p->client ? &p->to_server : &p->to_client;
    const uint8_t *data;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(session, &data)) > 0) {
        bytes_add(way, data, (size_t)n);
        if (session == p->client)
            record_add(p->record, PART_SENT, data, (size_t)n);
    }
    if (n < 0)
        abort();
}

/* Some of what is on the way arrives. */
static void arrive(struct pair *p, nghttp2_session *session)
{
    struct bytes *way = session == p->server ? &p->to_server : &p->to_client;
    size_t n = chance(p->c, 70) ? way->length : choose(p->c, (uint32_t)way->length + 1);

    if (!n)
        return;
    if (session == p->client)
        record_add(p->record, PART_RECEIVED, way->data, n);
    if (nghttp2_session_mem_recv(session, way->data, n) != (ssize_t)n)
        abort();
    way->length -= n;
    memmove(way->data, way->data + n, way->length);
}

static void leave(struct pair *p)
{
    if (p->leaving == LEFT)
        return;
    if (p->leaving == STAYS && chance(p->c, 50)) {
        nghttp2_submit_shutdown_notice(p->server);
        p->leaving = WARNED;
        return;
    }
    nghttp2_submit_goaway(p->server, 0, nghttp2_session_get_last_proc_stream_id(p->server), 0, NULL,
                          0);
    p->leaving = LEFT;
}

static void step(struct pair *p)
{
    uint32_t what = choose(p->c, 100);
    struct call *call = p->count ? &p->open[choose(p->c, p->count)] : NULL;

    if (what < 25)
        request(p);
    else if (what < 50 && call)
        answer(p, call);
    else if (what < 53 && call)
        reset(p, call);
    else if (what < 54 && call)
        promise(p, call);
    else if (what < 56)
        settings(p, chance(p->c, 50) ? p->client : p->server);
    else if (what < 57)
        nghttp2_submit_ping(chance(p->c, 50) ? p->client : p->server, 0, NULL);
    else if (what < 58 && chance(p->c, 20))
        leave(p);
    else if (what < 70)
        speak(p, p->client);
    else if (what < 80)
        speak(p, p->server);
    else if (what < 90)
        arrive(p, p->server);
    else
        arrive(p, p->client);
}

/* Not the server's headers: what was said with the padding still on its way, is the parsers' and
 * nghttp2's to differ about. */
static ssize_t pad(nghttp2_session *session, const nghttp2_frame *frame, size_t max, void *data)
{
    struct pair *p = data;
    size_t padded = frame->hd.length + (chance(p->c, 8) ? choose(p->c, 256) : 0);

    if (session == p->server && frame->hd.type != NGHTTP2_DATA)
        return (ssize_t)frame->hd.length;
    return (ssize_t)(padded < max ? padded : max);
}

static const nghttp2_session_callbacks *callbacks(void)
{
    static nghttp2_session_callbacks *made;

    if (made)
        return made;
    if (nghttp2_session_callbacks_new(&made))
        abort();
    nghttp2_session_callbacks_set_on_begin_headers_callback(made, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(made, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(made, frame_received);
    nghttp2_session_callbacks_set_on_stream_close_callback(made, stream_closed);
    nghttp2_session_callbacks_set_select_padding_callback(made, pad);
    return made;
}

static void begin(struct pair *p)
{
    nghttp2_option *option;

    if (nghttp2_option_new(&option))
        abort();
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_continuations(option, 1000);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, chance(p->c, 50) ? 4096 : 65536);
    if (nghttp2_session_client_new2(&p->client, callbacks(), p, option) ||
        nghttp2_session_server_new2(&p->server, callbacks(), p, option))
        abort();
    nghttp2_option_del(option);
    settings(p, p->client);
    settings(p, p->server);
}

void pair_write(struct record *r, struct choices *c)
{
    static struct pair p;
    uint32_t steps = 10 + choose(c, chance(c, 1) ? 1000 : 80);

    record_clear(r);
    p.c = c;
    p.record = r;
    p.to_server.length = p.to_client.length = 0;
    p.count = 0;
    p.leaving = STAYS;
    begin(&p);
    for (uint32_t i = 0; i < steps; i++)
        step(&p);
    nghttp2_session_del(p.client);
    nghttp2_session_del(p.server);
    r->end = chance(c, 50) ? END_PROXY : chance(c, 50) ? END_FIN : END_UPSTREAM;
}
