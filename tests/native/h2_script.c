#include "h2_script.h"

#include <string.h>

#include "base/mem.h"
#include "h2_frames.h"
#include "h2_messages.h"
#include "kernel/probes.h"

const struct cluster *script_cluster(void)
{
    static struct health_check checks[] = {
        {"/healthz", ""}, {"/p", "check.me"}, {"/index.html", "a"}, {FIELD_LONG_PATH, ""}};
    static const struct cluster cluster = {
        .name = "script", .health_checks = checks, .health_check_count = ARRAY_SIZE(checks)};

    return &cluster;
}

const struct probe_set *script_probes(void)
{
    static struct probe_set set;

    if (!set.probe[0].path_len)
        probes_fill(script_cluster(), &set);
    return &set;
}

/* By enum script_size: how much happens, how many streams may be open at once. */
static const struct {
    uint32_t steps, open;
} sizes[SCRIPT_SIZES] = {{40, 10}, {600, 130}, {5000, 1000}, {30000, 4000}};

#define ID_MAX 0x7fffffffu
#define OPEN_MAX 4000

enum progress { WAITS, HAS_INTERIM, HAS_HEAD };

struct stream {
    uint32_t id;
    uint8_t grpc, progress;        /* of the response */
    uint8_t requesting, answering; /* this side has not ended it */
};

struct script {
    struct choices *c;
    struct frames client, server;
    struct stream open[OPEN_MAX];
    uint32_t count, max;
    uint32_t next_id, opened;
    uint32_t last; /* the server's GOAWAY; ID_MAX: none, or it means to come again */
    int leaving;   /* a GOAWAY was sent */
    int promised;  /* the next stream that the server promises, halved */
    int tables, calm;
};

static void write_message(struct frames *f, struct choices *c, uint32_t stream, uint32_t promised,
                          const struct message *m, int ends)
{
    static struct bytes block;

    block.length = 0;
    hpack_write_sizes(&f->hpack, c, &block);
    for (uint32_t i = 0; i < m->count; i++)
        hpack_write(&f->hpack, c, m->field[i], &block);
    frame_block(f, c, stream, promised, &block, ends);
}

static void send_interim(struct script *s, uint32_t stream)
{
    struct message m;

    message_interim(&m, s->c);
    write_message(&s->server, s->c, stream, 0, &m, 0);
}

static void send_head(struct script *s, uint32_t stream, int grpc, int ends)
{
    struct message m;

    message_head(&m, s->c, grpc, ends);
    write_message(&s->server, s->c, stream, 0, &m, ends);
}

static void send_trailers(struct script *s, struct frames *f, uint32_t stream, int grpc)
{
    struct message m;

    message_trailers(&m, s->c, grpc);
    write_message(f, s->c, stream, 0, &m, 1);
}

static struct stream *any_stream(struct script *s)
{
    return &s->open[choose(s->c, s->count)];
}

static void forget(struct script *s, struct stream *stream)
{
    *stream = s->open[--s->count];
}

/* After a GOAWAY nghttp2 hears no more once all is answered: nothing may follow then. */
static void settle(struct script *s, struct stream *stream)
{
    if (!stream->answering && (s->leaving || !stream->requesting))
        forget(s, stream);
}

/* --- the client ------------------------------------------------------------------------ */

static void request(struct script *s)
{
    struct message m;
    struct stream *stream;
    int ends = chance(s->c, 60);

    if (s->count == s->max || s->next_id > ID_MAX || (s->leaving && !chance(s->c, 10)))
        return;
    stream = &s->open[s->count];
    *stream = (struct stream){.id = s->next_id, .requesting = !ends, .answering = 1};
    stream->grpc = (uint8_t)message_request(&m, s->c);
    write_message(&s->client, s->c, stream->id, 0, &m, ends);
    s->next_id += chance(s->c, 97) ? 2 : 2 + 2 * choose(s->c, 40);
    s->opened++;
    if (stream->id <= s->last)
        s->count++;
}

static void request_goes_on(struct script *s, struct stream *stream)
{
    int ends = chance(s->c, 50);

    if (!stream->requesting)
        return;
    if (ends && chance(s->c, 10))
        send_trailers(s, &s->client, stream->id, 0);
    else
        frame_data(&s->client, s->c, stream->id, ends);
    stream->requesting = !ends;
    settle(s, stream);
}

/* What the server sent before it knew is still on its way. */
static void client_resets(struct script *s, struct stream *stream)
{
    struct stream was = *stream;

    if (s->calm)
        return;
    frame_reset(&s->client, stream->id, choose(s->c, 14));
    forget(s, stream);
    if (!was.answering || chance(s->c, 70))
        return;
    if (was.progress == WAITS && chance(s->c, 30))
        send_interim(s, was.id);
    if (was.progress != HAS_HEAD)
        send_head(s, was.id, was.grpc, 0);
    if (chance(s->c, 50))
        frame_data(&s->server, s->c, was.id, 1);
    else
        frame_reset(&s->server, was.id, choose(s->c, 14));
}

/* --- the server ------------------------------------------------------------------------ */

static void respond(struct script *s, struct stream *stream)
{
    if (!stream->answering)
        return;
    if (stream->progress == HAS_HEAD) {
        if (chance(s->c, 40)) {
            frame_data(&s->server, s->c, stream->id, 0);
            return;
        }
        if (chance(s->c, stream->grpc ? 80 : 20))
            send_trailers(s, &s->server, stream->id, stream->grpc);
        else
            frame_data(&s->server, s->c, stream->id, 1);
        stream->answering = 0;
    } else if (chance(s->c, 10)) {
        send_interim(s, stream->id);
        stream->progress = HAS_INTERIM;
    } else {
        int ends = chance(s->c, stream->grpc ? 25 : 40);

        send_head(s, stream->id, stream->grpc, ends);
        stream->progress = HAS_HEAD;
        stream->answering = !ends;
    }
    settle(s, stream);
}

static void server_resets(struct script *s, struct stream *stream)
{
    frame_reset(&s->server, stream->id, choose(s->c, 14));
    forget(s, stream);
}

/* A promise's stream is nobody's request; sometimes it is fulfilled. */
static void promise(struct script *s, struct stream *stream)
{
    uint32_t id = (uint32_t)(s->promised + 1) * 2;
    struct message m;

    if (!stream->answering || s->leaving || s->promised >= 50)
        return;
    s->promised++;
    message_promise(&m, s->c);
    write_message(&s->server, s->c, stream->id, id, &m, 0);
    if (chance(s->c, 30)) {
        frame_reset(&s->client, id, 8);
    } else if (chance(s->c, 50)) {
        send_head(s, id, 0, 0);
        frame_data(&s->server, s->c, id, 1);
    }
}

/* Streams above the last one are not answered any more. */
static void leave(struct script *s)
{
    if (s->leaving && s->last == ID_MAX && chance(s->c, 20))
        return;
    if (chance(s->c, 30) && !s->leaving)
        s->last = ID_MAX; /* a warning */
    else if (s->count && chance(s->c, 50))
        s->last = any_stream(s)->id; /* no later one is open */
    else if (s->next_id - 2 < s->last)
        s->last = chance(s->c, 80) ? s->next_id - 2 : 0;
    s->leaving = 1;
    frame_goaway(&s->server, s->c, s->last);
    for (uint32_t i = s->count; i; i--)
        if (s->open[i - 1].id > s->last || !s->open[i - 1].answering)
            forget(s, &s->open[i - 1]);
}

/* --- both ------------------------------------------------------------------------------ */

static void acknowledge(struct script *s)
{
    if (s->client.unacknowledged)
        frame_acknowledge(&s->server, &s->client);
    if (s->server.unacknowledged)
        frame_acknowledge(&s->client, &s->server);
}

static void step(struct script *s)
{
    uint32_t what = choose(s->c, 100);

    if (what < 30 || (!s->count && what < 80))
        request(s);
    else if (what < 35 && s->count)
        request_goes_on(s, any_stream(s));
    else if (what < 80 && s->count)
        respond(s, any_stream(s));
    else if (what < 83 && s->count)
        client_resets(s, any_stream(s));
    else if (what < 86 && s->count)
        server_resets(s, any_stream(s));
    else if (what < 88 && s->count)
        promise(s, any_stream(s));
    else if (what < 89 && chance(s->c, 30))
        leave(s);
    else if (what < 93)
        acknowledge(s);
    else if (what < 95)
        frame_settings(chance(s->c, 50) ? &s->client : &s->server, s->c, s->tables);
    else
        frame_other(chance(s->c, 50) ? &s->client : &s->server, s->c,
                    s->count ? any_stream(s)->id : 0);
}

static void begin(struct script *s, struct record *r)
{
    frames_start(&s->client, r, PART_SENT, chance(s->c, 50));
    frames_start(&s->server, r, PART_RECEIVED, chance(s->c, 50));
    s->count = s->opened = 0;
    s->last = ID_MAX;
    s->leaving = s->promised = 0;
    s->next_id = 1;
    if (chance(s->c, 5))
        s->next_id =
            chance(s->c, 50) ? ID_MAX - 2 * choose(s->c, 100) : 1 + 2 * choose(s->c, 1u << 30);
}

/* `Upgrade: h2c`: the first request is HTTP/1's, its response is stream 1's. */
static void upgrade(struct script *s, struct record *r)
{
    static const char asked[] =
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        "Upgrade: h2c\r\nHTTP2-Settings: \r\n\r\n";
    static const char agreed[] =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

    record_add(r, PART_SENT, asked, sizeof(asked) - 1);
    record_add(r, PART_RECEIVED, agreed, sizeof(agreed) - 1);
    r->http1[PART_SENT] = sizeof(asked) - 1;
    r->http1[PART_RECEIVED] = sizeof(agreed) - 1;
    s->open[0] = (struct stream){.id = 1, .answering = 1};
    s->count = 1;
    s->next_id = 3;
    if (chance(s->c, 50))
        record_part(r, PART_RECEIVED);
}

void script_write(struct record *r, struct choices *c, const struct script_options *options)
{
    static struct script s;
    uint32_t steps = 1 + choose(c, sizes[options->size].steps);
    int upgraded;

    record_clear(r);
    s.c = c;
    s.tables = options->tables;
    s.calm = options->calm;
    s.max = 1 + choose(c, sizes[options->size].open);
    begin(&s, r);
    upgraded = s.next_id == 1 && chance(c, 4);
    if (upgraded)
        upgrade(&s, r);
    if (chance(c, upgraded ? 50 : 10)) /* need not wait for the client's */
        frame_settings(&s.server, c, s.tables);
    frame_preface(&s.client, c, s.tables);
    if (!s.server.settings)
        frame_settings(&s.server, c, s.tables);
    for (uint32_t i = 0; i < steps && (s.count || !s.leaving); i++)
        step(&s);
    if (chance(c, 10))
        frame_goaway(&s.client, c, 0);
    r->end = choose(c, RECORD_ENDS);
    if (r->end == END_LOST)
        r->end = END_PROXY;
}
