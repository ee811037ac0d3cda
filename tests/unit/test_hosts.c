#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing_memory.h"
#include "model.h"

static const struct host *host, *owner, *other;

static struct address address_of(uint32_t number)
{
    struct address address = {.ip = {[10] = 0xff, [11] = 0xff}, .port = 80};

    memcpy(address.ip + 12, &number, sizeof(number));
    return address;
}

static int add(struct hosts *hosts, uint32_t cluster, uint32_t group, uint32_t number)
{
    struct address address = address_of(number);

    return hosts_add(hosts, cluster, group, &address, &host, &owner, &other);
}

static void test_slots_are_given_in_order(void **state)
{
    struct hosts *hosts = hosts_new(&model);

    (void)state;
    assert_int_equal(hosts_count(hosts), 0);
    assert_int_equal(add(hosts, APPLE, 2, 1), 0);
    assert_int_equal(host->slot, 0);
    assert_int_equal(add(hosts, BERRY, 0, 2), 0);
    assert_int_equal(host->slot, 1);
    assert_int_equal(host->cluster, BERRY);
    assert_int_equal(host->group, 0);
    assert_ptr_equal(owner, host);
    assert_null(other);
    assert_int_equal(hosts_count(hosts), 2);
    assert_ptr_equal(hosts_at(hosts, 1), host);
    hosts_free(hosts);
}

static void test_group_keeps_the_order_of_adding(void **state)
{
    struct hosts *hosts = hosts_new(&model);

    (void)state;
    assert_int_equal(add(hosts, APPLE, 0, 9), 0);
    assert_int_equal(add(hosts, APPLE, 1, 5), 0);
    assert_int_equal(add(hosts, APPLE, 0, 3), 0);
    assert_int_equal(hosts_of_group(hosts, APPLE, 0, 0)->slot, 0);
    assert_int_equal(hosts_of_group(hosts, APPLE, 0, 1)->slot, 2);
    assert_null(hosts_of_group(hosts, APPLE, 0, 2));
    assert_int_equal(hosts_of_group(hosts, APPLE, 1, 0)->slot, 1);
    assert_null(hosts_of_group(hosts, PLAIN, 0, 0));
    hosts_free(hosts);
}

static void test_address_twice_in_a_group(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct host *first;

    (void)state;
    assert_int_equal(add(hosts, APPLE, 0, 1), 0);
    first = host;
    host = owner = other = NULL;
    assert_int_equal(add(hosts, APPLE, 0, 1), -EEXIST);
    assert_null(host);
    assert_null(owner);
    assert_null(other);
    assert_int_equal(hosts_count(hosts), 1);
    assert_ptr_equal(hosts_of_group(hosts, APPLE, 0, 0), first);
    assert_null(hosts_of_group(hosts, APPLE, 0, 1));
    hosts_free(hosts);
}

static void test_port_and_every_ip_byte_tell_hosts_apart(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    struct address address = address_of(1);

    (void)state;
    assert_int_equal(hosts_add(hosts, BERRY, 0, &address, &host, &owner, &other), 0);
    address.port++;
    assert_int_equal(hosts_add(hosts, BERRY, 0, &address, &host, &owner, &other), 0);
    assert_null(other);
    for (size_t i = 0; i < sizeof(address.ip); i++) {
        address.ip[i] ^= 1;
        assert_int_equal(hosts_add(hosts, BERRY, 0, &address, &host, &owner, &other), 0);
        assert_null(other);
    }
    hosts_free(hosts);
}

static void test_first_in_the_configuration_owns(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct host *apple, *berry;

    (void)state;
    assert_int_equal(add(hosts, APPLE, 1, 1), 0);
    apple = host;
    assert_int_equal(add(hosts, BERRY, 0, 1), 0);
    berry = host;
    assert_int_equal(berry->cluster, BERRY);
    assert_ptr_equal(owner, apple);
    assert_ptr_equal(other, apple);
    /* The other group of the same cluster stands before both. */
    assert_int_equal(add(hosts, APPLE, 0, 1), 0);
    assert_ptr_equal(owner, host);
    assert_ptr_equal(other, apple);
    apple = host;
    assert_int_equal(add(hosts, APPLE, 2, 1), 0);
    assert_ptr_equal(owner, apple);
    assert_ptr_equal(other, apple);
    hosts_free(hosts);
}

static void test_late_answer_takes_the_address_over(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct host *plain, *berry;

    (void)state;
    assert_int_equal(add(hosts, PLAIN, 0, 1), 0);
    plain = host;
    assert_int_equal(add(hosts, BERRY, 0, 1), 0);
    berry = host;
    assert_ptr_equal(owner, berry);
    assert_ptr_equal(other, plain);
    assert_int_equal(add(hosts, APPLE, 4, 1), 0);
    assert_ptr_equal(owner, host);
    assert_ptr_equal(other, berry);
    /* All three are still hosts with their slots. */
    assert_int_equal(hosts_count(hosts), 3);
    assert_ptr_equal(hosts_at(hosts, 0), plain);
    assert_ptr_equal(hosts_at(hosts, 1), berry);
    hosts_free(hosts);
}

static void test_many_hosts_stay_where_they_are(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct host *first;

    (void)state;
    assert_int_equal(add(hosts, APPLE, 0, 0), 0);
    first = host;
    for (uint32_t i = 1; i < 20000; i++)
        assert_int_equal(add(hosts, i % 2 ? BERRY : APPLE, 0, i), 0);
    assert_ptr_equal(hosts_at(hosts, 0), first);
    assert_ptr_equal(hosts_of_group(hosts, APPLE, 0, 0), first);
    for (uint32_t i = 0; i < 20000; i++)
        assert_int_equal(add(hosts, i % 2 ? BERRY : APPLE, 0, i), -EEXIST);
    assert_int_equal(hosts_count(hosts), 20000);
    hosts_free(hosts);
}

static void test_names_hold_a_host(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct address address = address_of(1);

    (void)state;
    assert_null(hosts_find(hosts, APPLE, 0, &address));
    assert_null(hosts_owner(hosts, &address));
    assert_int_equal(add(hosts, APPLE, 0, 1), 0);
    assert_int_equal(host->names, 1);
    hosts_hold(hosts, host->slot);
    assert_int_equal(host->names, 2);
    hosts_release(hosts, host->slot);
    hosts_release(hosts, host->slot);
    assert_int_equal(host->names, 0);
    assert_ptr_equal(hosts_find(hosts, APPLE, 0, &address), host);
    assert_null(hosts_find(hosts, APPLE, 1, &address));
    assert_ptr_equal(hosts_owner(hosts, &address), host); /* it goes on counting */
    assert_int_equal(add(hosts, APPLE, 0, 1), -EEXIST);
    hosts_free(hosts);
}

static size_t moves;

static void note_move(void *arg, const struct host *from, const struct host *to)
{
    assert_null(arg);
    assert_true(address_equal(&from->address, &to->address));
    assert_int_equal(from->cluster, 0);
    assert_int_equal(to->cluster, 1);
    moves++;
}

static void test_a_live_host_owns_before_one_that_leaves(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    const struct address address = address_of(1);
    const struct host *apple, *berry;

    (void)state;
    assert_int_equal(add(hosts, APPLE, 0, 1), 0);
    apple = host;
    hosts_release(hosts, apple->slot);
    assert_int_equal(add(hosts, BERRY, 0, 1), 0);
    berry = host;
    assert_ptr_equal(owner, berry);
    assert_ptr_equal(other, apple);
    hosts_hold(hosts, apple->slot);
    assert_ptr_equal(hosts_owner(hosts, &address), apple);
    hosts_release(hosts, apple->slot);
    assert_ptr_equal(hosts_owner(hosts, &address), berry);
    hosts_release(hosts, berry->slot);
    assert_ptr_equal(hosts_owner(hosts, &address), berry); /* both leave: it stays with the last */
    hosts_choose_owners(hosts, note_move, NULL);
    assert_ptr_equal(hosts_owner(hosts, &address), berry);
    assert_true(hosts_is_shared(hosts, apple->slot));
    hosts_remove(hosts, berry->slot);
    assert_ptr_equal(hosts_owner(hosts, &address), apple);
    assert_false(hosts_is_shared(hosts, apple->slot));
    hosts_remove(hosts, apple->slot);
    assert_null(hosts_owner(hosts, &address));
    hosts_free(hosts);
}

static void test_slots_are_used_again(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    uint32_t born;

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(add(hosts, APPLE, 0, i), 0);
    born = hosts_at(hosts, 2)->born;
    hosts_release(hosts, 2);
    hosts_remove(hosts, 2);
    assert_null(hosts_at(hosts, 2));
    assert_int_equal(hosts_count(hosts), 5);
    assert_int_equal(hosts_of_group(hosts, APPLE, 0, 2)->slot, 3); /* the others keep their order */
    assert_null(hosts_of_group(hosts, APPLE, 0, 4));
    assert_int_equal(add(hosts, BERRY, 0, 2), 0);
    assert_int_equal(host->slot, 2);
    assert_int_not_equal(host->born, born);
    assert_ptr_equal(owner, host);
    assert_null(other);
    assert_int_equal(add(hosts, APPLE, 0, 2), 0); /* its old place is free as well */
    assert_int_equal(host->slot, 5);
    hosts_free(hosts);
}

static void test_slots_may_be_limited(void **state)
{
    struct hosts *hosts = hosts_new(&model);

    (void)state;
    hosts_limit(hosts, 2);
    assert_int_equal(add(hosts, APPLE, 0, 1), 0);
    assert_int_equal(add(hosts, APPLE, 0, 2), 0);
    assert_int_equal(add(hosts, APPLE, 0, 3), -ENOSPC);
    assert_int_equal(add(hosts, APPLE, 0, 2), -EEXIST);
    hosts_release(hosts, 0);
    hosts_remove(hosts, 0);
    assert_int_equal(add(hosts, APPLE, 0, 3), 0);
    assert_int_equal(host->slot, 0);
    assert_int_equal(add(hosts, APPLE, 0, 1), -ENOSPC);
    hosts_free(hosts);
}

static void test_hosts_come_and_go(void **state)
{
    struct hosts *hosts = hosts_new(&model);
    static const uint32_t clusters[] = {APPLE, BERRY, PLAIN};
    const struct host *at[3][40] = {0};
    int left[3][40] = {0};

    (void)state;
    srand(5);
    for (int i = 0; i < 100000; i++) {
        uint32_t cluster = (uint32_t)rand() % 3, number = (uint32_t)rand() % 40;
        const struct host **found = &at[cluster][number];

        if (!*found) {
            assert_int_equal(add(hosts, clusters[cluster], 0, number), 0);
            *found = host;
        } else if ((*found)->names) {
            hosts_release(hosts, (*found)->slot);
            left[cluster][number] = i;
        } else if (rand() % 2) {
            hosts_hold(hosts, (*found)->slot);
        } else {
            hosts_remove(hosts, (*found)->slot);
            *found = NULL;
        }
        const struct address address = address_of(number);
        const struct host *wanted = NULL;
        int wanted_left = 0;
        for (int c = 0; c < 3; c++) {
            const struct host *one = at[c][number];

            if (one && (!wanted || (!wanted->names && one->names) ||
                        (!wanted->names && !one->names && left[c][number] > wanted_left))) {
                wanted = one;
                wanted_left = left[c][number];
            }
        }
        assert_ptr_equal(hosts_owner(hosts, &address), wanted);
    }
    assert_in_range(hosts_count(hosts), 1, 120);
    hosts_free(hosts);
}

static void test_no_clusters(void **state)
{
    struct clusters none = {0};
    struct hosts *hosts = hosts_new(&none);

    (void)state;
    assert_non_null(hosts);
    assert_int_equal(hosts_count(hosts), 0);
    hosts_free(hosts);
    hosts_free(NULL);
}

/* A new configuration: clusters and groups come behind the others, and their order is another one. */
static struct cluster grown_items[2];
static struct locality_endpoints grown_groups[3];
static struct clusters grown = {.items = grown_items, .count = 1};
static void test_clusters_come_and_change_their_order(void **state)
{
    struct hosts *hosts;
    uint64_t changes;

    (void)state;
    grown_items[0] = (struct cluster){.groups = grown_groups, .group_count = 1};
    grown_items[1] = (struct cluster){.groups = grown_groups, .group_count = 1, .rank = 1};
    hosts = hosts_new(&grown);
    assert_int_equal(add(hosts, 0, 0, 7), 0);
    assert_null(hosts_of_group(hosts, 1, 0, 0));
    grown.count = 2;
    grown_items[0].group_count = 3;
    assert_null(hosts_of_group(hosts, 1, 0, 0));
    assert_null(hosts_of_group(hosts, 0, 2, 0));
    assert_int_equal(add(hosts, 1, 0, 7), 0); /* as one before it */
    assert_int_equal(owner->cluster, 0);
    assert_int_equal(add(hosts, 0, 2, 8), 0);
    assert_int_equal(add(hosts, 1, 0, 8), 0);
    assert_int_equal(owner->cluster, 0);
    changes = hosts_changes(hosts);
    hosts_choose_owners(hosts, note_move, NULL);
    assert_int_equal(moves, 0);
    assert_int_equal(hosts_changes(hosts), changes);
    grown_items[0].rank = 2;
    hosts_choose_owners(hosts, note_move, NULL);
    assert_int_equal(moves, 2);
    assert_true(hosts_changes(hosts) > changes);
    changes = hosts_changes(hosts);
    hosts_hold(hosts, host->slot);
    assert_true(hosts_changes(hosts) > changes);
    changes = hosts_changes(hosts);
    hosts_release(hosts, host->slot);
    assert_true(hosts_changes(hosts) > changes);
    assert_int_equal(hosts_owner(hosts, &host->address)->cluster, 1);
    hosts_limit(hosts, 6);
    assert_int_equal(hosts_room(hosts), 2);
    hosts_remove(hosts, host->slot);
    assert_int_equal(hosts_room(hosts), 3);
    hosts_free(hosts);
}

/* Fails each allocation in turn; every failure leaves the registry as it was, and adding again
 * works. */
static void test_out_of_memory(void **state)
{
    long live = memory_live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    memory_left = 0;
    assert_null(hosts_new(&model));
    memory_left = -1;
    assert_int_equal(memory_live, live);
    for (long left = 0; left < 7; left++) {
        struct hosts *hosts = hosts_new(&model);
        int error;

        host = NULL;
        memory_left = left;
        error = add(hosts, BERRY, 0, 7);
        memory_left = -1;
        assert_int_equal(error, left < 6 ? -ENOMEM : 0);
        if (error) {
            assert_null(host);
            assert_int_equal(hosts_count(hosts), 0);
            assert_null(hosts_of_group(hosts, BERRY, 0, 0));
            assert_int_equal(add(hosts, BERRY, 0, 7), 0);
            assert_ptr_equal(owner, host);
            assert_null(other);
        }
        hosts_free(hosts);
        assert_int_equal(memory_live, live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_are_given_in_order),
        cmocka_unit_test(test_clusters_come_and_change_their_order),
        cmocka_unit_test(test_group_keeps_the_order_of_adding),
        cmocka_unit_test(test_address_twice_in_a_group),
        cmocka_unit_test(test_port_and_every_ip_byte_tell_hosts_apart),
        cmocka_unit_test(test_first_in_the_configuration_owns),
        cmocka_unit_test(test_late_answer_takes_the_address_over),
        cmocka_unit_test(test_many_hosts_stay_where_they_are),
        cmocka_unit_test(test_names_hold_a_host),
        cmocka_unit_test(test_a_live_host_owns_before_one_that_leaves),
        cmocka_unit_test(test_slots_are_used_again),
        cmocka_unit_test(test_slots_may_be_limited),
        cmocka_unit_test(test_hosts_come_and_go),
        cmocka_unit_test(test_no_clusters),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
