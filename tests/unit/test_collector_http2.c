/* The server's end of HTTP/2 with nghttp2's client at the other end, in memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/http2.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"
#include "grpc/frame.h"

#define METHOD "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"

/* What the client has seen of its stream, and what it still has to send. */
struct client {
    nghttp2_session *session;
    struct settings *settings;
    struct service service;
    struct http2 *server;
    char *lines;
    size_t lines_length;
    uint8_t to_send[300000];
    size_t length, sent;
    bool half_close; /* behind to_send */
    char headers[2000];
    uint8_t body[1000];
    size_t body_length;
    bool closed, goaway;
    unsigned acknowledged; /* SETTINGS */
    uint32_t error_code;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *arg)
{
    struct client *client = arg;
    size_t used = strlen(client->headers);

    (void)session;
    (void)frame;
    (void)flags;
    snprintf(client->headers + used, sizeof(client->headers) - used, "%.*s: %.*s\n",
             (int)name_length, name, (int)value_length, value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t count, void *arg)
{
    struct client *client = arg;

    (void)session;
    (void)flags;
    (void)id;
    assert_true(client->body_length + count <= sizeof(client->body));
    memcpy(client->body + client->body_length, bytes, count);
    client->body_length += count;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error_code, void *arg)
{
    struct client *client = arg;

    (void)session;
    (void)id;
    client->closed = true;
    client->error_code = error_code;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    struct client *client = arg;

    (void)session;
    if (frame->hd.type == NGHTTP2_GOAWAY)
        client->goaway = true;
    if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK))
        client->acknowledged++;
    return 0;
}

static ssize_t read_request(nghttp2_session *session, int32_t id, uint8_t *out, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct client *client = arg;
    size_t left = client->length - client->sent, count = left < size ? left : size;

    (void)session;
    (void)id;
    (void)source;
    memcpy(out, client->to_send + client->sent, count);
    client->sent += count;
    if (client->sent == client->length && client->half_close)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0)
        return NGHTTP2_ERR_DEFERRED;
    return (ssize_t)count;
}

static void client_start(struct client *client)
{
    static char asked[] = "asked";
    static char *clusters[] = {asked};
    const struct ask ask = {
        .interval_us = 1500000, .clusters = clusters, .cluster_count = 1, .endpoints = true};
    nghttp2_session_callbacks *callbacks;
    struct config_error error;
    FILE *lines;

    memset(client, 0, sizeof(*client));
    lines = open_memstream(&client->lines, &client->lines_length);
    assert_int_equal(settings_new(NULL, &ask, &client->settings, &error), 0);
    assert_int_equal(service_init(&client->service, lines, client->settings), 0);
    client->server = http2_new(&client->service, "1.2.3.4:5");
    assert_non_null(client->server);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new(&client->session, callbacks, client);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0);
}

static void client_stop(struct client *client)
{
    http2_free(client->server);
    assert_int_equal(client->service.held, 0); /* what streams held is given back */
    nghttp2_session_del(client->session);
    fclose(client->service.output.sink.file);
    service_clear(&client->service);
    settings_free(client->settings);
    free(client->lines);
}

/* Carries bytes both ways, one by one towards the server, until nothing moves. */
static void carry(struct client *client)
{
    const uint8_t *bytes;
    ssize_t up, down;

    do {
        up = nghttp2_session_mem_send(client->session, &bytes);
        assert_true(up >= 0);
        for (ssize_t i = 0; i < up; i++)
            assert_int_equal(http2_receive(client->server, bytes + i, 1), 0);
        down = http2_send(client->server, &bytes);
        assert_true(down >= 0);
        assert_int_equal(nghttp2_session_mem_recv(client->session, bytes, (size_t)down), down);
    } while (up > 0 || down > 0);
}

static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

static int32_t request(struct client *client, const char *path, const char *type)
{
    nghttp2_nv headers[] = {header(":method", "POST"), header(":scheme", "http"),
                            header(":authority", "x"), header(":path", path),
                            header("content-type", type)};
    nghttp2_data_provider body = {.read_callback = read_request};
    int32_t id = nghttp2_submit_request(client->session, NULL, headers, 5, &body, NULL);

    assert_true(id > 0);
    carry(client);
    return id;
}

static void say(struct client *client, int32_t id, const uint8_t *bytes, size_t count)
{
    memcpy(client->to_send + client->length, bytes, count);
    client->length += count;
    nghttp2_session_resume_data(client->session, id);
    carry(client);
}

/* A message as it stands on the stream. */
#define SAY(client, id, literal) say(client, id, (const uint8_t *)(literal), sizeof(literal) - 1)
#define NODE_N "\0\0\0\0\5\x0a\3\x0a\1n"
#define STATS_C "\0\0\0\0\5\x12\3\x0a\1c"

static void assert_answer(const struct client *client)
{
    Envoy__Service__LoadStats__V3__LoadStatsResponse *answer;

    assert_true(client->body_length > GRPC_FRAME_PREFIX);
    assert_int_equal(client->body[0], 0);
    assert_int_equal(client->body[4], client->body_length - GRPC_FRAME_PREFIX);
    answer = envoy__service__load_stats__v3__load_stats_response__unpack(
        NULL, client->body_length - GRPC_FRAME_PREFIX, client->body + GRPC_FRAME_PREFIX);
    assert_non_null(answer);
    assert_int_equal(answer->n_clusters, 1);
    assert_string_equal(answer->clusters[0], "asked");
    assert_false(answer->send_all_clusters);
    assert_true(answer->report_endpoint_granularity);
    assert_int_equal(answer->load_reporting_interval->seconds, 1);
    assert_int_equal(answer->load_reporting_interval->nanos, 500000000);
    envoy__service__load_stats__v3__load_stats_response__free_unpacked(answer, NULL);
}

static void a_whole_stream(void **state)
{
    static struct client client;
    int32_t id;

    (void)state;
    client_start(&client);
    id = request(&client, METHOD, "application/grpc+proto");
    assert_string_equal(client.headers, ":status: 200\ncontent-type: application/grpc\n");
    assert_int_equal(client.body_length, 0); /* the answer waits for the first message */
    SAY(&client, id, NODE_N);
    assert_answer(&client);
    SAY(&client, id, STATS_C);
    assert_answer(&client);     /* one answer only */
    SAY(&client, id, "\0\0\0"); /* cut inside the prefix */
    SAY(&client, id, "\0\5\x12\3\x0a\1c");
    client.half_close = true;
    nghttp2_session_resume_data(client.session, id);
    carry(&client);
    assert_non_null(strstr(client.headers, "grpc-status: 0\n"));
    assert_true(client.closed);
    assert_int_equal(client.error_code, NGHTTP2_NO_ERROR);
    assert_non_null(strstr(client.lines, "\"peer\":\"1.2.3.4:5\",\"stream\":1,\"message\":1,"
                                         "\"request\":{\"node\":{\"id\":\"n\"}}}\n"));
    assert_non_null(strstr(
        client.lines, "\"stream\":1,\"message\":3,"
                      "\"node\":{\"id\":\"n\",\"cluster\":\"\"},\"request\":{\"cluster_stats\""));
    assert_int_equal(service_finish(&client.service), 0);
    /* The node of the first message is the node of the later ones. */
    assert_non_null(strstr(client.lines, "{\"sums\":{\"node\":{\"id\":\"n\",\"cluster\":\"\"},"
                                         "\"cluster\":\"c\",\"reports\":2,"));
    client_stop(&client);
}

static void what_is_not_served(void **state)
{
    static struct client client;

    (void)state;
    client_start(&client);
    request(&client, "/other/Method", "application/grpc");
    assert_non_null(strstr(client.headers, ":status: 200\n"));
    assert_non_null(strstr(client.headers, "grpc-status: 12\n"));
    assert_true(client.closed);
    assert_int_equal(client.error_code, NGHTTP2_NO_ERROR);
    client.closed = false;
    client.headers[0] = '\0';
    request(&client, METHOD, "application/grpc-web"); /* another protocol */
    assert_string_equal(client.headers, ":status: 415\n");
    assert_true(client.closed);
    client.headers[0] = '\0';
    request(&client, METHOD, "application/grpc;x=1");
    assert_string_equal(client.headers, ":status: 200\ncontent-type: application/grpc\n");
    assert_int_equal(client.service.streams, 1);
    client_stop(&client);
}

/* Each bad message ends its stream with its status; none is counted. */
static void bad_messages(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *status;
    } cases[] = {
        {"\0\0\0\0\2\x0a\5", 7, "grpc-status: 13\n"},            /* cut protobuf */
        {"\0\0\0\0\5\x0a\3\x0a\1\xff", 10, "grpc-status: 13\n"}, /* not UTF-8 */
        {"\1\0\0\0\1x", 6, "grpc-status: 12\n"},                 /* compressed */
        {"\0\1\0\0\1", 5, "grpc-status: 8\n"},                   /* 16 MiB and one */
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        static struct client client;
        int32_t id;

        client_start(&client);
        id = request(&client, METHOD, "application/grpc");
        say(&client, id, (const uint8_t *)cases[i].bytes, cases[i].length);
        if (!strstr(client.headers, cases[i].status))
            fail_msg("case %zu: %s", i, client.headers);
        assert_true(client.closed);
        assert_int_equal(client.body_length, 0);
        client.closed = false; /* the connection goes on */
        client.sent = client.length;
        id = request(&client, METHOD, "application/grpc");
        SAY(&client, id, NODE_N);
        assert_answer(&client);
        client_stop(&client);
    }
}

static void ends_inside_a_message(void **state)
{
    static struct client client;
    int32_t id;

    (void)state;
    client_start(&client);
    id = request(&client, METHOD, "application/grpc");
    SAY(&client, id, "\0\0\0\0\5\x0a\3");
    assert_true(client.service.held > 0);
    client.half_close = true;
    nghttp2_session_resume_data(client.session, id);
    carry(&client);
    assert_non_null(strstr(client.headers, "grpc-status: 13\n"));
    client_stop(&client);
}

static void too_much_held(void **state)
{
    static struct client client;
    int32_t id;

    (void)state;
    client_start(&client);
    id = request(&client, METHOD, "application/grpc");
    client.service.held = SERVICE_HELD_MAX - 1024; /* other streams'; the first bytes take 1024 */
    SAY(&client, id, "\0\0\0\x10\0\x0a");
    assert_false(client.closed);
    client.service.held++;
    SAY(&client, id, "\x80");
    assert_non_null(strstr(client.headers, "grpc-status: 8\n"));
    assert_int_equal(client.service.held, SERVICE_HELD_MAX - 1023);
    client.service.held = 0;
    client_stop(&client);
}

/* The one that holds most ends, not the one that came last. */
static void the_largest_holder_ends(void **state)
{
    static uint8_t large[4096] = {0, 0, 0, 0x40, 0};
    static struct client client;
    int32_t hoarder, other;

    (void)state;
    client_start(&client);
    hoarder = request(&client, METHOD, "application/grpc");
    say(&client, hoarder, large, sizeof(large));
    client.service.held += SERVICE_HELD_MAX - 4096 - 512; /* other connections' */
    other = request(&client, METHOD, "application/grpc");
    SAY(&client, other, "\0\0\0\x10\0\x0a");
    assert_int_equal(client.service.open, 1);
    SAY(&client, other, "\0");
    assert_null(strstr(client.headers, "grpc-status")); /* goes on */
    SAY(&client, hoarder, "\0");
    assert_non_null(strstr(client.headers, "grpc-status: 8\n"));
    client.service.held -= SERVICE_HELD_MAX - 4096 - 512;
    client_stop(&client);
}

/* Other settings are told to streams that had an answer, if they change what is asked. */
static void asked_again(void **state)
{
    static char other_name[] = "other";
    static char *names[] = {other_name};
    const struct ask ask = {.interval_us = 1500000, .clusters = names, .cluster_count = 1};
    struct config_error error;
    static struct client client;
    struct settings *before;
    int32_t id;

    (void)state;
    client_start(&client);
    id = request(&client, METHOD, "application/grpc");
    http2_ask_again(client.server);
    carry(&client);
    assert_int_equal(client.body_length, 0); /* it has not said who it is */
    SAY(&client, id, NODE_N);
    assert_answer(&client);
    http2_ask_again(client.server);
    carry(&client);
    assert_answer(&client);
    before = client.settings;
    assert_int_equal(settings_new(NULL, &ask, &client.settings, &error), 0);
    client.service.settings = client.settings;
    http2_ask_again(client.server);
    settings_free(before);
    client.body_length = 0;
    carry(&client);
    assert_int_equal(client.body_length, client.body[4] + GRPC_FRAME_PREFIX);
    assert_memory_equal(client.body + GRPC_FRAME_PREFIX, "\x0a\5other", 7);
    client_stop(&client);
}

static void long_node_names(void **state)
{
    uint8_t message[5 + 3 + 3 + 4097] = {0, 0, 0, 0x10, 7, 0x0a, 0x84, 0x20, 0x0a, 0x81, 0x20};
    static struct client client;
    int32_t id;

    (void)state;
    memset(message + 11, 'n', 4097);
    client_start(&client);
    id = request(&client, METHOD, "application/grpc");
    say(&client, id, message, sizeof(message));
    assert_non_null(strstr(client.headers, "grpc-status: 3\n"));
    client_stop(&client);
    client_start(&client);
    message[4]--;
    message[6]--;
    message[9]--;
    id = request(&client, METHOD, "application/grpc");
    say(&client, id, message, sizeof(message) - 1);
    assert_answer(&client);
    client_stop(&client);
}

/* A header list's size is names, values, and 32 bytes for each (RFC 9113, 6.5.2). */
static void large_header_list(void **state)
{
    static struct client client;
    static char value[HTTP2_HEADER_BYTES];
    nghttp2_nv headers[] = {header(":method", "POST"), header(":scheme", "http"),
                            header(":authority", "x"), header(":path", METHOD), header("a", "")};
    size_t others = 43 + 43 + 43 + 37 + strlen(METHOD) + 33;

    (void)state;
    memset(value, 'v', sizeof(value));
    headers[4].value = (uint8_t *)value;
    for (size_t over = 0; over <= 1; over++) {
        client_start(&client);
        carry(&client);
        headers[4].valuelen = HTTP2_HEADER_BYTES - others + over;
        nghttp2_submit_request(client.session, NULL, headers, 5, NULL, NULL);
        carry(&client);
        assert_string_equal(client.headers, over ? "" : ":status: 415\n");
        assert_true(client.closed);
        assert_int_equal(client.error_code, over ? NGHTTP2_INTERNAL_ERROR : NGHTTP2_NO_ERROR);
        client_stop(&client);
    }
}

static void end_of_the_collector(void **state)
{
    static struct client client;
    int32_t id;

    (void)state;
    client_start(&client);
    id = request(&client, METHOD, "application/grpc");
    SAY(&client, id, NODE_N);
    assert_false(http2_is_done(client.server));
    http2_end(client.server);
    carry(&client);
    assert_answer(&client);
    assert_non_null(strstr(client.headers, "grpc-status: 14\n"));
    assert_true(client.closed);
    assert_true(client.goaway);
    assert_true(http2_is_done(client.server));
    client_stop(&client);
}

/* --- what a SETTINGS behind a report says ------------------------------------------------- */

/* Everything that the client has for the server, while nothing comes from there. */
static void carry_up(struct client *client)
{
    const uint8_t *bytes;
    ssize_t count;

    while ((count = nghttp2_session_mem_send(client->session, &bytes)) > 0)
        assert_int_equal(http2_receive(client->server, bytes, (size_t)count), 0);
    assert_int_equal(count, 0);
}

static void add(struct client *client, int32_t id, const char *bytes, size_t count)
{
    memcpy(client->to_send + client->length, bytes, count);
    client->length += count;
    nghttp2_session_resume_data(client->session, id);
    carry_up(client);
}

#define ADD(client, id, literal) add(client, id, literal, sizeof(literal) - 1)

static void add_settings(struct client *client)
{
    assert_int_equal(nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
    carry_up(client);
}

/* The client's first SETTINGS, and one behind a report, are acknowledged. */
static int32_t one_report(struct client *client)
{
    int32_t id;

    client_start(client);
    id = request(client, METHOD, "application/grpc");
    ADD(client, id, NODE_N);
    add_settings(client);
    carry(client);
    assert_int_equal(client->acknowledged, 2);
    return id;
}

static void not_behind_a_refused_one(void **state)
{
    static struct client client;
    int32_t id;

    (void)state;
    id = one_report(&client);
    ADD(&client, id, STATS_C);
    add_settings(&client);
    ADD(&client, id, "\0\0\0\0\2\x0a\5");
    add_settings(&client);
    carry(&client);
    assert_non_null(strstr(client.headers, "grpc-status: 13\n"));
    assert_int_equal(client.acknowledged, 3); /* of the one that was taken */
    client.closed = false;
    id = request(&client, METHOD, "application/grpc"); /* the connection goes on */
    client.body_length = 0;
    SAY(&client, id, NODE_N);
    assert_answer(&client);
    client_stop(&client);
}

static void not_behind_one_that_was_not_written(void **state)
{
    static struct client client;
    FILE *full = fopen("/dev/full", "w");
    struct output lines;
    int32_t id;

    (void)state;
    id = one_report(&client);
    lines = client.service.output;
    output_begin(&client.service.output, full);
    ADD(&client, id, STATS_C);
    add_settings(&client);
    carry(&client);
    assert_non_null(strstr(client.headers, "grpc-status: 14\n"));
    assert_int_equal(client.acknowledged, 2);
    client.service.output = lines;
    fclose(full);
    client_stop(&client);
}

/* What the server has for the client, while the client does not read. */
static void count_acknowledged(struct client *client)
{
    const uint8_t *bytes;

    while (http2_send(client->server, &bytes) > 0)
        client->acknowledged += bytes[3] == NGHTTP2_SETTINGS && bytes[4] == NGHTTP2_FLAG_ACK;
}

/* Reports that are under way when the collector ends a stream: before its trailers are sent, and after. */
static void not_behind_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        const bool trailers_first = i & 1, of_all = i & 2;
        static struct client client;
        int32_t id = one_report(&client);

        if (of_all)
            http2_end(client.server);
        else
            ADD(&client, id, "\0\0\0\0\2\x0a\5"); /* refused */
        if (trailers_first)
            count_acknowledged(&client);
        ADD(&client, id, STATS_C);
        add_settings(&client);
        count_acknowledged(&client);
        assert_int_equal(client.acknowledged, 2);
        client_stop(&client);
    }
}

/* The collector ends, but this report had come. */
static void still_behind_what_was_taken(void **state)
{
    static struct client client;
    int32_t id = one_report(&client);

    (void)state;
    ADD(&client, id, STATS_C);
    http2_end(client.server);
    add_settings(&client);
    carry(&client);
    assert_int_equal(client.acknowledged, 3);
    client_stop(&client);
}

/* Its body may come before the answer is sent, and after. */
static void not_behind_a_request_that_is_refused(void **state)
{
    static const char *const paths[] = {"/other/Method", NULL};
    static char large[HTTP2_HEADER_BYTES + 1];

    (void)state;
    memset(large, 'a', sizeof(large) - 1);
    large[0] = '/';
    for (size_t i = 0; i < 2 * ARRAY_SIZE(paths); i++) {
        const char *path = paths[i / 2] ? paths[i / 2] : large;
        nghttp2_nv headers[] = {header(":method", "POST"), header(":scheme", "http"),
                                header(":authority", "x"), header(":path", path),
                                header("content-type", "application/grpc")};
        nghttp2_data_provider body = {.read_callback = read_request};
        static struct client client;
        int32_t id;

        one_report(&client);
        id = nghttp2_submit_request(client.session, NULL, headers, 5, &body, NULL);
        carry_up(&client);
        if (i & 1)
            count_acknowledged(&client);
        ADD(&client, id, STATS_C);
        add_settings(&client);
        count_acknowledged(&client);
        assert_int_equal(client.acknowledged, 2);
        client_stop(&client);
    }
}

static void not_http2(void **state)
{
    static const uint8_t bytes[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static struct client client;

    (void)state;
    client_start(&client);
    assert_string_equal(http2_error(client.server), "");
    assert_int_equal(http2_receive(client.server, bytes, sizeof(bytes)), -EPROTO);
    assert_string_not_equal(http2_error(client.server), "");
    assert_false(http2_had_request(client.server));
    client_stop(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_stream),
        cmocka_unit_test(what_is_not_served),
        cmocka_unit_test(bad_messages),
        cmocka_unit_test(ends_inside_a_message),
        cmocka_unit_test(too_much_held),
        cmocka_unit_test(long_node_names),
        cmocka_unit_test(asked_again),
        cmocka_unit_test(the_largest_holder_ends),
        cmocka_unit_test(large_header_list),
        cmocka_unit_test(end_of_the_collector),
        cmocka_unit_test(not_behind_a_refused_one),
        cmocka_unit_test(not_behind_one_that_was_not_written),
        cmocka_unit_test(not_behind_the_end),
        cmocka_unit_test(still_behind_what_was_taken),
        cmocka_unit_test(not_behind_a_request_that_is_refused),
        cmocka_unit_test(not_http2),
    };

    log_set_level(LOG_LEVEL_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
