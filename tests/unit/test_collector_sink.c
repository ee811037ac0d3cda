/* Lines into a pipe, which takes them only as somebody reads. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/sink.h"

#define ROOM 8192 /* two pages: each write takes one, however short it is */
#define LONG_LINE (20 * ROOM)

struct fixture {
    struct sink sink;
    int reader;
    int ends[2]; /* whoever writes to ends[1] asks for the end */
    char *line;
};

static int start(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    int pipe_ends[2];
    FILE *file;

    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(pipe(fixture->ends), 0);
    assert_int_equal(fcntl(pipe_ends[1], F_SETPIPE_SZ, ROOM), ROOM);
    file = fdopen(pipe_ends[1], "w");
    assert_non_null(file);
    setvbuf(file, NULL, _IONBF, 0);
    sink_begin(&fixture->sink, file);
    fixture->sink.end = fixture->ends[0];
    fixture->reader = pipe_ends[0];
    fixture->line = malloc(LONG_LINE);
    memset(fixture->line, 'x', LONG_LINE);
    fixture->line[LONG_LINE - 1] = '\n';
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;

    fclose(fixture->sink.file);
    close(fixture->reader);
    close(fixture->ends[0]);
    close(fixture->ends[1]);
    free(fixture->line);
    free(fixture);
    return 0;
}

/* After a while another process reads everything. Returns its exit status: 0 where so much came. */
static pid_t read_later(const struct fixture *fixture, size_t expected)
{
    static const struct timespec while_ = {.tv_nsec = 200000000};
    pid_t reader = fork();
    char bytes[ROOM];
    ssize_t count;

    if (reader)
        return reader;
    fclose(fixture->sink.file);
    nanosleep(&while_, NULL);
    while ((count = read(fixture->reader, bytes, sizeof(bytes))) > 0)
        expected -= (size_t)count;
    _exit(expected != 0);
}

static void test_a_line_longer_than_the_pipe_comes_whole(void **state)
{
    struct fixture *fixture = *state;
    pid_t reader = read_later(fixture, LONG_LINE);
    int status;

    assert_int_equal(sink_line(&fixture->sink, fixture->line, LONG_LINE), 0);
    assert_false(fixture->sink.is_cut);
    fclose(fixture->sink.file);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
    fixture->sink.file = fopen("/dev/null", "w");
}

static unsigned long now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned long)now.tv_sec * 1000 + (unsigned long)now.tv_nsec / 1000000;
}

/* The first line that finds no reader uses up the time, and those after it do not wait at all. */
static void test_at_the_end_nobody_is_waited_for_long(void **state)
{
    struct fixture *fixture = *state;
    unsigned long began = now_ms();

    assert_int_equal(write(fixture->ends[1], "", 1), 1);
    assert_int_equal(sink_line(&fixture->sink, fixture->line, LONG_LINE), -EAGAIN);
    assert_in_range(now_ms() - began, SINK_END_MS - 1, SINK_END_MS + 5000);
    assert_true(fixture->sink.is_cut);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(sink_line(&fixture->sink, "a\n", 2), -EAGAIN);
    assert_in_range(now_ms() - began, SINK_END_MS - 1, SINK_END_MS + 5000);
}

static void test_at_the_end_what_is_read_is_written(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(write(fixture->ends[1], "", 1), 1);
    assert_int_equal(sink_line(&fixture->sink, "a\n", 2), 0);
    assert_int_equal(sink_line(&fixture->sink, "b\n", 2), 0);
    assert_int_equal(read(fixture->reader, fixture->line, ROOM), 4);
    assert_memory_equal(fixture->line, "a\nb\n", 4);
}

/* Where a reader comes back the next line begins behind a newline. */
static void test_behind_a_line_that_was_cut(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(write(fixture->ends[1], "", 1), 1);
    assert_int_equal(sink_line(&fixture->sink, fixture->line, LONG_LINE), -EAGAIN);
    assert_int_equal(read(fixture->reader, fixture->line, LONG_LINE), ROOM);
    assert_int_equal(sink_line(&fixture->sink, "b\n", 2), 0);
    assert_int_equal(read(fixture->reader, fixture->line, ROOM), 3);
    assert_memory_equal(fixture->line, "\nb\n", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_longer_than_the_pipe_comes_whole, start, stop),
        cmocka_unit_test_setup_teardown(test_at_the_end_nobody_is_waited_for_long, start, stop),
        cmocka_unit_test_setup_teardown(test_at_the_end_what_is_read_is_written, start, stop),
        cmocka_unit_test_setup_teardown(test_behind_a_line_that_was_cut, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
