/* The lines as a reader gets them. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"
#include "collector/output.h"
#include "envoy/service/load_stats/v3/lrs.pb-c.h"

/* What one call writes; checks that it is on its way when the call returns. */
struct capture {
    struct output output;
    char *text;
    size_t length;
};

static void capture_start(struct capture *capture)
{
    *capture = (struct capture){0};
    output_begin(&capture->output, open_memstream(&capture->text, &capture->length));
    assert_non_null(capture->output.sink.file);
}

static void assert_captured(struct capture *capture, const char *expected)
{
    assert_string_equal(capture->text, expected); /* before fclose: it was flushed */
    fclose(capture->output.sink.file);
    free(capture->text);
}

static struct origin origin;

static struct output_request example(const ProtobufCMessage *request)
{
    origin = (struct origin){0};
    return (struct output_request){.received = {1700000000, 1999},
                                   .origin = &origin,
                                   .peer = "[::1]:9",
                                   .stream = 3,
                                   .message = 4,
                                   .request = request};
}

static void request_lines(void **state)
{
    static const uint8_t with_unknown[] = {0x78, 1, 0x78, 1};
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    Envoy__Service__LoadStats__V3__LoadStatsRequest *decoded;
    struct output_request line = example(&request.base);
    struct capture capture;

    (void)state;
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_captured(&capture, "{\"received\":\"2023-11-14T22:13:20.000001Z\",\"peer\":\"[::1]:9\","
                              "\"stream\":3,\"message\":4,\"request\":{}}\n");
    decoded = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, sizeof(with_unknown),
                                                                         with_unknown);
    assert_non_null(decoded);
    line.request = &decoded->base;
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_non_null(strstr(capture.text, ",\"message\":4,\"unknown_fields\":2,\"request\":{}}\n"));
    assert_captured(&capture, capture.text);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(decoded, NULL);
}

static void origin_in_lines(void **state)
{
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    struct output_request line = example(&request.base);
    struct capture capture;

    (void)state;
    origin = (struct origin){.run = "9f", .stream = 7};
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_non_null(
        strstr(capture.text, ",\"message\":4,\"origin\":{\"run\":\"9f\",\"stream\":7},"));
    assert_captured(&capture, capture.text);
    origin.resent_stream = 6;
    origin.resent_report = 12;
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_non_null(strstr(capture.text, "\"stream\":7,\"resent\":{\"stream\":6,\"report\":12}},"));
    assert_captured(&capture, capture.text);
}

/* Of the stream, where the message names none. */
static void node_in_lines(void **state)
{
    static const uint8_t with_node[] = {0x0a, 3, 0x0a, 1, 'm'};
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    Envoy__Service__LoadStats__V3__LoadStatsRequest *decoded;
    struct output_request line = example(&request.base);
    struct capture capture;

    (void)state;
    line.node_id = "n";
    line.node_cluster = "";
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_non_null(strstr(
        capture.text, ",\"message\":4,\"node\":{\"id\":\"n\",\"cluster\":\"\"},\"request\":{}}\n"));
    assert_captured(&capture, capture.text);
    decoded = envoy__service__load_stats__v3__load_stats_request__unpack(NULL, sizeof(with_node),
                                                                         with_node);
    line.request = &decoded->base;
    capture_start(&capture);
    assert_int_equal(output_request(&capture.output, &line), 0);
    assert_non_null(
        strstr(capture.text, ",\"message\":4,\"request\":{\"node\":{\"id\":\"m\"}}}\n"));
    assert_captured(&capture, capture.text);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(decoded, NULL);
}

static void sums_lines(void **state)
{
    struct sums_row row = {.node_id = "n",
                           .node_cluster = "nc",
                           .cluster = "c",
                           .reports = 1,
                           .issued = 2,
                           .success = 3,
                           .error = 4,
                           .dropped = 5,
                           .new_connections = 6,
                           .failed_connections = 7,
                           .in_progress = 8,
                           .active_connections = UINT64_MAX};
    struct capture capture;

    (void)state;
    capture_start(&capture);
    assert_int_equal(output_sums(&capture.output, &row), 0);
    assert_captured(&capture,
                    "{\"sums\":{\"node\":{\"id\":\"n\",\"cluster\":\"nc\"},\"cluster\":\"c\","
                    "\"reports\":1,\"issued\":2,\"success\":3,\"error\":4,\"dropped\":5,"
                    "\"new_connections\":6,\"failed_connections\":7,\"in_progress\":8,"
                    "\"active_connections\":9223372036854775807}}\n");
    row.rest = true;
    capture_start(&capture);
    assert_int_equal(output_sums(&capture.output, &row), 0);
    assert_captured(&capture, "{\"sums\":{\"rest\":true,\"reports\":1,\"issued\":2,\"success\":3,"
                              "\"error\":4,\"dropped\":5,\"new_connections\":6,"
                              "\"failed_connections\":7}}\n");
}

static void a_full_disk(void **state)
{
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    struct output_request line = example(&request.base);
    FILE *full = fopen("/dev/full", "w");
    struct output output;

    (void)state;
    assert_non_null(full);
    output_begin(&output, full);
    assert_int_equal(output_request(&output, &line), -ENOSPC);
    assert_int_equal(output_request(&output, &line), -ENOSPC); /* each lost line says so */
    fclose(full);
}

/* --- a line that was cut short ------------------------------------------------------------- */

static FILE *open_lines(const char *path)
{
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    return file;
}

/* Whole lines in the file at `path`, and what else there is. */
static void assert_lines(const char *path, int whole, int cut)
{
    FILE *file = fopen(path, "re");
    char line[200];

    for (; fgets(line, sizeof(line), file); line[0] == '{' && strstr(line, "}\n") ? whole-- : cut--)
        ;
    fclose(file);
    assert_int_equal(whole, 0);
    assert_int_equal(cut, 0);
}

static void behind_what_a_kill_left(void **state)
{
    static const struct {
        const char *before;
        int whole, cut;
    } cases[] = {{"", 2, 0}, {"{}\n", 3, 0}, {"{\"received", 2, 1}, {"{}", 3, 0}};
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    struct output_request line = example(&request.base);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char path[] = "/tmp/test_output_XXXXXX";
        struct output output;
        FILE *file;

        close(mkstemp(path));
        file = open_lines(path);
        fputs(cases[i].before, file);
        fclose(file);
        file = open_lines(path);
        output_begin(&output, file);
        assert_int_equal(output_request(&output, &line), 0);
        assert_int_equal(output_request(&output, &line), 0);
        fclose(file);
        assert_lines(path, cases[i].whole, cases[i].cut);
        unlink(path);
    }
}

/* Room for some bytes of the second line, then for more. */
static void behind_a_failed_write(void **state)
{
    Envoy__Service__LoadStats__V3__LoadStatsRequest request =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    struct output_request line = example(&request.base);
    char path[] = "/tmp/test_output_XXXXXX";
    struct rlimit before, room;
    struct output output;
    FILE *file;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    close(mkstemp(path));
    file = open_lines(path);
    output_begin(&output, file);
    assert_int_equal(output_request(&output, &line), 0);
    room = (struct rlimit){(rlim_t)ftell(file) + 9, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &room);
    assert_int_equal(output_request(&output, &line), -EFBIG);
    assert_int_equal(output_request(&output, &line), -EFBIG); /* not even a newline */
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(output_request(&output, &line), 0);
    assert_int_equal(output_request(&output, &line), 0);
    fclose(file);
    assert_lines(path, 3, 1);
    unlink(path);
}

static size_t allocations_left;

static void *failing_malloc(size_t size)
{
    if (allocations_left == 0)
        return NULL;
    allocations_left--;
    return malloc(size);
}

/* Each allocation of jansson fails once: a line is written whole or not at all. */
static void out_of_memory(void **state)
{
    static const uint8_t bytes[] = {0x78, 1};
    Envoy__Service__LoadStats__V3__LoadStatsRequest *request =
        envoy__service__load_stats__v3__load_stats_request__unpack(NULL, sizeof(bytes), bytes);
    struct output_request line = example(&request->base);
    struct sums_row row = {.node_id = "n", .node_cluster = "nc", .cluster = "c"};
    int request_err = -ENOMEM, sums_err = -ENOMEM;
    struct capture capture;

    (void)state;
    line.node_id = line.node_cluster = "n";
    json_set_alloc_funcs(failing_malloc, free);
    for (size_t needed = 0; needed < 1000 && (request_err || sums_err); needed++) {
        capture_start(&capture);
        allocations_left = needed;
        request_err = output_request(&capture.output, &line);
        fflush(capture.output.sink.file);
        assert_int_equal(capture.length > 0, request_err == 0);
        if (!request_err)
            assert_non_null(strstr(capture.text, "\"unknown_fields\":1,\"request\":{}}\n"));
        fclose(capture.output.sink.file);
        free(capture.text);
        capture_start(&capture);
        allocations_left = needed;
        sums_err = output_sums(&capture.output, &row);
        fflush(capture.output.sink.file);
        assert_int_equal(capture.length > 0, sums_err == 0);
        if (!sums_err)
            assert_non_null(strstr(capture.text, "\"active_connections\":0}}\n"));
        fclose(capture.output.sink.file);
        free(capture.text);
    }
    json_set_alloc_funcs(malloc, free);
    assert_int_equal(request_err, 0);
    assert_int_equal(sums_err, 0);
    envoy__service__load_stats__v3__load_stats_request__free_unpacked(request, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_lines),
        cmocka_unit_test(origin_in_lines),
        cmocka_unit_test(node_in_lines),
        cmocka_unit_test(sums_lines),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(behind_what_a_kill_left),
        cmocka_unit_test(behind_a_failed_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
