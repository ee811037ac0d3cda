#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/top_view.h"
#include "top_answer.h"

#define ROWS 40
#define ESCAPE '\x1b'

static struct top_rows rows;
static const struct top_row *all[ROWS];

/* 40 endpoints; the third has errors. */
static int make_rows(void **state)
{
    json_t *endpoints = json_array();

    (void)state;
    for (int i = 0; i < ROWS; i++) {
        char address[32];

        snprintf(address, sizeof(address), "10.0.0.%d:80", i);
        json_array_append_new(endpoints, answer_endpoint(address, 10, 8, i == 2 ? 2 : 0));
    }
    if (top_rows_read(json_pack("{s:[o]}", "clusters", answer_cluster("backend", "a", endpoints)),
                      NULL, 0, &rows))
        return -1;
    return top_rows_pick(&rows, "", TOP_ERROR, true, all) == ROWS ? 0 : -1;
}

static int drop_rows(void **state)
{
    (void)state;
    top_rows_clear(&rows);
    return 0;
}

static const struct top_state by_error = {.sort = TOP_ERROR, .descending = true};

static struct top_view view_of(size_t columns, size_t lines)
{
    return (struct top_view){.rows = all,
                             .count = ROWS,
                             .all = ROWS,
                             .state = &by_error,
                             .target = "unix:/x",
                             .columns = columns,
                             .lines = lines};
}

static char *screen(const struct top_view *view)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    top_screen(view, out);
    fclose(out);
    return text;
}

/* The characters of the next line, without control sequences; NULL: there is none. */
static const char *next_line(const char *at, char *out, size_t size)
{
    size_t used = 0;

    if (!*at)
        return NULL;
    for (; *at && *at != '\n'; at++) {
        if (*at == ESCAPE) {
            while (!(*at >= 'A' && *at <= 'Z') && !(*at >= 'a' && *at <= 'z'))
                at++;
        } else if (*at != '\r') {
            assert_true(used + 1 < size);
            out[used++] = *at;
        }
    }
    out[used] = '\0';
    return *at ? at + 1 : at;
}

static void it_fits_any_screen(void **state)
{
    static const size_t sizes[][2] = {{80, 24}, {40, 10}, {20, 5}, {10, 2}, {105, 30}, {250, 60}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct top_view view = view_of(sizes[i][0], sizes[i][1]);
        autofree char *text = screen(&view);
        char line[512];
        size_t lines = 0;

        for (const char *at = text; (at = next_line(at, line, sizeof(line))); lines++)
            assert_true(strlen(line) <= view.columns);
        assert_true(lines <= (view.lines > 4 ? view.lines : 5));
        assert_true(lines >= (view.lines > 4 ? view.lines : 5));
    }
}

static void what_80_columns_show(void **state)
{
    struct top_view view = view_of(80, 24);
    autofree char *text = NULL;
    char line[512];
    const char *at;

    (void)state;
    view.lrs = json_pack("{s:s, s:s, s:f}", "management_server", "management", "state", "connected",
                         "next_report_seconds", 1.25);
    text = screen(&view);
    at = next_line(text, line, sizeof(line));
    assert_string_equal(line, "stream to management: connected, next report in 1.2 s");
    at = next_line(at, line, sizeof(line));
    assert_string_equal(line, "40 endpoints");
    at = next_line(at, line, sizeof(line));
    assert_string_equal(
        line, "CLUSTER            ADDRESS                   RQ/S   ERR% ACTIVE CONNS    ISSUED");
    at = next_line(at, line, sizeof(line));
    assert_string_equal(
        line, "backend            10.0.0.2:80                  -   20.0      0     1        10");
    next_line(at, line, sizeof(line));
    assert_string_equal(
        line, "backend            10.0.0.0:80                  -    0.0      2     1        10");
    json_decref((json_t *)view.lrs);
}

static void wider_screens_show_more(void **state)
{
    struct top_view view = view_of(100, 24);
    autofree char *hundred = screen(&view), *wide = NULL;

    (void)state;
    view.columns = 140;
    wide = screen(&view);
    assert_non_null(strstr(hundred, "SUCCESS   vERROR"));
    assert_null(strstr(hundred, "LOCALITY"));
    assert_non_null(strstr(wide, "LOCALITY"));
    assert_non_null(strstr(wide, "eu/a"));
}

static void colours_only_where_they_are_wanted(void **state)
{
    struct top_view view = view_of(80, 24);
    autofree char *plain = screen(&view), *red = NULL;

    (void)state;
    view.colours = true;
    red = screen(&view);
    assert_null(strstr(plain, "\x1b[31m"));
    assert_non_null(strstr(red, "\x1b[31mbackend            10.0.0.2:80"));
    assert_null(strstr(red, "\x1b[31mbackend            10.0.0.3:80"));
}

static void scrolled_filtered_paused_in_trouble(void **state)
{
    struct top_state top = {.sort = TOP_ADDRESS, .first = 37, .paused = true, .filter = "10."};
    struct top_view view = view_of(80, 24);
    autofree char *text = NULL, *typing = NULL;

    (void)state;
    view.state = &top;
    view.count = 38;
    view.trouble = "unix:/x: loadtap does not answer";
    text = screen(&view);
    assert_non_null(strstr(text, "loadtap does not answer"));
    assert_non_null(strstr(text, "38 of 40 endpoints, filter: 10.  paused"));
    assert_non_null(strstr(text, "^ADDRESS"));
    assert_non_null(strstr(text, all[37]->address));
    assert_null(strstr(text, all[38]->address));
    top.typing = true;
    typing = screen(&view);
    assert_non_null(strstr(typing, "filter: 10._"));
}

/* A name may hold anything: the screen stays what it is. */
static void names_of_any_kind(void **state)
{
    struct top_row odd = *all[0], *pointer = &odd;
    struct top_view view = view_of(80, 24);
    autofree char *text = NULL;
    char line[512];
    const char *at;

    (void)state;
    odd.cluster = "a\x1b[2J\nb\xc3\xa4\xc3\xa4 and a long end";
    odd.exact = false;
    view.rows = (const struct top_row *const *)&pointer;
    view.count = 1;
    text = screen(&view);
    assert_null(strstr(text, "\x1b[2J"));
    at = text;
    for (int i = 0; i < 4; i++)
        at = next_line(at, line, sizeof(line));
    assert_string_equal(line, "a?[2J?b\xc3\xa4\xc3\xa4 and a lo 10.0.0.2:80                  -   "
                              "20.0      0     1        10~");
}

static void the_table(void **state)
{
    struct top_row long_row = *all[0];
    const struct top_row *two[] = {all[0], &long_row};
    char text[1024];
    FILE *out = fmemopen(text, sizeof(text), "w");

    (void)state;
    long_row.address = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
    long_row.has_rate = true;
    long_row.rate = 1234.56;
    top_table(two, 2, out);
    fclose(out);
    assert_string_equal(text, "CLUSTER            ADDRESS                                        "
                              "LOCALITY             RQ/S  "
                              " ERR% ACTIVE CONNS    ISSUED   SUCCESS    ERROR\n"
                              "backend            10.0.0.2:80                                    "
                              "eu/a                    -  "
                              " 20.0      0     1        10         8        2\n"
                              "backend            [2001:db8:1111:2222:3333:4444:5555:6666]:65535 "
                              "eu/a               1234.6  "
                              " 20.0      0     1        10         8        2\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fits_any_screen),
        cmocka_unit_test(what_80_columns_show),
        cmocka_unit_test(wider_screens_show_more),
        cmocka_unit_test(colours_only_where_they_are_wanted),
        cmocka_unit_test(scrolled_filtered_paused_in_trouble),
        cmocka_unit_test(names_of_any_kind),
        cmocka_unit_test(the_table),
    };

    return cmocka_run_group_tests(tests, make_rows, drop_rows);
}
