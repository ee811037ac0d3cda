#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "command/top_rows.h"
#include "top_answer.h"

/* a: .1 and .2; b: .3, in a zone of its own. */
static json_t *answer(int issued, int success, int error)
{
    json_t *a = json_pack("[o, o]", answer_endpoint("10.0.0.1:80", issued, success, error),
                          answer_endpoint("10.0.0.2:80", 5, 4, 1));
    json_t *b = json_pack("[o]", answer_endpoint("10.0.0.3:80", 7, 7, 0));

    return json_pack("{s:[o, o]}", "clusters", answer_cluster("a", "z", a),
                     answer_cluster("b", "", b));
}

static struct top_rows read_rows(json_t *from, const struct top_rows *before, double seconds)
{
    struct top_rows rows;

    assert_int_equal(top_rows_read(from, before, seconds, &rows), 0);
    return rows;
}

static void what_a_row_says(void **state)
{
    struct top_rows rows = read_rows(answer(10, 6, 2), NULL, 0);
    const struct top_row *row = &rows.items[0];

    (void)state;
    assert_int_equal(rows.count, 3);
    assert_string_equal(row->cluster, "a");
    assert_string_equal(row->address, "10.0.0.1:80");
    assert_string_equal(row->locality_text, "eu/z");
    assert_string_equal(rows.items[2].locality_text, "eu");
    assert_int_equal(row->priority, 1);
    assert_int_equal(row->issued, 10);
    assert_int_equal(row->success, 6);
    assert_int_equal(row->error, 2);
    assert_int_equal(row->active, 2);
    assert_int_equal(row->connections, 1);
    assert_true(row->exact);
    assert_false(row->has_rate);
    assert_true(row->error_share == 0.25); /* of all so far */
    top_rows_clear(&rows);
}

static void rates_between_two_looks(void **state)
{
    struct top_rows before = read_rows(answer(10, 6, 2), NULL, 0);
    struct top_rows rows = read_rows(answer(30, 15, 3), &before, 4);

    (void)state;
    assert_true(rows.items[0].has_rate);
    assert_true(rows.items[0].rate == 5);
    assert_true(rows.items[0].error_share == 0.1);
    assert_true(rows.items[1].has_rate);
    assert_true(rows.items[1].rate == 0);
    assert_true(rows.items[1].error_share == 0); /* nothing had a result since then */
    top_rows_clear(&before);
    top_rows_clear(&rows);
}

/* An endpoint that is new, or begins anew, has no rate. */
static void no_rate(void **state)
{
    json_t *one =
        json_pack("{s:[o]}", "clusters",
                  answer_cluster("b", "z",
                                 json_pack("[o, o]", answer_endpoint("10.0.0.1:80", 1, 0, 0),
                                           answer_endpoint("10.0.0.9:80", 1, 0, 0))));
    struct top_rows before = read_rows(answer(10, 6, 2), NULL, 0);
    struct top_rows moved = read_rows(one, &before, 1);
    struct top_rows anew = read_rows(answer(9, 6, 2), &before, 1);

    (void)state;
    assert_false(moved.items[0].has_rate);
    assert_false(moved.items[1].has_rate);
    assert_false(anew.items[0].has_rate);
    assert_true(anew.items[1].has_rate);
    top_rows_clear(&before);
    top_rows_clear(&moved);
    top_rows_clear(&anew);
}

static void what_is_left_out_or_refused(void **state)
{
    json_t *elsewhere = answer_endpoint("10.0.0.1:80", 1, 0, 0);
    struct top_rows rows, empty = read_rows(json_pack("{s:[]}", "clusters"), NULL, 0);

    (void)state;
    json_object_set_new(elsewhere, "counted", json_false());
    rows = read_rows(
        json_pack("{s:[o]}", "clusters", answer_cluster("a", "", json_pack("[o]", elsewhere))),
        NULL, 0);
    assert_int_equal(rows.count, 0);
    assert_int_equal(empty.count, 0);
    top_rows_clear(&rows);
    top_rows_clear(&empty);
    assert_int_equal(top_rows_read(json_array(), NULL, 0, &rows), -EBADMSG);
    assert_int_equal(top_rows_read(json_pack("{s:i}", "clusters", 1), NULL, 0, &rows), -EBADMSG);
}

/* Anything may come from what is not loadtap: no row is made of what is missing. */
static void members_that_are_missing(void **state)
{
    json_t *bare =
        json_pack("{s:[{s:[{s:[{s:b}]}]}]}", "clusters", "localities", "endpoints", "counted", 1);
    struct top_rows rows = read_rows(bare, NULL, 0);

    (void)state;
    assert_int_equal(rows.count, 1);
    assert_string_equal(rows.items[0].cluster, "");
    assert_int_equal(rows.items[0].issued, 0);
    top_rows_clear(&rows);
}

/* The addresses' last digits, in order. */
static const char *picked(const struct top_rows *rows, const char *filter, enum top_column column,
                          bool descending)
{
    static char text[8];
    const struct top_row *out[8];
    size_t count = top_rows_pick(rows, filter, column, descending, out);

    for (size_t i = 0; i < count; i++)
        text[i] = out[i]->address[7];
    text[count] = '\0';
    return text;
}

static void order_and_filter(void **state)
{
    struct top_rows rows = read_rows(answer(6, 3, 3), NULL, 0);

    (void)state;
    assert_string_equal(picked(&rows, "", TOP_ISSUED, true), "312");
    assert_string_equal(picked(&rows, "", TOP_ISSUED, false), "213");
    assert_string_equal(picked(&rows, "", TOP_CLUSTER, true), "312");
    assert_string_equal(picked(&rows, "", TOP_ADDRESS, true), "321");
    assert_string_equal(picked(&rows, "", TOP_LOCALITY, false), "312");
    assert_string_equal(picked(&rows, "", TOP_ERROR_SHARE, true), "123");
    assert_string_equal(picked(&rows, "", TOP_SUCCESS, true), "321");
    assert_string_equal(picked(&rows, "", TOP_ERROR, true), "123");
    assert_string_equal(picked(&rows, "", TOP_RATE, true),
                        "123"); /* all alike: by cluster, address */
    assert_string_equal(picked(&rows, "", TOP_ACTIVE, true), "123");
    assert_string_equal(picked(&rows, "", TOP_CONNECTIONS, false), "123");
    assert_string_equal(picked(&rows, "0.2:", TOP_CLUSTER, false), "2");
    assert_string_equal(picked(&rows, "B", TOP_CLUSTER, false), "3");
    assert_string_equal(picked(&rows, "EU/Z", TOP_CLUSTER, false), "12");
    assert_string_equal(picked(&rows, "nothing", TOP_CLUSTER, false), "");
    top_rows_clear(&rows);
}

static void names_of_columns(void **state)
{
    enum top_column column = TOP_RATE;

    (void)state;
    for (enum top_column each = 0; each < TOP_COLUMNS; each++) {
        assert_int_equal(top_column_parse(top_column_name(each), &column), 0);
        assert_int_equal(column, each);
    }
    assert_int_equal(top_column_parse("", &column), -EINVAL);
    assert_false(top_column_descends(TOP_LOCALITY));
    assert_true(top_column_descends(TOP_RATE));
}

static void rows_for_programs(void **state)
{
    struct top_rows before = read_rows(answer(10, 6, 2), NULL, 0);
    struct top_rows rows = read_rows(answer(20, 6, 2), &before, 4);
    const struct top_row *first = &rows.items[0];
    json_t *list = top_rows_json(&first, 1);
    json_t *expected =
        json_pack("[{s:s, s:s, s:{s:s, s:s, s:s}, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:b}]",
                  "cluster", "a", "address", "10.0.0.1:80", "locality", "region", "eu", "zone", "z",
                  "sub_zone", "", "priority", 1, "issued_requests", 20, "successful_requests", 6,
                  "error_requests", 2, "requests_in_progress", 12, "active_connections", 1,
                  "requests_per_second", 2.5, "error_share", 0.0, "exact", 1);

    (void)state;
    assert_true(json_equal(list, expected));
    json_decref(list);
    first = &before.items[0];
    list = top_rows_json(&first, 1);
    assert_true(json_is_null(json_object_get(json_array_get(list, 0), "requests_per_second")));
    json_decref(list);
    json_decref(expected);
    top_rows_clear(&before);
    top_rows_clear(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_row_says),
        cmocka_unit_test(rates_between_two_looks),
        cmocka_unit_test(no_rate),
        cmocka_unit_test(what_is_left_out_or_refused),
        cmocka_unit_test(members_that_are_missing),
        cmocka_unit_test(order_and_filter),
        cmocka_unit_test(names_of_columns),
        cmocka_unit_test(rows_for_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
