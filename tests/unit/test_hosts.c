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

/* Fails each allocation in turn; every failure leaves the registry as it was, and adding again
 * works. */
static void test_out_of_memory(void **state)
{
    long live = memory_live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 3; left++) {
        memory_left = left;
        assert_null(hosts_new(&model));
        memory_left = -1;
        assert_int_equal(memory_live, live);
    }
    for (long left = 0; left < 9; left++) {
        struct hosts *hosts = hosts_new(&model);
        int error;

        host = NULL;
        memory_left = left;
        error = add(hosts, BERRY, 0, 7);
        memory_left = -1;
        assert_int_equal(error, left < 8 ? -ENOMEM : 0);
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
        cmocka_unit_test(test_group_keeps_the_order_of_adding),
        cmocka_unit_test(test_address_twice_in_a_group),
        cmocka_unit_test(test_port_and_every_ip_byte_tell_hosts_apart),
        cmocka_unit_test(test_first_in_the_configuration_owns),
        cmocka_unit_test(test_late_answer_takes_the_address_over),
        cmocka_unit_test(test_many_hosts_stay_where_they_are),
        cmocka_unit_test(test_no_clusters),
        cmocka_unit_test(test_out_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
