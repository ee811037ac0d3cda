#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/log_repeats.h"

static char written[16384];

/* What one event at `level`, or without one the end of the program, leaves on stderr. */
static const char *captured(enum log_level level, const char *text)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    size_t length;

    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    if (text)
        log_write(level, "%s", text);
    else
        log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    length = fread(written, 1, sizeof(written) - 1, file);
    written[length] = '\0';
    fclose(file);
    return written;
}

static const char *flushed(void)
{
    return captured(LOG_LEVEL_OFF, NULL);
}

static void names_are_envoys(void **state)
{
    static const char *const names[] = {"trace", "debug",    "info", "warning",
                                        "error", "critical", "off"};
    enum log_level level;

    (void)state;
    for (int i = LOG_LEVEL_TRACE; i <= LOG_LEVEL_OFF; i++) {
        assert_int_equal(log_level_parse(names[i], &level), 0);
        assert_int_equal(level, i);
    }
    assert_int_equal(log_level_parse("warn", &level), 0);
    assert_int_equal(level, LOG_LEVEL_WARNING);
    assert_int_equal(log_level_parse("DEBUG", &level), 0);
    assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void unknown_name_changes_nothing(void **state)
{
    static const char *const names[] = {"", "inf", "infos", " info", "7"};
    enum log_level level = LOG_LEVEL_ERROR;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(log_level_parse(names[i], &level), -EINVAL);
    assert_int_equal(level, LOG_LEVEL_ERROR);
}

static void threshold_is_inclusive(void **state)
{
    (void)state;
    for (int at = LOG_LEVEL_TRACE; at <= LOG_LEVEL_OFF; at++) {
        log_set_level(at);
        for (int level = LOG_LEVEL_TRACE; level < LOG_LEVEL_OFF; level++)
            assert_int_equal(log_enabled(level), level >= at);
        assert_false(log_enabled(LOG_LEVEL_OFF));
    }
}

static void line_has_time_level_text(void **state)
{
    int year, month, day, hour, minute, second, milliseconds, end = 0;

    (void)state;
    log_set_level(LOG_LEVEL_WARNING);
    captured(LOG_LEVEL_WARNING, "cluster c: 100%s");
    sscanf(written, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour, &minute, &second,
           &milliseconds, &end);
    assert_int_equal(end, strlen("2024-01-01T00:00:00.000Z"));
    assert_string_equal(written + end, " warning cluster c: 100%s\n");
}

static void below_the_threshold_is_silent(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_WARNING);
    assert_string_equal(captured(LOG_LEVEL_INFO, "quiet"), "");
}

/* Texts carry foreign words, e.g. a server's grpc-message. */
static void event_is_one_line(void **state)
{
    const char *line;

    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    line = captured(LOG_LEVEL_INFO, "one\ntwo\r\x1b[31m\tthree\x7f \xc3\xa9 \xc2\x9b\xc2\xa0 \xc2");
    assert_non_null(strstr(line, " info one\\ntwo\\r\\x1b[31m\\tthree\\x7f \xc3\xa9 "
                                 "\\xc2\\x9b\xc2\xa0 \xc2\n"));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void formats_have_names(void **state)
{
    enum log_format format = LOG_FORMAT_TEXT;

    (void)state;
    assert_int_equal(log_format_parse("json", &format), 0);
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("%v", &format), -EINVAL);
    assert_int_equal(format, LOG_FORMAT_JSON);
    assert_int_equal(log_format_parse("text", &format), 0);
    assert_int_equal(format, LOG_FORMAT_TEXT);
}

static void json_is_one_line(void **state)
{
    const char *line, *behind;

    (void)state;
    log_set_format(LOG_FORMAT_JSON);
    line = captured(LOG_LEVEL_ERROR, "a \"b\" \\ \n\t\x1b\x7f \xc2\x9b \xc3\xa9");
    log_set_format(LOG_FORMAT_TEXT);
    assert_memory_equal(line, "{\"time\":\"20", 11);
    behind = line + strlen("{\"time\":\"2024-01-01T00:00:00.000");
    assert_string_equal(behind, "Z\",\"level\":\"error\",\"message\":\"a \\\"b\\\" \\\\ "
                                "\\n\\t\\u001b\\u007f \\u009b \xc3\xa9\"}\n");
}

/* RFC 3629: too long, a surrogate, beyond U+10FFFF, cut, a byte that begins nothing. */
static void json_is_utf8(void **state)
{
#define BAD "\xef\xbf\xbd"
    static const struct {
        const char *message, *expected;
    } rows[] = {{"\xf0\x9f\x98\x80\xe2\x82\xac", "\xf0\x9f\x98\x80\xe2\x82\xac"},
                {"\xc0\xaf", BAD BAD},
                {"\xe0\x9f\xbf", BAD BAD BAD},
                {"\xed\xa0\x80", BAD BAD BAD},
                {"\xf4\x90\x80\x80", BAD BAD BAD BAD},
                {"\xe2\x82", BAD BAD},
                {"\xf0\x9f\x98", BAD BAD BAD},
                {"\xff\"", BAD "\\\""}};
    const struct timespec now = {0};
    char line[LOG_LINE_MAX], expected[64];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        log_line_make(LOG_FORMAT_JSON, &now, "info", rows[i].message, line);
        snprintf(expected, sizeof(expected), "\"message\":\"%s\"}\n", rows[i].expected);
        assert_string_equal(strstr(line, "\"message\""), expected);
    }
}

/* Each becomes six bytes. */
static void the_longest_line_fits(void **state)
{
    const struct timespec now = {0};
    char message[LOG_MESSAGE_MAX], line[LOG_LINE_MAX];

    (void)state;
    memset(message, 1, sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    log_line_make(LOG_FORMAT_JSON, &now, "critical", message, line);
    assert_string_equal(line + strlen(line) - 9, "\\u0001\"}\n");
}

static void repetitions_are_left_out_and_told(void **state)
{
    const char *line;

    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    for (int i = 0; i < LOG_REPEATS; i++)
        assert_non_null(strstr(captured(LOG_LEVEL_WARNING, "again"), " warning again\n"));
    for (int i = 0; i < 7; i++)
        assert_string_equal(captured(LOG_LEVEL_WARNING, "again"), "");
    assert_non_null(strstr(captured(LOG_LEVEL_INFO, "again"), " info again\n"));
    line = flushed();
    assert_non_null(strstr(line, " warning left out, as it was written 5 times: 7 times: again\n"));
    assert_string_equal(flushed(), "");
}

static void a_flood_is_left_out_and_told(void **state)
{
    unsigned lines = 0;
    char text[32];

    (void)state;
    log_set_level(LOG_LEVEL_INFO);
    for (int i = 0; i < 10000; i++) {
        snprintf(text, sizeof(text), "127.0.0.1:%d: closed", i);
        lines += *captured(LOG_LEVEL_ERROR, text) != '\0';
    }
    assert_in_range(lines, LOG_REPEATS_OTHERS, LOG_REPEATS_OTHERS + LOG_REPEATS_KEPT);
    snprintf(text, sizeof(text), ": %u other messages\n", 10000 - lines);
    assert_non_null(strstr(flushed(), text));
    assert_non_null(strstr(written, " error left out, as 200 others were written: "));
    assert_string_equal(flushed(), "");
}

static void long_text_is_cut(void **state)
{
    char text[6000];
    const char *line;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_set_level(LOG_LEVEL_INFO);
    line = captured(LOG_LEVEL_INFO, text);
    assert_int_equal(strspn(strchr(line, 'x'), "x"), 4095);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_envoys),
        cmocka_unit_test(unknown_name_changes_nothing),
        cmocka_unit_test(threshold_is_inclusive),
        cmocka_unit_test(line_has_time_level_text),
        cmocka_unit_test(below_the_threshold_is_silent),
        cmocka_unit_test(event_is_one_line),
        cmocka_unit_test(formats_have_names),
        cmocka_unit_test(json_is_one_line),
        cmocka_unit_test(json_is_utf8),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(repetitions_are_left_out_and_told),
        cmocka_unit_test(a_flood_is_left_out_and_told),
        cmocka_unit_test(long_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
