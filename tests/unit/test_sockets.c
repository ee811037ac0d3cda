#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "doctor/sockets.h"

#define TAIL " 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"

/* As this machine prints it; the addresses are in network order, so tests run on little-endian ones. */
static void test_peers(void **state)
{
    static const struct {
        const char *line, *peer; /* NULL: none */
    } rows[] = {
        {"   0: 0100007F:8AE4 0200000A:0050 01" TAIL, "10.0.0.2:80"},
        {"  12: 0100007F:8AE4 0100007F:4E21 01" TAIL, "127.0.0.1:20001"},
        {"   1: 0100007F:4E21 00000000:0000 0A" TAIL, NULL},
        {"   1: 0100007F:4E21 0100007F:8AE4 0A" TAIL, NULL},
        {"   0: 00000000000000000000000001000000:C001 B80D0120000000000000000001000000:01BB "
         "01" TAIL,
         "[2001:db8::1]:443"},
        {"   0: 0000000000000000FFFF00000100007F:C001 0000000000000000FFFF00000200000A:0050 "
         "01" TAIL,
         "10.0.0.2:80"},
        {"   0: 0100007F:8AE4 020000:0050 01" TAIL, NULL},
        {"   0: 0100007F:8AE4 0200000A:FFFFF 01" TAIL, NULL},
        {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[ADDRESS_TEXT_MAX] = "";
        struct address peer;
        bool found = sockets_peer(rows[i].line, &peer);

        if (found)
            address_text(&peer, text);
        assert_string_equal(text, rows[i].peer ? rows[i].peer : "");
    }
}

/* ESTABLISHED, SYN_SENT, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT; not SYN_RECV, TIME_WAIT, CLOSE, LAST_ACK, LISTEN,
 * CLOSING, NEW_SYN_RECV. */
static void test_states(void **state)
{
    static const bool open[] = {
        [1] = true, [2] = true, [4] = true, [5] = true, [8] = true, [12] = false};

    (void)state;
    for (unsigned i = 1; i < ARRAY_SIZE(open); i++) {
        char line[256];
        struct address peer;

        snprintf(line, sizeof(line), "   0: 0100007F:8AE4 0200000A:0050 %02X" TAIL, i);
        assert_int_equal(sockets_peer(line, &peer), open[i]);
    }
}

static void test_translations(void **state)
{
    static const struct {
        const char *line, *dialled, *real; /* NULL: none */
    } rows[] = {
        {"ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.9 dst=10.96.0.5 sport=4711 dport=80 "
         "src=10.0.0.7 dst=10.0.0.9 sport=8080 dport=4711 [ASSURED] mark=0 zone=0 use=2\n",
         "10.96.0.5:80", "10.0.0.7:8080"},
        {"ipv6     10 tcp      6 117 SYN_SENT src=fd00::9 dst=fd00::5 sport=4711 dport=80 "
         "[UNREPLIED] src=fd00::7 dst=fd00::9 sport=8080 dport=4711 mark=0 use=2\n",
         "[fd00::5]:80", "[fd00::7]:8080"},
        /* only the source is translated, or nothing */
        {"ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.9 dst=10.0.0.7 sport=4711 dport=80 "
         "src=10.0.0.7 dst=192.0.2.1 sport=80 dport=4711 [ASSURED] use=2\n",
         NULL, NULL},
        {"ipv4     2 udp      17 29 src=10.0.0.9 dst=10.96.0.10 sport=4711 dport=53 src=10.0.0.8 "
         "dst=10.0.0.9 sport=53 dport=4711 use=2\n",
         NULL, NULL},
        {"ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.9 dst=10.96.0.5 sport=4711\n", NULL,
         NULL},
        {"ipv4     2 tcp      6 1 src=a dst=b sport=c dport=d src=e dst=f sport=g dport=h\n", NULL,
         NULL},
        {"", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char one[ADDRESS_TEXT_MAX] = "", two[ADDRESS_TEXT_MAX] = "";
        struct address dialled, real;

        if (sockets_translation(rows[i].line, &dialled, &real)) {
            address_text(&dialled, one);
            address_text(&real, two);
        }
        assert_string_equal(one, rows[i].dialled ? rows[i].dialled : "");
        assert_string_equal(two, rows[i].real ? rows[i].real : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peers),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_translations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
