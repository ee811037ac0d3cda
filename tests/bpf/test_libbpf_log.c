/* What the log shows of a program that the verifier refuses: nothing at first, everything once it is clear
 * that loading has failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "kernel/libbpf_log.h"
#include "rejected.skel.h"

#define WRITTEN_MAX (16 << 20)

static char *written;

/* What is in the log of a load that fails, and of its end. */
static const char *log_of(bool failed)
{
    struct rejected_bpf *skeleton = rejected_bpf__open();
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    size_t length;

    assert_non_null(skeleton);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    libbpf_log_begin();
    int result = rejected_bpf__load(skeleton);
    libbpf_log_end(failed);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rejected_bpf__destroy(skeleton);
    rewind(file);
    length = fread(written, 1, WRITTEN_MAX - 1, file);
    written[length] = '\0';
    fclose(file);
    assert_true(result < 0);
    return written;
}

static size_t count_lines(const char *text, const char *with)
{
    size_t count = 0;

    for (; (text = strstr(text, with)); text++)
        count++;
    return count;
}

static void test_nothing_where_another_attempt_loads(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    assert_string_equal(log_of(false), "");
}

static void assert_in_full(const char *log, const char *level)
{
    char line[64];

    snprintf(line, sizeof(line), "Z %s libbpf ", level);
    assert_int_equal(count_lines(log, line), count_lines(log, "\n"));
    assert_true(count_lines(log, "\n") > 500);
    assert_int_equal(count_lines(log, ": -- BEGIN PROG LOAD LOG --\n"), 1);
    assert_int_equal(count_lines(log, ": -- END PROG LOAD LOG --\n"), 1);
    assert_non_null(strstr(log, "invalid mem access"));
    assert_null(strstr(log, "left out"));
}

static void test_everything_where_none_does(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    assert_in_full(log_of(true), "error");
}

static void test_debugging_shows_it_as_it_comes(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_DEBUG);
    assert_in_full(log_of(false), "debug");
    assert_in_full(log_of(true), "debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_where_another_attempt_loads),
        cmocka_unit_test(test_everything_where_none_does),
        cmocka_unit_test(test_debugging_shows_it_as_it_comes),
    };

    if (geteuid()) {
        printf("1..0 # SKIP needs root\n");
        return 0;
    }
    written = malloc(WRITTEN_MAX);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(written);
    return failed;
}
