#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/huffman.h"
#include "kernel/probes.h"

static size_t fill(struct health_check *checks, size_t count, struct probe_set *set)
{
    const struct cluster cluster = {.health_checks = checks, .health_check_count = count};

    return probes_fill(&cluster, set);
}

static void path_and_host_as_they_are(void **state)
{
    struct health_check checks[] = {{"/Check", "Me.Example"}, {"/x", ""}};
    struct probe_set set;

    (void)state;
    assert_int_equal(fill(checks, 2, &set), 2);
    assert_int_equal(set.probe[0].path_len, 6);
    assert_string_equal(set.probe[0].path, "/Check");
    assert_int_equal(set.probe[0].host_len, 10);
    assert_string_equal(set.probe[0].host, "Me.Example");
    assert_int_equal(set.probe[1].host_len, 0);
    assert_int_equal(set.probe[2].path_len, 0);
}

static void the_limits(void **state)
{
    char path[PROBE_PATH_MAX + 1], host[PROBE_HOST_MAX + 1];
    struct health_check checks[] = {{path, ""}, {"/", host}};
    struct probe_set set;

    (void)state;
    memset(path, 'p', sizeof(path));
    memset(host, 'h', sizeof(host));
    path[PROBE_PATH_MAX - 1] = host[PROBE_HOST_MAX - 1] = 0;
    assert_int_equal(fill(checks, 2, &set), 2);
    path[PROBE_PATH_MAX - 1] = 'p', path[PROBE_PATH_MAX] = 0;
    assert_int_equal(fill(checks, 2, &set), 1);
    assert_string_equal(set.probe[0].path, "/"); /* the one that fits moves up */
    host[PROBE_HOST_MAX - 1] = 'h', host[PROBE_HOST_MAX] = 0;
    assert_int_equal(fill(checks, 2, &set), 0);
}

static void no_more_than_a_set_holds(void **state)
{
    struct health_check checks[PROBES_PER_SET + 1];
    struct probe_set set;

    (void)state;
    for (size_t i = 0; i < PROBES_PER_SET + 1; i++)
        checks[i] = (struct health_check){"/", ""};
    assert_int_equal(fill(checks, PROBES_PER_SET + 1, &set), PROBES_PER_SET);
    assert_int_equal(fill(NULL, 0, &set), 0);
}

static void an_empty_path_is_no_pattern(void **state)
{
    struct health_check checks[] = {{"", "host"}};
    struct probe_set set;

    (void)state;
    assert_int_equal(fill(checks, 1, &set), 0);
}

static void check_coded(const uint8_t *coded, size_t length, const char *text)
{
    uint8_t expected[2 * PROBE_PATH_MAX];

    assert_int_equal(length, huffman_encode(text, strlen(text), expected, sizeof(expected)));
    assert_memory_equal(coded, expected, length);
}

static void both_strings_in_hpacks_coding(void **state)
{
    struct health_check checks[] = {{"/Check", "Me.Example"}, {"/x", ""}, {"/a b", "\xc3\xa4"}};
    struct probe_set set;

    (void)state;
    assert_int_equal(fill(checks, 3, &set), 3);
    check_coded(set.coded[0].path, set.coded[0].path_len, "/Check");
    check_coded(set.coded[0].host, set.coded[0].host_len, "Me.Example");
    check_coded(set.coded[1].path, set.coded[1].path_len, "/x");
    assert_int_equal(set.coded[1].host_len, 0);
    assert_int_equal(set.coded[2].path_len, 0); /* not to be coded: only read as it is */
    assert_int_equal(set.coded[2].host_len, 0);
    assert_int_equal(set.probe[2].path_len, 4);
}

/* Rare characters have longer codes than their eight bits. */
static void what_is_too_long_once_coded(void **state)
{
    char path[PROBE_PATH_MAX], host[PROBE_HOST_MAX];
    struct health_check checks[] = {{path, host}, {"/x", "x"}};
    struct probe_set set;

    (void)state;
    memset(path, '\\', sizeof(path));
    memset(host, '{', sizeof(host));
    path[PROBE_PATH_MAX - 1] = host[PROBE_HOST_MAX - 1] = 0;
    assert_int_equal(fill(checks, 2, &set), 2);
    assert_int_equal(set.probe[0].path_len, PROBE_PATH_MAX - 1);
    assert_int_equal(set.coded[0].path_len, 0);
    assert_int_equal(set.coded[0].host_len, 0);
    check_coded(set.coded[1].path, set.coded[1].path_len, "/x");
    path[PROBE_PATH_MAX / 19 * 8] = 0; /* 19 bits each */
    fill(checks, 2, &set);
    check_coded(set.coded[0].path, set.coded[0].path_len, path);
}

/* HPACK's static table has two paths; a pattern is named by its place in the set. */
static void paths_of_the_static_table(void **state)
{
    struct health_check checks[] = {
        {"", ""}, {"/", "a"}, {"/index.html", ""}, {"/index.htm", ""}, {"/", "b"}};
    struct probe_set set;

    (void)state;
    assert_int_equal(fill(checks, 5, &set), 4);
    assert_int_equal(set.slash, 1 | 8);
    assert_int_equal(set.index, 2);
    fill(checks + 3, 1, &set);
    assert_int_equal(set.slash | set.index, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_and_host_as_they_are),
        cmocka_unit_test(the_limits),
        cmocka_unit_test(no_more_than_a_set_holds),
        cmocka_unit_test(an_empty_path_is_no_pattern),
        cmocka_unit_test(both_strings_in_hpacks_coding),
        cmocka_unit_test(what_is_too_long_once_coded),
        cmocka_unit_test(paths_of_the_static_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
