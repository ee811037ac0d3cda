#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/address.h"
#include "base/mem.h"

static struct address parsed(const char *ip, uint16_t port)
{
    struct address address;

    assert_int_equal(address_parse(ip, port, &address), 0);
    return address;
}

static void text_round_trips(void **state)
{
    static const struct {
        const char *ip, *ip_text, *text;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1", "127.0.0.1", "127.0.0.1:80", 80},
        {"9.10.99.100", "9.10.99.100", "9.10.99.100:9", 9},
        {"199.200.101.109", "199.200.101.109", "199.200.101.109:9", 9},
        {"0.0.0.0", "0.0.0.0", "0.0.0.0:0", 0},
        {"255.255.255.255", "255.255.255.255", "255.255.255.255:65535", 65535},
        {"::1", "::1", "[::1]:8080", 8080},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:1", 1},
        {"::ffff:10.0.0.1", "10.0.0.1", "10.0.0.1:1", 1},
        {"::ffff:0:10.0.0.1", "::ffff:0:a00:1", "[::ffff:0:a00:1]:1", 1},
    };
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct address address = parsed(cases[i].ip, cases[i].port);

        assert_string_equal(address_ip_text(&address, text), cases[i].ip_text);
        assert_string_equal(address_text(&address, text), cases[i].text);
    }
}

static void each_octet(void **state)
{
    char text[ADDRESS_TEXT_MAX], wanted[ADDRESS_TEXT_MAX];
    struct address address;

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        snprintf(wanted, sizeof(wanted), "%u.%u.%u.%u", i, 255 - i, (i + 50) % 256, i);
        assert_int_equal(address_parse(wanted, 0, &address), 0);
        assert_string_equal(address_ip_text(&address, text), wanted);
        assert_int_equal(address_ip_put(&address, text), strlen(wanted));
    }
}

static void longest_text_fits(void **state)
{
    struct address address = parsed("1111:2222:3333:4444:5555:6666:7777:8888", 65535);
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    assert_string_equal(address_text(&address, text),
                        "[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

static void only_literals_are_read(void **state)
{
    static const char *const names[] = {"",         "localhost", "1.2.3",      "1.2.3.256",
                                        "1.2.3.4 ", "[::1]",     "fe80::1%lo", "1.2.3.4:80",
                                        "0x7f.1",   ":::1",      "1.2.3.4.5"};
    struct address address = parsed("10.0.0.1", 7);
    const struct address before = address;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(address_parse(names[i], 80, &address), -EINVAL);
    assert_memory_equal(&address, &before, sizeof(before));
}

static void socket_addresses_round_trip(void **state)
{
    static const char *const ips[] = {"127.0.0.1", "2001:db8::1"};
    static const int families[] = {AF_INET, AF_INET6};
    static const socklen_t lengths[] = {sizeof(struct sockaddr_in), sizeof(struct sockaddr_in6)};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ips); i++) {
        struct address there = parsed(ips[i], 0x1234), back;
        struct sockaddr_storage storage;

        memset(&storage, 0xff, sizeof(storage));
        assert_int_equal(address_to_sockaddr(&there, &storage), lengths[i]);
        assert_int_equal(storage.ss_family, families[i]);
        assert_int_equal(((struct sockaddr_in *)&storage)->sin_port, htons(0x1234));
        assert_int_equal(address_from_sockaddr((struct sockaddr *)&storage, &back), 0);
        assert_true(address_equal(&there, &back));
    }
}

/* A proxy's IPv6 socket may speak to an IPv4 endpoint. */
static void mapped_is_ipv4(void **state)
{
    struct sockaddr_in6 from = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    const struct address expected = parsed("10.0.0.1", 80);
    struct address address;

    (void)state;
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.0.0.1", &from.sin6_addr), 1);
    assert_int_equal(address_from_sockaddr((struct sockaddr *)&from, &address), 0);
    assert_true(address_is_ipv4(&address));
    assert_true(address_equal(&address, &expected));
}

static void other_families_are_refused(void **state)
{
    struct sockaddr from = {.sa_family = AF_UNIX};
    struct address address = parsed("10.0.0.1", 7);
    const struct address before = address;

    (void)state;
    assert_int_equal(address_from_sockaddr(&from, &address), -EAFNOSUPPORT);
    assert_memory_equal(&address, &before, sizeof(before));
}

static void equal_needs_ip_and_port(void **state)
{
    const struct address one = parsed("10.0.0.1", 80), port = parsed("10.0.0.1", 81),
                         ip = parsed("10.0.0.2", 80), v6 = parsed("::10.0.0.1", 80);

    (void)state;
    assert_true(address_equal(&one, &one));
    assert_false(address_equal(&one, &port));
    assert_false(address_equal(&one, &ip));
    assert_false(address_equal(&one, &v6));
    assert_false(address_is_ipv4(&v6));
}

static void loopback_is_known(void **state)
{
    static const struct {
        const char *ip;
        bool loopback;
    } rows[] = {{"127.0.0.1", true},  {"127.255.255.254", true},
                {"::1", true},        {"::ffff:127.0.0.9", true},
                {"126.0.0.1", false}, {"128.0.0.1", false},
                {"0.0.0.0", false},   {"::", false},
                {"::2", false},       {"::127.0.0.1", false},
                {"7f00::1", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct address address = parsed(rows[i].ip, 80);

        assert_int_equal(address_is_loopback(&address), rows[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_round_trips),
        cmocka_unit_test(each_octet),
        cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(only_literals_are_read),
        cmocka_unit_test(socket_addresses_round_trip),
        cmocka_unit_test(mapped_is_ipv4),
        cmocka_unit_test(other_families_are_refused),
        cmocka_unit_test(equal_needs_ip_and_port),
        cmocka_unit_test(loopback_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
