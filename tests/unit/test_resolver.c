/* Names to addresses, in namespaces of our own: a hosts file, a resolv.conf and a DNS server that
 * the test writes. Where those cannot be had, everything but IP literals is skipped. */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>

#include "base/mem.h"
#include "failing_memory.h"
#include "upstream/resolver.h"

static bool isolated;
static struct event_base *base;
static struct evdns_server_port *dns;
static struct resolver *resolver;
static unsigned queries, done;
static size_t last_count;
static uint32_t last_ttl;
static bool last_absent;
static char answer[4096]; /* addresses, each with a blank behind it, or the error */

/* --- the surroundings ---------------------------------------------------------------------------
 */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static bool loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    close(fd);
    return up;
}

static bool cover(const char *path, const char *text)
{
    char temporary[] = "/tmp/test_resolver.XXXXXX";
    int fd = mkstemp(temporary);
    bool covered;

    if (fd < 0)
        return false;
    close(fd);
    write_file(temporary, text);
    covered = mount(temporary, path, NULL, MS_BIND, NULL) == 0;
    unlink(temporary);
    return covered;
}

static const char hosts[] = "127.0.0.1 v4.test\n"
                            "10.0.0.9 both.test\n"
                            "fd00::9 both.test\n"
                            "10.0.0.3 both.test\n"
                            "10.0.0.9 both.test\n"
                            "fd00::1 v6.test\n";

static int isolate(void **state)
{
    int flags = CLONE_NEWNS | CLONE_NEWNET;

    (void)state;
    isolated = (unshare(flags) == 0 || unshare(flags | CLONE_NEWUSER) == 0) &&
               mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && loopback_up() &&
               cover("/etc/hosts", hosts) && cover("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    return 0;
}

/* "only4.dns" has A records, "only6.dns" AAAA, "dual.dns" both, "ages.dns" two that live for 90 and
 * for 7 s; "silent.dns" gets no answer, "broken.dns" SERVFAIL, all others do not exist. */
static void serve(struct evdns_server_request *request, void *arg)
{
    static const uint8_t a[] = {10, 1, 0, 2, 10, 1, 0, 1, 10, 1, 0, 2};
    static const uint8_t aaaa[16] = {0xfd, [15] = 2};
    const char *name = request->questions[0]->name;
    int type = request->questions[0]->type, error = 0;

    (void)arg;
    queries++;
    if (!strcmp(name, "silent.dns")) {
        evdns_server_request_drop(request);
        return;
    }
    if (type == EVDNS_TYPE_A && !strcmp(name, "ages.dns")) {
        evdns_server_request_add_a_reply(request, name, 1, a, 90);
        evdns_server_request_add_a_reply(request, name, 1, a + 4, 7);
    } else if (type == EVDNS_TYPE_A && (!strcmp(name, "only4.dns") || !strcmp(name, "dual.dns")))
        for (size_t i = 0; i < sizeof(a); i += 4) /* a record each */
            evdns_server_request_add_a_reply(request, name, 1, a + i, 60);
    else if (type == EVDNS_TYPE_AAAA && (!strcmp(name, "only6.dns") || !strcmp(name, "dual.dns")))
        evdns_server_request_add_aaaa_reply(request, name, 1, aaaa, 60);
    else if (!strstr(name, "only") && strcmp(name, "dual.dns") != 0)
        error = !strcmp(name, "broken.dns") ? DNS_ERR_SERVERFAILED : DNS_ERR_NOTEXIST;
    evdns_server_request_respond(request, error);
}

static void start_dns(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(53)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    dns = evdns_add_server_port_with_base(base, fd, 0, serve, NULL);
    assert_non_null(dns);
}

static int set_up(void **state)
{
    (void)state;
    queries = done = 0;
    last_count = 0;
    answer[0] = '\0';
    base = event_base_new();
    resolver = resolver_new(base);
    if (isolated)
        start_dns();
    return base && resolver ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    resolver_free(resolver);
    if (dns)
        evdns_close_server_port(dns);
    dns = NULL;
    event_base_loop(base, EVLOOP_NONBLOCK); /* the port closes itself from the loop */
    event_base_free(base);
    return 0;
}

/* --- lookups ------------------------------------------------------------------------------------
 */

static void on_done(void *arg, const struct resolver_answer *got)
{
    char text[ADDRESS_TEXT_MAX];

    (void)arg;
    answer[0] = '\0';
    for (size_t i = 0; i < got->count && i < 10; i++) {
        strcat(answer, address_text(&got->addresses[i], text));
        strcat(answer, " ");
    }
    assert_true((got->count == 0) == (got->error != NULL));
    if (got->error)
        strcat(answer, got->error);
    last_count = got->count;
    last_ttl = got->ttl;
    last_absent = got->absent;
    done++;
}

static void run_until(unsigned wanted)
{
    const struct timeval limit = {.tv_sec = 5};

    event_base_loopexit(base, &limit);
    while (done < wanted && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(done, wanted);
}

static const char *look_up(const char *name, enum dns_family family)
{
    unsigned before = done;

    assert_int_equal(resolver_lookup(resolver, name, 80, family, on_done, NULL), 0);
    assert_int_equal(done, before); /* never from inside */
    run_until(before + 1);
    return answer;
}

static void need_isolation(void)
{
    if (!isolated)
        skip();
}

static void test_literals(void **state)
{
    (void)state;
    assert_string_equal(look_up("192.0.2.7", DNS_FAMILY_AUTO), "192.0.2.7:80 ");
    assert_string_equal(look_up("::1", DNS_FAMILY_V4_ONLY), "[::1]:80 ");
    assert_int_equal(queries, 0);
}

static void test_hosts_file(void **state)
{
    (void)state;
    need_isolation();
    assert_string_equal(look_up("v4.test", DNS_FAMILY_AUTO), "127.0.0.1:80 ");
    assert_string_equal(look_up("v6.test", DNS_FAMILY_AUTO), "[fd00::1]:80 ");
    assert_string_equal(look_up("both.test", DNS_FAMILY_AUTO), "[fd00::9]:80 ");
    assert_string_equal(look_up("both.test", DNS_FAMILY_V4_ONLY), "10.0.0.9:80 10.0.0.3:80 ");
    assert_string_equal(look_up("both.test", DNS_FAMILY_V6_ONLY), "[fd00::9]:80 ");
    assert_string_equal(look_up("both.test", DNS_FAMILY_V4_PREFERRED), "10.0.0.9:80 10.0.0.3:80 ");
    assert_string_equal(look_up("v6.test", DNS_FAMILY_V4_PREFERRED), "[fd00::1]:80 ");
    look_up("both.test", DNS_FAMILY_ALL);
    assert_int_equal(last_count, 3);
    assert_int_equal(queries, 0);
}

static void test_dns(void **state)
{
    (void)state;
    need_isolation();
    assert_string_equal(look_up("only4.dns", DNS_FAMILY_AUTO), "10.1.0.2:80 10.1.0.1:80 ");
    assert_string_equal(look_up("only6.dns", DNS_FAMILY_AUTO), "[fd00::2]:80 ");
    assert_string_equal(look_up("dual.dns", DNS_FAMILY_AUTO), "[fd00::2]:80 ");
    assert_string_equal(look_up("dual.dns", DNS_FAMILY_V4_ONLY), "10.1.0.2:80 10.1.0.1:80 ");
    look_up("dual.dns", DNS_FAMILY_ALL);
    assert_int_equal(last_count, 3);
    assert_true(queries > 0);
    assert_int_equal(last_ttl, 60);
    look_up("ages.dns", DNS_FAMILY_V4_ONLY);
    assert_int_equal(last_count, 2);
    assert_int_equal(last_ttl, 7); /* the least */
    look_up("v4.test", DNS_FAMILY_AUTO);
    assert_int_equal(last_ttl, 0); /* the hosts file has none */
}

static void test_names_without_an_address(void **state)
{
    (void)state;
    need_isolation();
    assert_string_equal(look_up("absent.dns", DNS_FAMILY_AUTO), "Domain name not found");
    assert_true(last_absent);
    assert_string_equal(look_up("only4.dns", DNS_FAMILY_V6_ONLY),
                        "DNS server returned answer with no data");
    assert_true(last_absent);
    look_up("broken.dns", DNS_FAMILY_AUTO);
    assert_int_equal(last_count, 0);
    assert_false(last_absent); /* nobody knows */
    look_up("", DNS_FAMILY_AUTO);
    assert_int_equal(last_count, 0);
    look_up("..", DNS_FAMILY_AUTO);
    assert_int_equal(last_count, 0);
}

static void test_files_are_read_again(void **state)
{
    (void)state;
    need_isolation();
    assert_string_equal(look_up("late.test", DNS_FAMILY_AUTO), "Domain name not found");
    write_file("/etc/hosts", "10.0.0.5 late.test\n");
    assert_string_equal(look_up("late.test", DNS_FAMILY_AUTO), "10.0.0.5:80 ");
    write_file("/etc/resolv.conf", "nameserver 127.0.0.2\n");
    assert_string_equal(look_up("dual.dns", DNS_FAMILY_AUTO), "Could not contact DNS servers");
    write_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    assert_string_equal(look_up("dual.dns", DNS_FAMILY_AUTO), "[fd00::2]:80 ");
    write_file("/etc/hosts", hosts);
}

static void test_silent_server(void **state)
{
    (void)state;
    need_isolation();
    write_file("/etc/resolv.conf", /* c-ares before 1.22 has the first two, in ms, later ones all */
               "nameserver 127.0.0.1\noptions retrans:300 retry:1 timeout:1 attempts:1\n");
    assert_string_equal(look_up("silent.dns", DNS_FAMILY_V4_ONLY),
                        "Timeout while contacting DNS servers");
    assert_false(last_absent);
    write_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
}

static void test_at_most_1000_addresses(void **state)
{
    FILE *file;

    (void)state;
    need_isolation();
    file = fopen("/etc/hosts", "w");
    for (int i = 0; i < 1001; i++)
        fprintf(file, "10.2.%d.%d many.test\n", i >> 8, i & 255);
    fclose(file);
    look_up("many.test", DNS_FAMILY_AUTO);
    write_file("/etc/hosts", hosts);
    assert_int_equal(last_count, RESOLVER_ADDRESSES_MAX);
    assert_memory_equal(answer, "10.2.0.0:80 10.2.0.1:80 ", 24);
}

static void test_many_at_once(void **state)
{
    static const char *const names[] = {"dual.dns", "v4.test", "absent.dns", "127.0.0.1"};

    (void)state;
    need_isolation();
    for (unsigned i = 0; i < 400; i++)
        assert_int_equal(resolver_lookup(resolver, names[i % ARRAY_SIZE(names)], 1, DNS_FAMILY_AUTO,
                                         on_done, NULL),
                         0);
    run_until(400);
}

static void test_freed_under_way(void **state)
{
    (void)state;
    need_isolation();
    for (int i = 0; i < 100; i++)
        assert_int_equal(resolver_lookup(resolver, "silent.dns", 1, DNS_FAMILY_AUTO, on_done, NULL),
                         0);
    while (queries < 64)
        event_base_loop(base, EVLOOP_ONCE);
    assert_int_equal(done, 0); /* and tear_down frees the resolver */
}

static void look_up_again(void *arg, const struct resolver_answer *got)
{
    on_done(arg, got);
    if (done < 3)
        resolver_lookup(resolver, "dual.dns", 80, DNS_FAMILY_AUTO, look_up_again, NULL);
}

static void test_lookup_from_the_callback(void **state)
{
    (void)state;
    need_isolation();
    resolver_lookup(resolver, "dual.dns", 80, DNS_FAMILY_AUTO, look_up_again, NULL);
    run_until(3);
}

static void test_out_of_memory(void **state)
{
    struct resolver *made = NULL;
    long left, live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    for (left = 0; !made; left++) {
        live = memory_live;
        memory_left = left;
        made = resolver_new(base);
        memory_left = -1;
        assert_true(made || memory_live == live);
    }
    assert_in_range(left, 2, 10);
    resolver_free(made);
    for (left = 0; left < 3; left++) { /* the lookup, its name, the literal's address */
        live = memory_live;
        memory_left = left;
        assert_int_equal(resolver_lookup(resolver, "127.0.0.1", 1, DNS_FAMILY_AUTO, on_done, NULL),
                         -ENOMEM);
        memory_left = -1;
        assert_int_equal(memory_live, live);
    }
    assert_string_equal(look_up("127.0.0.1", DNS_FAMILY_AUTO), "127.0.0.1:80 ");
}

static void test_out_of_memory_under_way(void **state)
{
    (void)state;
    need_isolation();
    if (!MEMORY_CAN_FAIL)
        return;
    for (long left = 0; left < 40; left++) { /* any answer will do, but there is one */
        assert_int_equal(resolver_lookup(resolver, "v4.test", 80, DNS_FAMILY_AUTO, on_done, NULL),
                         0);
        memory_left = left;
        event_base_loop(base, EVLOOP_NONBLOCK);
        memory_left = -1;
        run_until((unsigned)left + 1);
    }
    assert_string_equal(answer, "127.0.0.1:80 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_literals),
        TEST(test_hosts_file),
        TEST(test_dns),
        TEST(test_names_without_an_address),
        TEST(test_files_are_read_again),
        TEST(test_silent_server),
        TEST(test_at_most_1000_addresses),
        TEST(test_many_at_once),
        TEST(test_freed_under_way),
        TEST(test_lookup_from_the_callback),
        TEST(test_out_of_memory),
        TEST(test_out_of_memory_under_way),
    };

    return cmocka_run_group_tests(tests, isolate, NULL);
}
