#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "model.h"

#include "upstream/candidates.h"

static struct hosts *hosts;

/* Apple's groups have the priorities 0, 1, 0, 0, 0. */
static int set_up(void **state)
{
    (void)state;
    hosts = hosts_new(&model);
    model_add(hosts, APPLE, 1, 4);
    model_add(hosts, APPLE, 2, 3);
    model_add(hosts, APPLE, 0, 2);
    model_add(hosts, APPLE, 0, 1);
    model_add(hosts, APPLE, 4, 2); /* again */
    model_add(hosts, BERRY, 0, 9);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hosts_free(hosts);
    return 0;
}

/* "2 1 3 4": the last bytes of the addresses. */
static void expect(uint32_t cluster, const struct address *behind, const char *wanted)
{
    struct address *list = NULL;
    char text[64] = "";
    size_t count = 99;

    assert_int_equal(candidates_list(hosts, &model, cluster, behind, &list, &count), 0);
    assert_non_null(list);
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), i ? " %u" : "%u",
                 list[i].ip[15]);
    assert_string_equal(text, wanted);
    free(list);
}

static void test_by_priority(void **state)
{
    (void)state;
    expect(APPLE, NULL, "2 1 3 4");
    expect(BERRY, NULL, "9");
    expect(PLAIN, NULL, "");
    expect(CLOUD, NULL, "");
}

static void test_round_begins_behind(void **state)
{
    struct address behind;

    (void)state;
    address_parse("10.0.0.2", 8080, &behind);
    expect(APPLE, &behind, "1 3 4 2");
    address_parse("10.0.0.3", 8080, &behind);
    expect(APPLE, &behind, "4 2 1 3");
    address_parse("10.0.0.4", 8080, &behind);
    expect(APPLE, &behind, "2 1 3 4");
    address_parse("10.0.0.4", 8081, &behind);
    expect(APPLE, &behind, "2 1 3 4");
    address_parse("10.0.0.9", 8080, &behind);
    expect(BERRY, &behind, "9");
    expect(PLAIN, &behind, "");
}

static void test_dropped_ones_are_left_out(void **state)
{
    (void)state;
    hosts_release(hosts, hosts_of_group(hosts, APPLE, 0, 1)->slot);
    expect(APPLE, NULL, "2 3 4");
    hosts_release(hosts, hosts_of_group(hosts, APPLE, 0, 0)->slot);
    expect(APPLE, NULL, "3 2 4"); /* the fifth group has it too */
    hosts_release(hosts, hosts_of_group(hosts, BERRY, 0, 0)->slot);
    expect(BERRY, NULL, "");
}

static void test_rotate(void **state)
{
    struct address items[3], behind;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        address_parse("10.0.0.1", (uint16_t)(i + 1), &items[i]);
    behind = items[1];
    assert_int_equal(candidates_rotate(items, ARRAY_SIZE(items), &behind), 0);
    assert_int_equal(items[0].port, 3);
    assert_int_equal(items[1].port, 1);
    assert_int_equal(items[2].port, 2);
    assert_int_equal(candidates_rotate(items, ARRAY_SIZE(items), NULL), 0);
    assert_int_equal(candidates_rotate(items, 0, &behind), 0);
    assert_int_equal(items[0].port, 3);
}

static void test_out_of_memory(void **state)
{
    struct address *list = NULL, behind;
    size_t count;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    address_parse("10.0.0.2", 8080, &behind);
    for (int left = 0; left < 2; left++) {
        memory_left = left;
        assert_int_equal(candidates_list(hosts, &model, APPLE, &behind, &list, &count), -ENOMEM);
        memory_left = -1;
        assert_null(list);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_by_priority),
        TEST(test_round_begins_behind),
        TEST(test_dropped_ones_are_left_out),
        TEST(test_rotate),
        TEST(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
