/* The StreamLoadStats core against an nghttp2 server session; both are fed in memory, with the
 * bytes cut at random. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "failing_memory.h"
#include "grpc/head.h"
#include "stream/lrs_stream.h"

#define LOG_MAX 4096

struct server {
    nghttp2_session *session;
    char headers[2048]; /* "name: value\n" of the request */
    uint8_t data[1 << 18];
    size_t data_length;
    unsigned settings; /* SETTINGS frames from the client, without ACKs */
    size_t data_at_settings;
    int32_t stream;
    const uint8_t *body;
    size_t body_length, body_sent;
    bool end_behind_body; /* without trailers */
};

struct client {
    struct lrs_stream *stream;
    char log[LOG_MAX]; /* "m:<text>\n" for messages, "confirmed\n" */
};

static struct server server;
static struct client client;

/* --- the server ------------------------------------------------------------------------------- */

static int server_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_length, const uint8_t *value, size_t value_length,
                         uint8_t flags, void *arg)
{
    size_t used = strlen(server.headers);

    (void)session, (void)flags, (void)arg;
    server.stream = frame->hd.stream_id;
    snprintf(server.headers + used, sizeof(server.headers) - used, "%.*s: %.*s\n", (int)name_length,
             (const char *)name, (int)value_length, (const char *)value);
    return 0;
}

static int server_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                       size_t count, void *arg)
{
    (void)session, (void)flags, (void)id, (void)arg;
    assert_true(server.data_length + count <= sizeof(server.data));
    memcpy(server.data + server.data_length, bytes, count);
    server.data_length += count;
    return 0;
}

static int server_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    (void)session, (void)arg;
    if (frame->hd.type == NGHTTP2_SETTINGS && !(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
        server.settings++;
        server.data_at_settings = server.data_length;
    }
    return 0;
}

static ssize_t server_read(nghttp2_session *session, int32_t id, uint8_t *out, size_t room,
                           uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    size_t count = server.body_length - server.body_sent;

    (void)session, (void)id, (void)source, (void)arg;
    if (count > room)
        count = room;
    if (server.body_sent + count == server.body_length && server.end_behind_body)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0)
        return NGHTTP2_ERR_DEFERRED;
    memcpy(out, server.body + server.body_sent, count);
    server.body_sent += count;
    return (ssize_t)count;
}

/* A window below the default is only opened by the test. */
static void server_new(uint32_t window)
{
    nghttp2_option *option;
    const nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_session_callbacks *callbacks;

    memset(&server, 0, sizeof(server));
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, server_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, server_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, server_frame);
    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_no_auto_window_update(option, window < 65535);
    assert_int_equal(nghttp2_session_server_new2(&server.session, callbacks, NULL, option), 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    assert_int_equal(nghttp2_submit_settings(server.session, 0, &entry, 1), 0);
}

static nghttp2_nv nv(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name), strlen(value), 0};
}

/* Response headers, then the body; the stream stays open unless `end_stream`. */
static void respond(const char *status, const char *type, const char *grpc_status,
                    const char *grpc_message, bool end_stream)
{
    nghttp2_nv fields[4] = {nv(":status", status), nv("content-type", type)};
    const nghttp2_data_provider body = {.read_callback = server_read};
    size_t count = 2;

    if (grpc_status)
        fields[count++] = nv("grpc-status", grpc_status);
    if (grpc_message)
        fields[count++] = nv("grpc-message", grpc_message);
    assert_int_equal(nghttp2_submit_response(server.session, server.stream, fields, count,
                                             end_stream ? NULL : &body),
                     0);
}

static void respond_body(const void *body, size_t length)
{
    server.body = body;
    server.body_length = length;
    server.body_sent = 0;
    nghttp2_session_resume_data(server.session, server.stream);
}

/* --- moving bytes ------------------------------------------------------------------------------
 */

static void server_feed(const uint8_t *bytes, size_t count)
{
    for (size_t at = 0, piece; at < count; at += piece) {
        piece = 1 + (size_t)rand() % 40;
        if (piece > count - at)
            piece = count - at;
        assert_int_equal(nghttp2_session_mem_recv(server.session, bytes + at, piece), piece);
    }
}

static void client_feed(const uint8_t *bytes, size_t count)
{
    for (size_t at = 0, piece; at < count; at += piece) {
        piece = 1 + (size_t)rand() % 40;
        if (piece > count - at)
            piece = count - at;
        lrs_stream_receive(client.stream, bytes + at, piece);
    }
}

static bool to_server(void)
{
    const uint8_t *bytes;
    bool moved = false;
    size_t count;

    while ((count = lrs_stream_output(client.stream, &bytes)) > 0) {
        server_feed(bytes, count);
        moved = true;
    }
    return moved;
}

static bool to_client(void)
{
    const uint8_t *bytes;
    bool moved = false;
    ssize_t count;

    while ((count = nghttp2_session_mem_send(server.session, &bytes)) > 0) {
        client_feed(bytes, (size_t)count);
        moved = true;
    }
    return moved;
}

static void exchange(void)
{
    bool moved = true;

    while (moved) {
        moved = to_server();
        moved = to_client() || moved;
    }
}

/* --- the client --------------------------------------------------------------------------------
 */

static void client_message(void *arg, const uint8_t *message, size_t length)
{
    size_t used = strlen(client.log);

    (void)arg;
    if (length > 1000)
        snprintf(client.log + used, LOG_MAX - used, "m:%zu bytes\n", length);
    else
        snprintf(client.log + used, LOG_MAX - used, "m:%.*s\n", (int)length, (const char *)message);
}

static void client_confirmed(void *arg)
{
    (void)arg;
    strcat(client.log, "confirmed\n");
}

static bool is_encrypted;

static void client_new(void)
{
    static const struct lrs_metadata metadata[] = {{"X-Token", "secret"}};
    const struct lrs_stream_options options = {
        .authority = "lrs_cluster",
        .is_encrypted = is_encrypted,
        .user_agent = "loadtap/1",
        .metadata = metadata,
        .metadata_count = 1,
        .events = {.message = client_message, .confirmed = client_confirmed},
    };

    memset(&client, 0, sizeof(client));
    assert_int_equal(lrs_stream_new(&options, &client.stream), 0);
}

static int set_up(void **state)
{
    (void)state;
    srand(7);
    server_new(65535);
    client_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    nghttp2_session_del(server.session);
    lrs_stream_free(client.stream);
    return 0;
}

static void open_stream(void)
{
    exchange();
    respond("200", "application/grpc", NULL, NULL, false);
    exchange();
    assert_null(lrs_stream_end(client.stream));
}

/* They are taken, or stay ours. */
static int send_all(struct grpc_messages *messages, bool mark)
{
    int error = lrs_stream_send(client.stream, messages, mark);

    assert_int_equal(messages->count == 0, error == 0);
    grpc_messages_clear(messages);
    return error;
}

static int send_bytes(const uint8_t *bytes, size_t length, bool mark)
{
    struct grpc_messages messages = {0};

    assert_int_equal(grpc_messages_add(&messages, bytes, length), 0);
    return send_all(&messages, mark);
}

static int send_text(const char *text, bool mark)
{
    return send_bytes((const uint8_t *)text, strlen(text), mark);
}

static void assert_ended(const char *reason)
{
    assert_non_null(lrs_stream_end(client.stream));
    assert_string_equal(lrs_stream_end(client.stream), reason);
    assert_int_equal(send_text("x", false), -EPIPE);
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void test_request_headers(void **state)
{
    (void)state;
    exchange();
    assert_string_equal(server.headers,
                        ":method: POST\n:scheme: http\n"
                        ":path: /envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats\n"
                        ":authority: lrs_cluster\nte: trailers\ncontent-type: application/grpc\n"
                        "user-agent: loadtap/1\nx-token: secret\n");
    assert_int_equal(
        nghttp2_session_get_remote_settings(server.session, NGHTTP2_SETTINGS_ENABLE_PUSH), 0);
    assert_int_equal(server.settings, 1);
    assert_null(lrs_stream_end(client.stream));
}

static int set_up_encrypted(void **state)
{
    is_encrypted = true;
    set_up(state);
    is_encrypted = false;
    return 0;
}

static void test_scheme_of_tls(void **state)
{
    (void)state;
    exchange();
    assert_non_null(strstr(server.headers, ":scheme: https\n"));
}

static void test_first_message_before_the_response(void **state)
{
    (void)state;
    assert_int_equal(send_text("node", true), 0);
    assert_int_equal(send_text("more", true), -EAGAIN);
    exchange();
    assert_int_equal(server.data_length, 9);
    assert_memory_equal(server.data, "\0\0\0\0\4node", 9);
    assert_string_equal(client.log, "confirmed\n");
}

static void test_messages_both_ways(void **state)
{
    (void)state;
    open_stream();
    assert_int_equal(send_text("one", false), 0);
    exchange();
    assert_int_equal(send_text("", false), 0);
    exchange();
    assert_int_equal(server.data_length, 13);
    assert_memory_equal(server.data, "\0\0\0\0\3one\0\0\0\0\0", 13);
    respond_body("\0\0\0\0\1a\0\0\0\0\0\0\0\0\0\2bc", 18);
    exchange();
    assert_string_equal(client.log, "m:a\nm:\nm:bc\n");
    assert_int_equal(server.settings, 1); /* nothing was marked */
}

static void test_several_messages_and_one_mark(void **state)
{
    static const char *const texts[] = {"one", "", "three"};
    struct grpc_messages three = {0};

    (void)state;
    open_stream();
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(grpc_messages_add(&three, (const uint8_t *)texts[i], strlen(texts[i])), 0);
    assert_int_equal(send_all(&three, true), 0);
    assert_int_equal(send_text("more", false), -EAGAIN);
    exchange();
    assert_int_equal(server.data_length, 23);
    assert_memory_equal(server.data, "\0\0\0\0\3one\0\0\0\0\0\0\0\0\0\5three", 23);
    assert_int_equal(server.settings, 2);
    assert_int_equal(server.data_at_settings, server.data_length);
    assert_string_equal(client.log, "confirmed\n");
}

static void test_large_message_goes_through_windows(void **state)
{
    static uint8_t large[200000];

    (void)state;
    open_stream();
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (uint8_t)(i * 31 >> 3);
    assert_int_equal(send_bytes(large, sizeof(large), true), 0);
    exchange();
    assert_int_equal(server.data_length, 5 + sizeof(large));
    assert_memory_equal(server.data + 5, large, sizeof(large));
    /* its confirmation was asked for behind its last byte, not before */
    assert_int_equal(server.settings, 2);
    assert_int_equal(server.data_at_settings, server.data_length);
    assert_string_equal(client.log, "confirmed\n");
}

/* What comes meanwhile goes out behind it, not in its midst. */
static void test_frame_goes_out_whole(void **state)
{
    const uint8_t *bytes;

    (void)state;
    open_stream();
    assert_int_equal(send_text("report", true), 0);
    assert_int_equal(lrs_stream_output(client.stream, &bytes), 9); /* its head */
    server_feed(bytes, 9);
    nghttp2_submit_ping(server.session, 0, NULL);
    respond_body("\0\0\0\0\1a", 6);
    to_client();
    assert_string_equal(client.log, "m:a\n");
    assert_int_equal(lrs_stream_output(client.stream, &bytes), 11);
    assert_memory_equal(bytes + 5, "report", 6);
    server_feed(bytes, 11);
    assert_int_equal(server.data_length, 11);
    exchange();
    assert_int_equal(server.settings, 2);
    assert_string_equal(client.log, "m:a\nconfirmed\n");
    assert_null(lrs_stream_end(client.stream));
}

static void test_reset_within_a_frame(void **state)
{
    const uint8_t *bytes;

    (void)state;
    for (int outputs = 0; outputs < 3; outputs++) {
        tear_down(NULL);
        set_up(NULL);
        open_stream();
        assert_int_equal(send_text("report", true), 0);
        for (int i = 0; i < outputs; i++)
            assert_true(lrs_stream_output(client.stream, &bytes) > 0);
        nghttp2_submit_rst_stream(server.session, 0, server.stream, NGHTTP2_CANCEL);
        to_client();
        assert_ended("management server reset the stream: CANCEL");
        assert_int_equal(lrs_stream_output(client.stream, &bytes), 0);
        assert_string_equal(client.log, "");
    }
}

static void test_closed_window_holds_message_and_mark(void **state)
{
    (void)state;
    nghttp2_session_del(server.session);
    server_new(7);
    exchange(); /* the server's settings are known before the message is read */
    assert_int_equal(send_text("three", true), 0);
    to_server();
    assert_int_equal(server.data_length, 7);
    assert_int_equal(server.settings, 1);
    assert_int_equal(send_text("more", false), -EAGAIN);
    assert_string_equal(client.log, "");
    assert_int_equal(nghttp2_submit_window_update(server.session, 0, server.stream, 2), 0);
    to_client();
    to_server();
    assert_int_equal(server.data_length, 9);
    assert_int_equal(server.settings, 1);
    assert_int_equal(nghttp2_submit_window_update(server.session, 0, server.stream, 1), 0);
    exchange();
    assert_int_equal(server.data_length, 10);
    assert_int_equal(server.settings, 2);
    assert_string_equal(client.log, "confirmed\n");
    assert_int_equal(send_text("more", false), 0);
}

static void test_marks_are_confirmed_in_order_and_bounded(void **state)
{
    (void)state;
    open_stream();
    for (int i = 0; i < LRS_MARKS_MAX; i++) {
        assert_int_equal(send_text("m", true), 0);
        to_server();
        assert_string_equal(client.log, "");
    }
    assert_int_equal(send_text("m", true), -EAGAIN);
    assert_int_equal(send_text("m", false), 0);
    exchange();
    for (int i = 0; i < LRS_MARKS_MAX; i++)
        assert_memory_equal(client.log + 10 * i, "confirmed\n", 10);
    assert_int_equal(strlen(client.log), 10 * LRS_MARKS_MAX);
    assert_int_equal(send_text("m", true), 0);
}

static void test_trailers_end_it(void **state)
{
    const nghttp2_nv trailers[] = {nv("grpc-status", "14"),
                                   nv("grpc-message", "try%20later%0a%zz")};

    (void)state;
    open_stream();
    assert_int_equal(nghttp2_submit_trailer(server.session, server.stream, trailers, 2), 0);
    exchange();
    assert_ended("management server ended the stream: UNAVAILABLE (14): try later?%zz");
}

static void test_ok_ends_it_too(void **state)
{
    (void)state;
    exchange();
    respond("200", "application/grpc", "0", NULL, true);
    exchange();
    assert_ended("management server ended the stream: OK (0)");
}

static void test_responses_that_are_no_stream(void **state)
{
    static const struct {
        const char *status, *type, *grpc_status, *reason;
        bool end_stream;
    } cases[] = {
        {"200", "application/grpc", "12",
         "management server ended the stream: UNIMPLEMENTED (12): text", true},
        {"200", "application/grpc+proto", "77",
         "management server ended the stream: unknown grpc-status (77): text", true},
        {"404", "text/html", NULL,
         "management server did not answer with a gRPC stream: HTTP status 404", false},
        {"503", "text/html", NULL,
         "management server did not answer with a gRPC stream: HTTP status 503", true},
        {"200", "text/html", NULL,
         "management server did not answer with a gRPC stream: content-type text/html", false},
        {"200", "application/grpcx", NULL,
         "management server did not answer with a gRPC stream: content-type application/grpcx",
         false},
        {"200", "application/grpc", NULL,
         "management server did not answer with a gRPC stream: no grpc-status", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        exchange();
        respond(cases[i].status, cases[i].type, cases[i].grpc_status, "text", cases[i].end_stream);
        exchange();
        assert_ended(cases[i].reason);
        tear_down(state);
        set_up(state);
    }
}

static void test_informational_response_is_passed_over(void **state)
{
    static char link[GRPC_HEAD_LIST_MAX / 2];
    nghttp2_nv early[] = {nv(":status", "103"), nv("link", "")};

    (void)state;
    memset(link, 'l', sizeof(link) - 1);
    early[1] = nv("link", link); /* each block has the limit to itself */
    exchange();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            nghttp2_submit_headers(server.session, 0, server.stream, NULL, early, 2, NULL), 0);
        exchange();
        assert_null(lrs_stream_end(client.stream));
    }
    open_stream();
}

static void test_end_without_trailers(void **state)
{
    (void)state;
    open_stream();
    server.end_behind_body = true;
    respond_body("\0\0\0\0\1a", 6);
    exchange();
    assert_string_equal(client.log, "m:a\n");
    assert_ended("management server ended the stream: no grpc-status");
}

static void test_trailers_without_status(void **state)
{
    const nghttp2_nv trailers[] = {nv("x-other", "1")};

    (void)state;
    open_stream();
    assert_int_equal(nghttp2_submit_trailer(server.session, server.stream, trailers, 1), 0);
    exchange();
    assert_ended("management server ended the stream: no grpc-status");
}

#define TRAILERS                                                                                   \
    "\0\0\xf\1\5\0\0\0\1" /* HEADERS: END_STREAM, END_HEADERS */                                   \
    "\0\xbgrpc-status\1"                                                                           \
    "0"
#define RESET "\0\0\4\3\0\0\0\0\1\0\0\0\0" /* RST_STREAM: NO_ERROR */
#define ACK "\0\0\0\4\1\0\0\0\0"           /* SETTINGS: ACK */

/* A server that is done with the call drops a report that comes, and acknowledges it all the same. */
static void test_acknowledgement_around_the_end(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *log, *end;
    } cases[] = {
#define CASE(bytes, log, end) {bytes, sizeof(bytes) - 1, log, end}
        CASE(TRAILERS ACK, "", "management server ended the stream: OK (0)"),
        CASE(ACK TRAILERS, "confirmed\n", "management server ended the stream: OK (0)"),
        CASE(RESET ACK, "", "management server reset the stream: NO_ERROR"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        open_stream();
        assert_int_equal(send_text("report", true), 0);
        to_server();
        lrs_stream_receive(client.stream, (const uint8_t *)cases[i].bytes, cases[i].length);
        assert_ended(cases[i].end);
        assert_string_equal(client.log, cases[i].log);
        tear_down(state);
        set_up(state);
    }
}

static void test_more_acknowledgements_than_settings(void **state)
{
    static const uint8_t two[] = "\0\0\0\4\1\0\0\0\0\0\0\0\4\1\0\0\0\0";

    (void)state;
    open_stream();
    assert_int_equal(send_text("report", true), 0);
    to_server();
    lrs_stream_receive(client.stream, two, sizeof(two) - 1);
    assert_non_null(lrs_stream_end(client.stream));
    assert_string_equal(client.log, "");
}

static void test_nothing_is_handed_out_behind_the_end(void **state)
{
    const uint8_t *bytes;
    uint8_t all[1000];
    size_t used = 0;
    ssize_t count;

    (void)state;
    exchange();
    respond("404", "text/html", NULL, NULL, false);
    respond_body("\0\0\0\0\1a", 6);
    nghttp2_submit_ping(server.session, 0, NULL);
    while ((count = nghttp2_session_mem_send(server.session, &bytes)) > 0) {
        assert_true(used + (size_t)count <= sizeof(all));
        memcpy(all + used, bytes, (size_t)count);
        used += (size_t)count;
    }
    lrs_stream_receive(client.stream, all, used);
    assert_ended("management server did not answer with a gRPC stream: HTTP status 404");
    assert_string_equal(client.log, "");
    assert_int_equal(lrs_stream_output(client.stream, &bytes), 0);
}

static void test_cut_message_is_freed(void **state)
{
    (void)state;
    open_stream();
    respond_body("\0\0\0\0\7ab", 7);
    exchange();
    assert_string_equal(client.log, ""); /* the leak checker does the rest */
}

static void test_reset(void **state)
{
    (void)state;
    open_stream();
    assert_int_equal(
        nghttp2_submit_rst_stream(server.session, 0, server.stream, NGHTTP2_ENHANCE_YOUR_CALM), 0);
    exchange();
    assert_ended("management server reset the stream: ENHANCE_YOUR_CALM");
}

static void test_goaway_alone_ends_nothing(void **state)
{
    static const uint8_t long_text[] = "a longer text that must not shine through";

    (void)state;
    open_stream();
    assert_int_equal(nghttp2_submit_goaway(server.session, 0, INT32_MAX, NGHTTP2_NO_ERROR,
                                           long_text, sizeof(long_text) - 1),
                     0);
    exchange();
    assert_int_equal(nghttp2_submit_goaway(server.session, 0, server.stream, NGHTTP2_NO_ERROR,
                                           (const uint8_t *)"max\nage", 7),
                     0);
    exchange();
    assert_null(lrs_stream_end(client.stream));
    assert_int_equal(send_text("report", true), 0);
    exchange();
    assert_int_equal(server.data_length, 11);
    assert_string_equal(client.log, "confirmed\n");
    respond_body("\0\0\0\0\1a", 6);
    exchange();
    assert_string_equal(client.log, "confirmed\nm:a\n");
    lrs_stream_receive_eof(client.stream);
    assert_ended("management server closed the connection: NO_ERROR max?age");
}

static void test_ping_is_answered(void **state)
{
    (void)state;
    open_stream();
    assert_int_equal(lrs_stream_ping(client.stream), 0);
    assert_true(lrs_stream_awaits_pong(client.stream));
    to_server();
    assert_true(lrs_stream_awaits_pong(client.stream));
    exchange();
    assert_false(lrs_stream_awaits_pong(client.stream));
    for (int i = 0; i < 3; i++) { /* answers that nobody asked for */
        nghttp2_submit_ping(server.session, NGHTTP2_FLAG_ACK, NULL);
        exchange();
    }
    assert_int_equal(lrs_stream_ping(client.stream), 0);
    assert_true(lrs_stream_awaits_pong(client.stream));
    assert_null(lrs_stream_end(client.stream));
}

static void test_pinged_too_often(void **state)
{
    static const struct {
        uint32_t code;
        const char *text;
        bool is_about_pings;
    } cases[] = {{NGHTTP2_NO_ERROR, "too_many_pings", false},
                 {NGHTTP2_ENHANCE_YOUR_CALM, "too_many_things", false},
                 {NGHTTP2_ENHANCE_YOUR_CALM, "", false},
                 {NGHTTP2_ENHANCE_YOUR_CALM, "too_many_pings", true}};

    (void)state;
    open_stream();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        nghttp2_submit_goaway(server.session, 0, server.stream, cases[i].code,
                              (const uint8_t *)cases[i].text, strlen(cases[i].text));
        exchange();
        assert_int_equal(lrs_stream_pinged_too_often(client.stream), cases[i].is_about_pings);
    }
    lrs_stream_receive_eof(client.stream);
    assert_ended("management server closed the connection: ENHANCE_YOUR_CALM too_many_pings");
}

static void test_goaway_below_our_stream(void **state)
{
    static const uint8_t frame[] = {0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};

    (void)state;
    to_server();
    to_client();
    client_feed(frame, sizeof(frame));
    exchange();
    assert_ended("management server refused the stream and goes away: REFUSED_STREAM");
}

static void test_end_of_connection(void **state)
{
    (void)state;
    open_stream();
    lrs_stream_receive_eof(client.stream);
    assert_ended("management server closed the connection");
    lrs_stream_receive(client.stream, (const uint8_t *)"x", 1);
    assert_ended("management server closed the connection");
}

static void test_not_http2(void **state)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

    (void)state;
    client_feed((const uint8_t *)answer, sizeof(answer) - 1);
    to_server();
    assert_ended("management server does not speak HTTP/2");
}

static void test_forbidden_frame(void **state)
{
    static const uint8_t window_update_of_0[] = {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};

    (void)state;
    open_stream();
    client_feed(window_update_of_0, sizeof(window_update_of_0));
    assert_ended("management server broke HTTP/2: Protocol error");
}

static void test_garbage_frames_end_it(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 300; seed++) {
        uint8_t garbage[200];

        srand(seed);
        for (size_t i = 0; i < sizeof(garbage); i++)
            garbage[i] = (uint8_t)rand();
        garbage[0] = garbage[1] = 0; /* a frame of legal length, of any kind */
        exchange();
        client_feed(garbage, sizeof(garbage));
        to_server();
        if (lrs_stream_end(client.stream))
            assert_int_equal(send_text("x", false), -EPIPE);
        tear_down(state);
        set_up(state);
    }
}

/* The SETTINGS that forbid it are not acknowledged yet. nghttp2 refuses it before we see it. */
static void test_pushed_response_is_not_ours(void **state)
{
    static const uint8_t frames[] = {
        0,   0, 0,  4, 0,    0,    0,    0,    0, /* SETTINGS */
        0,   0, 10, 5, 4,    0,    0,    0,    1, /* PUSH_PROMISE */
        0,   0, 0,  2, 0x82, 0x86, 0x84, 0x41, 1, 'a',
        0,   0, 1,  1, 5,    0,    0,    0,    2, /* HEADERS, to its end */
        0x8e};

    (void)state;
    to_server();
    client_feed(frames, sizeof(frames));
    to_server();
    assert_null(lrs_stream_end(client.stream));
}

static void test_bad_grpc_frames(void **state)
{
    (void)state;
    open_stream();
    respond_body("\0\xff\xff\xff\xff", 5);
    exchange();
    assert_ended("management server sent a message of more than 4194304 bytes");
    tear_down(state);
    set_up(state);
    open_stream();
    respond_body("\1\0\0\0\1a", 6);
    exchange();
    assert_ended("management server sent a compressed message, or no gRPC message");
    assert_string_equal(client.log, "");
}

static void test_received_data_reopens_the_windows(void **state)
{
    static uint8_t large[5 + 300000] = {0, 0, 4, 0x93, 0xe0};

    (void)state;
    open_stream();
    respond_body(large, sizeof(large));
    exchange();
    assert_string_equal(client.log, "m:300000 bytes\n");
}

static void test_oversized_headers(void **state)
{
    static char value[GRPC_HEAD_LIST_MAX + 1];

    (void)state;
    exchange();
    memset(value, 'x', sizeof(value) - 1);
    respond("200", "application/grpc", NULL, value, false);
    exchange();
    assert_ended("management server sent headers of more than 16384 bytes");
}

static void test_flood_from_a_server_that_does_not_read(void **state)
{
    static const uint8_t ping[17] = {0, 0, 8, 6};
    int i;

    (void)state;
    exchange();
    for (i = 0; i < 5000 && !lrs_stream_end(client.stream); i++)
        lrs_stream_receive(client.stream, ping, sizeof(ping));
    assert_true(i > 50 && i < 1100);
    assert_non_null(lrs_stream_end(client.stream));
}

/* The windows are not opened again, so the server breaks them; nothing is queued for each frame. */
static void test_data_from_a_server_that_does_not_read(void **state)
{
    static const uint8_t frame[9 + 16384] = {0, 0x40, 0, [8] = 1, [12] = 0x3f, [13] = 0xfb};
    const uint8_t *bytes;

    (void)state;
    open_stream();
    for (int i = 0; i < 100; i++)
        lrs_stream_receive(client.stream, frame, sizeof(frame));
    assert_true(strlen(client.log) < 10 * strlen("m:16379 bytes\n"));
    while (lrs_stream_output(client.stream, &bytes) > 0)
        ;
    assert_ended("management server broke HTTP/2: FLOW_CONTROL_ERROR");
}

static void test_too_much_metadata(void **state)
{
    static struct lrs_metadata metadata[101];
    struct lrs_stream *stream = NULL;
    struct lrs_stream_options options = {.authority = "a", .user_agent = "u", .metadata = metadata};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(metadata); i++)
        metadata[i] = (struct lrs_metadata){"a", "b"};
    options.metadata_count = 101;
    assert_int_equal(lrs_stream_new(&options, &stream), -EINVAL);
    assert_null(stream);
    options.metadata_count = 100;
    assert_int_equal(lrs_stream_new(&options, &stream), 0);
    lrs_stream_free(stream);
}

static void test_out_of_memory_when_made(void **state)
{
    const struct lrs_stream_options options = {.authority = "a", .user_agent = "u"};
    struct lrs_stream *stream = NULL;
    int err = -ENOMEM;
    long left;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (left = 0; err; left++) {
        long live = memory_live;

        memory_left = left;
        err = lrs_stream_new(&options, &stream);
        memory_left = -1;
        if (!err)
            break;
        assert_int_equal(err, -ENOMEM);
        assert_null(stream);
        assert_int_equal(memory_live, live);
    }
    assert_in_range(left, 5, 100);
    lrs_stream_free(stream);
}

static void test_sending_takes_no_memory(void **state)
{
    struct grpc_messages messages = {0};

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    open_stream();
    assert_int_equal(grpc_messages_add(&messages, (const uint8_t *)"report", 6), 0);
    memory_left = 0;
    assert_int_equal(lrs_stream_send(client.stream, &messages, true), 0);
    assert_int_equal(memory_left, 0); /* nobody has asked for any */
    memory_left = -1;
    exchange();
    assert_int_equal(server.data_length, 11);
    assert_string_equal(client.log, "confirmed\n");
}

static void test_out_of_memory_when_receiving(void **state)
{
    const uint8_t *bytes;
    ssize_t count;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    open_stream();
    respond_body("\0\0\0\0\2bc", 7);
    count = nghttp2_session_mem_send(server.session, &bytes);
    memory_left = 0;
    lrs_stream_receive(client.stream, bytes, (size_t)count - 1); /* a cut message is kept */
    memory_left = -1;
    assert_ended("no memory for a message of the management server");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_headers),
        cmocka_unit_test_setup_teardown(test_scheme_of_tls, set_up_encrypted, tear_down),
        TEST(test_first_message_before_the_response),
        TEST(test_messages_both_ways),
        TEST(test_several_messages_and_one_mark),
        TEST(test_large_message_goes_through_windows),
        TEST(test_frame_goes_out_whole),
        TEST(test_reset_within_a_frame),
        TEST(test_closed_window_holds_message_and_mark),
        TEST(test_marks_are_confirmed_in_order_and_bounded),
        TEST(test_trailers_end_it),
        TEST(test_ok_ends_it_too),
        TEST(test_responses_that_are_no_stream),
        TEST(test_informational_response_is_passed_over),
        TEST(test_end_without_trailers),
        TEST(test_trailers_without_status),
        TEST(test_acknowledgement_around_the_end),
        TEST(test_more_acknowledgements_than_settings),
        TEST(test_nothing_is_handed_out_behind_the_end),
        TEST(test_cut_message_is_freed),
        TEST(test_forbidden_frame),
        TEST(test_data_from_a_server_that_does_not_read),
        TEST(test_reset),
        TEST(test_goaway_alone_ends_nothing),
        TEST(test_ping_is_answered),
        TEST(test_pinged_too_often),
        TEST(test_goaway_below_our_stream),
        TEST(test_end_of_connection),
        TEST(test_not_http2),
        TEST(test_garbage_frames_end_it),
        TEST(test_pushed_response_is_not_ours),
        TEST(test_bad_grpc_frames),
        TEST(test_received_data_reopens_the_windows),
        TEST(test_oversized_headers),
        TEST(test_flood_from_a_server_that_does_not_read),
        cmocka_unit_test(test_too_much_metadata),
        cmocka_unit_test(test_out_of_memory_when_made),
        TEST(test_sending_takes_no_memory),
        TEST(test_out_of_memory_when_receiving),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
