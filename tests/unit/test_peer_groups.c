#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/peer_groups.h"

static struct peer peer(const char *ip, uint16_t port, const char *process, uint64_t connections)
{
    struct peer peer = {.connections = connections};

    assert_int_equal(address_parse(ip, port, &peer.address), 0);
    strcpy(peer.process, process);
    return peer;
}

static struct peer_groups make(struct peer *peers, size_t count)
{
    struct peer_groups groups;

    assert_int_equal(peer_groups_make(peers, count, NULL, &groups), 0);
    return groups;
}

static const char *where(const struct peer_endpoint *endpoint)
{
    static char text[ADDRESS_TEXT_MAX];

    return address_text(&endpoint->address, text);
}

static void a_cluster_for_each_process_and_port(void **state)
{
    struct peer peers[] = {peer("10.0.0.2", 8080, "nginx", 5), peer("10.0.0.1", 9000, "nginx", 1),
                           peer("10.0.0.1", 8080, "nginx", 2), peer("10.0.0.3", 8080, "envoy", 3)};
    struct peer_groups groups = make(peers, 4);

    (void)state;
    assert_int_equal(groups.count, 3);
    assert_string_equal(groups.clusters[0].name, "envoy-8080");
    assert_string_equal(groups.clusters[1].name, "nginx-8080");
    assert_string_equal(groups.clusters[1].process, "nginx");
    assert_int_equal(groups.clusters[1].port, 8080);
    assert_int_equal(groups.clusters[1].connections, 7);
    assert_int_equal(groups.clusters[1].count, 2);
    assert_string_equal(where(&groups.clusters[1].endpoints[0]), "10.0.0.1:8080");
    assert_string_equal(where(&groups.clusters[1].endpoints[1]), "10.0.0.2:8080");
    assert_int_equal(groups.clusters[1].endpoints[1].connections, 5);
    assert_string_equal(groups.clusters[2].name, "nginx-9000");
    peer_groups_clear(&groups);
}

static void an_address_is_in_the_cluster_of_who_dials_it_most(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "curl", 2), peer("10.0.0.1", 80, "nginx", 9),
                           peer("10.0.0.1", 80, "", 3), peer("::1", 80, "curl", 1)};
    struct peer_groups groups = make(peers, 4);

    (void)state;
    assert_int_equal(groups.count, 2);
    assert_string_equal(groups.clusters[0].name, "curl-80");
    assert_string_equal(where(&groups.clusters[0].endpoints[0]), "[::1]:80");
    assert_string_equal(groups.clusters[1].name, "nginx-80");
    assert_int_equal(groups.clusters[1].connections, 14);
    assert_string_equal(groups.clusters[1].endpoints[0].processes, "nginx, curl");
    peer_groups_clear(&groups);
}

static void what_is_left_out(void **state)
{
    struct peer peers[] = {peer("10.0.0.9", 18000, "envoy", 1), peer("127.0.0.1", 80, "nginx", 4),
                           peer("10.0.0.1", 0, "nmap", 1), peer("10.0.0.9", 80, "nginx", 1),
                           peer("10.0.0.8", 18000, "loadtap", 1)};
    struct address management;
    struct peer_groups groups;

    (void)state;
    peers[1].elsewhere = true;
    address_parse("10.0.0.9", 18000, &management);
    assert_int_equal(peer_groups_make(peers, 5, &management, &groups), 0);
    assert_int_equal(groups.count, 1);
    assert_string_equal(where(&groups.clusters[0].endpoints[0]), "10.0.0.9:80");
    assert_int_equal(groups.elsewhere, 4);
    peer_groups_clear(&groups);
}

static enum peer_speech speech_of(uint64_t http, uint64_t tls, uint64_t session)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "a", 9), peer("10.0.0.2", 80, "a", 9)};
    struct peer_groups groups;
    enum peer_speech speech;

    peers[0].http = http;
    peers[1].tls = tls;
    peers[1].session = session;
    groups = make(peers, 2);
    speech = groups.clusters[0].speech;
    peer_groups_clear(&groups);
    return speech;
}

static void what_a_cluster_speaks(void **state)
{
    (void)state;
    assert_int_equal(speech_of(0, 0, 0), SPEECH_UNKNOWN);
    assert_int_equal(speech_of(1, 0, 0), SPEECH_HTTP);
    assert_int_equal(speech_of(0, 1, 0), SPEECH_TLS);
    assert_int_equal(speech_of(0, 0, 1), SPEECH_SESSION);
    assert_int_equal(speech_of(1, 0, 5), SPEECH_HTTP); /* as sessions, its requests would be lost */
    assert_int_equal(speech_of(0, 1, 1), SPEECH_UNKNOWN);
}

static void names_are_plain_and_differ(void **state)
{
    struct peer peers[] = {peer("10.0.0.1", 80, "a b", 1), peer("10.0.0.2", 80, "a\"b", 1),
                           peer("10.0.0.3", 80, "", 1), peer("10.0.0.4", 80, "a_b", 1)};
    struct peer_groups groups = make(peers, 4);

    (void)state;
    assert_int_equal(groups.count, 4);
    assert_string_equal(groups.clusters[0].name, "port-80");
    assert_string_equal(groups.clusters[1].name, "a_b-80");
    assert_string_equal(groups.clusters[2].name, "a_b-80-2");
    assert_string_equal(groups.clusters[3].name, "a_b-80-3");
    peer_groups_clear(&groups);
}

static void nothing_was_dialled(void **state)
{
    struct peer none[1];
    struct peer_groups groups = make(none, 0);

    (void)state;
    assert_int_equal(groups.count, 0);
    peer_groups_clear(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_for_each_process_and_port),
        cmocka_unit_test(an_address_is_in_the_cluster_of_who_dials_it_most),
        cmocka_unit_test(what_is_left_out),
        cmocka_unit_test(what_a_cluster_speaks),
        cmocka_unit_test(names_are_plain_and_differ),
        cmocka_unit_test(nothing_was_dialled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
