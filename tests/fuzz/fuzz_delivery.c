/* The reporter and its stream against a management server that does anything at any time: a session of
 * nghttp2 whose frames come when they like, bytes that are no frames between them, connections that are
 * refused or cut anywhere, time that passes. The rule of delivery has to hold: of all that was counted,
 * each request is in one confirmed report, or a response discarded it; and what is confirmed was received.
 *
 * The input is a list of steps, each with a number. */
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "base/log.h"
#include "base/mem.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "grpc/frame.h"
#include "report/packing.h"
#include "report/reporter.h"
#include "report/response.h"
#include "report/wishes.h"
#include "stream/lrs_stream.h"

#define SECOND 1000000ULL
#define PIPE_MAX (1 << 18)
#define SENT_MAX 4096
#define CLUSTERS 2

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef Envoy__Service__LoadStats__V3__LoadStatsRequest request_message;

static struct locality_endpoints groups[CLUSTERS] = {{.locality = {"", "", ""}},
                                                     {.locality = {"", "", ""}}};
static struct cluster items[CLUSTERS] = {
    {.name = (char[]){"a"}, .service_name = (char[]){""}, .groups = &groups[0], .group_count = 1},
    {.name = (char[]){"b"}, .service_name = (char[]){""}, .groups = &groups[1], .group_count = 1}};
static const struct clusters clusters = {.items = items, .count = CLUSTERS};
static struct counters rows[CLUSTERS]; /* by slot, which is the cluster */

struct pipe {
    uint8_t bytes[PIPE_MAX];
    size_t length;
};

static struct {
    nghttp2_session *session;
    int32_t stream;
    bool has_headers;
    bool
        lies; /* what it confirms it may not have taken: bytes were sent that are not its session's, or it
                  has reset the stream, whose messages nghttp2 then drops */
    uint8_t body[PIPE_MAX];
    size_t body_length, body_sent, received;
    bool ends;
} server;

static struct {
    struct hosts *hosts;
    struct reporter *reporter;
    struct lrs_stream *stream; /* NULL: no connection */
    bool opening, broken;
    uint64_t now;
} client;

static struct pipe to_server, to_client;

/* The books: of each cluster what was counted, and where it went. */
static struct {
    uint64_t delivered, discarded, sent_up_to;
    bool wanted;
} books[CLUSTERS];

/* Messages of the live stream that are not confirmed. */
static struct {
    uint64_t issued[CLUSTERS];
    bool mark;
    size_t end; /* in the bytes that the server receives */
} sent[SENT_MAX];
static size_t sent_count, sent_bytes;

static void check(bool good)
{
    if (!good)
        abort();
}

/* --- the client's side --------------------------------------------------------------------------*/

static void op_open(void *arg, const struct delivery *delivery)
{
    (void)arg, (void)delivery;
    client.opening = true;
}

static void op_read(void *arg, uint32_t first, size_t count, struct counters *out)
{
    (void)arg;
    memcpy(out, rows + first, count * sizeof(*out));
}

static uint32_t index_of(const char *name)
{
    check(!strcmp(name, "a") || !strcmp(name, "b"));
    return name[0] == 'b';
}

static void write_down(const request_message *message)
{
    for (size_t i = 0; i < message->n_cluster_stats; i++) {
        uint32_t cluster = index_of(message->cluster_stats[i]->cluster_name);

        for (size_t j = 0; j < message->cluster_stats[i]->n_upstream_locality_stats; j++)
            sent[sent_count].issued[cluster] +=
                message->cluster_stats[i]->upstream_locality_stats[j]->total_issued_requests;
        if (books[cluster].wanted)
            books[cluster].sent_up_to = rows[cluster].rq_issued;
    }
}

/* The parts of a report are one entry. */
static void write_parts(const struct grpc_messages *messages, bool mark)
{
    const uint8_t *bytes;
    size_t at = 0, length;

    check(sent_count < SENT_MAX);
    memset(&sent[sent_count], 0, sizeof(sent[0]));
    while ((bytes = grpc_messages_next(messages, &at, &length))) {
        request_message *message =
            envoy__service__load_stats__v3__load_stats_request__unpack(NULL, length, bytes);

        check(message);
        write_down(message);
        envoy__service__load_stats__v3__load_stats_request__free_unpacked(message, NULL);
    }
    sent[sent_count].mark = mark;
    sent[sent_count++].end = sent_bytes;
}

/* The stream has them once it has taken them. */
static void keep_copy(const struct grpc_messages *messages, struct grpc_messages *copy)
{
    const uint8_t *bytes;
    size_t at = 0, length;

    while ((bytes = grpc_messages_next(messages, &at, &length)))
        check(!grpc_messages_add(copy, bytes, length));
}

static int op_send(void *arg, struct grpc_messages *messages, bool mark)
{
    struct grpc_messages copy = {0};
    int error;

    (void)arg;
    keep_copy(messages, &copy);
    error = lrs_stream_send(client.stream, messages, mark);
    if (!error) {
        sent_bytes += copy.length;
        write_parts(&copy, mark);
    }
    grpc_messages_clear(&copy);
    return error;
}

/* All up to the oldest marked message has arrived. */
static void on_confirmed(void *arg)
{
    size_t count = 0;

    (void)arg;
    do {
        check(count < sent_count);
        for (uint32_t i = 0; i < CLUSTERS; i++)
            books[i].delivered += sent[count].issued[i];
    } while (!sent[count++].mark);
    check(server.lies || server.received >= sent[count - 1].end);
    sent_count -= count;
    memmove(sent, sent + count, sent_count * sizeof(sent[0]));
    reporter_confirmed(client.reporter, client.now);
}

static bool is_wanted(struct response response, const char *wanted)
{
    struct response_name name;

    if (response.send_all)
        return true;
    while (response_next_name(&response, &name))
        if (name.length == strlen(wanted) && !memcmp(name.text, wanted, name.length))
            return true;
    return false;
}

static void on_message(void *arg, const uint8_t *bytes, size_t length)
{
    static const struct response_limits limits = {1, 1, 1};
    struct response response;

    (void)arg;
    if (client.broken)
        return;
    if (reporter_response(client.reporter, client.now, bytes, length)) {
        client.broken = true;
        return;
    }
    check(!response_parse(bytes, length, &limits, &response));
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        bool wanted = is_wanted(response, items[i].name);

        if (wanted && !books[i].wanted) { /* LRS: named anew */
            books[i].discarded += rows[i].rq_issued - books[i].sent_up_to;
            books[i].sent_up_to = rows[i].rq_issued;
        }
        books[i].wanted = wanted;
    }
}

/* --- the server's side --------------------------------------------------------------------------*/

static int server_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session, (void)arg;
    if (frame->hd.type == NGHTTP2_HEADERS)
        server.stream = frame->hd.stream_id;
    return 0;
}

static int server_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                       size_t count, void *arg)
{
    (void)session, (void)flags, (void)id, (void)bytes, (void)arg;
    server.received += count;
    return 0;
}

static ssize_t server_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    size_t count = server.body_length - server.body_sent;

    (void)session, (void)id, (void)source, (void)arg;
    if (count > room)
        count = room;
    if (count == 0 && !server.ends)
        return NGHTTP2_ERR_DEFERRED;
    if (server.ends && server.body_sent + count == server.body_length)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    memcpy(out, server.body + server.body_sent, count);
    server.body_sent += count;
    return (ssize_t)count;
}

static void server_new(void)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;

    memset(&server, 0, sizeof(server));
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_server_new2(&server.session, callbacks, NULL, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(server.session, 0, NULL, 0);
}

static void send_headers(void)
{
    static const char text[][17] = {":status", "200", "content-type", "application/grpc"};
    const nghttp2_data_provider body = {.read_callback = server_read};
    const nghttp2_nv fields[] = {{(uint8_t *)text[0], (uint8_t *)text[1], 7, 3, 0},
                                 {(uint8_t *)text[2], (uint8_t *)text[3], 12, 16, 0}};

    if (server.stream && !server.has_headers)
        server.has_headers =
            !nghttp2_submit_response(server.session, server.stream, fields, 2, &body);
}

static void send_trailers(uint8_t number)
{
    static const char name[] = "grpc-status";
    uint8_t digit = '0' + number % 10;
    const nghttp2_nv field = {(uint8_t *)name, &digit, sizeof(name) - 1, 1, 0};

    nghttp2_submit_trailer(server.session, server.stream, &field, 1);
    server.ends = number & 1;
}

static void send_body(const uint8_t *bytes, size_t count)
{
    if (count > PIPE_MAX - server.body_length)
        return;
    memcpy(server.body + server.body_length, bytes, count);
    server.body_length += count;
    nghttp2_session_resume_data(server.session, server.stream);
}

/* Wants of the clusters what the bits say. */
static void send_wish(uint8_t bits)
{
    uint8_t message[32] = {0, 0, 0, 0, 0, 0x12, 4, 0x08, bits >> 4 & 3, 0x10, bits >> 6};
    size_t length = 11;

    for (unsigned i = 0; i < 2; i++) {
        const uint8_t name[] = {0x0a, 1, (uint8_t)('a' + i)};

        if (bits >> i & 1) {
            memcpy(message + length, name, sizeof(name));
            length += sizeof(name);
        }
    }
    if (bits & 4) {
        message[length++] = 0x20;
        message[length++] = 1;
    }
    message[4] = (uint8_t)(length - GRPC_FRAME_PREFIX);
    send_body(message, length);
}

static void send_window(uint8_t number)
{
    static const uint32_t windows[] = {0, 10, 65535, 1 << 24};
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                          windows[number & 3]};

    if (number & 4)
        nghttp2_submit_settings(server.session, 0, &entry, 1);
    else
        nghttp2_submit_window_update(server.session, 0, number & 8 ? server.stream : 0,
                                     1 << (number >> 4));
}

static void send_odd(uint8_t number)
{
    switch (number & 3) {
    case 0:
        nghttp2_submit_ping(server.session, 0, NULL);
        break;
    case 1:
        nghttp2_submit_goaway(server.session, 0, number & 4 ? 0 : server.stream, number >> 3,
                              (const uint8_t *)"x", 1);
        break;
    case 2:
        server.lies = true;
        nghttp2_submit_rst_stream(server.session, 0, server.stream, number >> 2);
        break;
    default:
        send_trailers(number >> 2);
    }
}

/* --- between them -------------------------------------------------------------------------------*/

static void put(struct pipe *pipe, const uint8_t *bytes, size_t count)
{
    if (count > PIPE_MAX - pipe->length)
        count = 0; /* a hole: whoever reads behind it has to live with it */
    memcpy(pipe->bytes + pipe->length, bytes, count);
    pipe->length += count;
}

static void drop_first(struct pipe *pipe, size_t count)
{
    pipe->length -= count;
    memmove(pipe->bytes, pipe->bytes + count, pipe->length);
}

static void go_down(void)
{
    lrs_stream_free(TAKE(client.stream));
    nghttp2_session_del(TAKE(server.session));
    client.broken = false;
    sent_count = sent_bytes = to_server.length = to_client.length = 0;
    reporter_stream_down(client.reporter, client.now);
}

static void see_end(void)
{
    if (client.broken || lrs_stream_end(client.stream))
        go_down();
}

static void flush_client(void)
{
    const uint8_t *bytes;
    size_t count;

    while (to_server.length < PIPE_MAX / 2 &&
           (count = lrs_stream_output(client.stream, &bytes)) > 0)
        put(&to_server, bytes, count);
}

static void flush_server(void)
{
    const uint8_t *bytes;
    ssize_t count;

    while (to_client.length < PIPE_MAX / 2 &&
           (count = nghttp2_session_mem_send(server.session, &bytes)) > 0)
        put(&to_client, bytes, (size_t)count);
}

static void move_to_server(size_t most)
{
    size_t count;

    flush_client();
    count = to_server.length < most ? to_server.length : most;
    if (nghttp2_session_mem_recv(server.session, to_server.bytes, count) < 0)
        server.lies = true; /* it is out of step from here on */
    drop_first(&to_server, count);
}

static void move_to_client(size_t most)
{
    size_t count;

    flush_server();
    count = to_client.length < most ? to_client.length : most;
    lrs_stream_receive(client.stream, to_client.bytes, count);
    drop_first(&to_client, count);
    flush_client();
    see_end();
}

static void exchange(void)
{
    for (unsigned i = 0; i < 20 && client.stream; i++) {
        move_to_server(SIZE_MAX);
        move_to_client(SIZE_MAX);
    }
}

static void connect_or_refuse(bool connects)
{
    const struct lrs_stream_options options = {
        .authority = "lrs",
        .user_agent = "fuzz",
        .events = {.message = on_message, .confirmed = on_confirmed},
    };

    if (!client.opening)
        return;
    client.opening = false;
    if (!connects) {
        reporter_stream_down(client.reporter, client.now);
        return;
    }
    check(!lrs_stream_new(&options, &client.stream));
    server_new();
    reporter_stream_up(client.reporter, client.now);
}

static void pass(uint64_t us)
{
    client.now += us;
    if (client.now >= reporter_deadline(client.reporter))
        reporter_run(client.reporter, client.now);
}

static void serve(uint8_t number)
{
    rows[number & 1].rq_issued += number >> 1;
    rows[number & 1].rq_finished += number >> 1;
    rows[number & 1].rq_success += number >> 1;
}

/* Steps that need a connection. Returns how many of the bytes that follow it took. */
static size_t step_connected(uint8_t kind, uint8_t number, const uint8_t *rest, size_t count)
{
    size_t taken = number % 32u < count ? number % 32u : count;

    switch (kind) {
    case 0:
        send_headers();
        break;
    case 1:
        send_wish(number);
        break;
    case 2:
        send_window(number);
        break;
    case 3:
        send_odd(number);
        break;
    case 4:
        move_to_server(number & 1 ? SIZE_MAX : number);
        break;
    case 5:
        move_to_client(number & 1 ? SIZE_MAX : number);
        break;
    case 6:
        exchange();
        break;
    case 7: /* no frame of the session */
        server.lies = true;
        flush_server();
        put(&to_client, rest, taken);
        return taken;
    case 8: /* part of a message, or none */
        send_body(rest, taken);
        return taken;
    case 9:
        lrs_stream_receive_eof(client.stream);
        see_end();
        break;
    default:
        check(!lrs_stream_ping(client.stream));
    }
    return 0;
}

static size_t step(uint8_t kind, uint8_t number, const uint8_t *rest, size_t count)
{
    if (kind == 15)
        serve(number);
    else if (kind == 14)
        pass(number * SECOND / 20);
    else if (kind == 13)
        connect_or_refuse(number & 1);
    else if (client.stream)
        return step_connected(kind, number, rest, count);
    return 0;
}

/* A good server takes over. */
static void settle(void)
{
    if (client.stream)
        go_down();
    for (unsigned i = 0; i < 3 && !client.opening; i++)
        pass(90 * SECOND);
    connect_or_refuse(true);
    check(client.stream);
    move_to_server(SIZE_MAX);
    send_headers();
    send_wish(0x14); /* all, every second */
    exchange();
    for (unsigned i = 0; i < 2; i++) {
        pass(SECOND);
        exchange();
    }
    check(client.stream && sent_count == 0);
    for (uint32_t i = 0; i < CLUSTERS; i++)
        check(books[i].delivered + books[i].discarded == rows[i].rq_issued);
}

/* A small `message_max` splits reports. */
static void begin(size_t message_max)
{
    static Envoy__Config__Core__V3__Node node = ENVOY__CONFIG__CORE__V3__NODE__INIT;
    const struct reporter_options options = {
        .node = &node, .clusters = &clusters, .hosts = client.hosts, .message_max = message_max};
    const struct reporter_ops ops = {.open_stream = op_open, .send = op_send, .read = op_read};

    client.reporter = reporter_new(&options, &ops, NULL);
    check(client.reporter);
    reporter_start(client.reporter, client.now);
}

static void add_hosts(void)
{
    const struct host *host, *owner, *other;

    client.hosts = hosts_new(&clusters);
    for (uint32_t i = 0; i < CLUSTERS; i++) {
        struct address address = {.ip = {[10] = 0xff, [11] = 0xff, [15] = (uint8_t)i}, .port = 80};

        check(!hosts_add(client.hosts, i, 0, &address, &host, &owner, &other) && host->slot == i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_set_level(LOG_LEVEL_OFF);
    memset(&client, 0, sizeof(client));
    memset(rows, 0, sizeof(rows));
    memset(books, 0, sizeof(books));
    sent_count = sent_bytes = to_server.length = to_client.length = 0;
    client.now = 1000 * SECOND;
    add_hosts();
    begin(size && data[0] & 0x80 ? 60 : PACKING_MAX);
    for (size_t at = 0; at + 2 <= size && at < SENT_MAX;) {
        size_t rest = at + 2;

        at = rest + step(data[at] & 15, data[at + 1], data + rest, size - rest);
    }
    settle();
    lrs_stream_free(client.stream);
    nghttp2_session_del(TAKE(server.session));
    reporter_free(client.reporter);
    hosts_free(client.hosts);
    return 0;
}
