/* Which messages are one report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "collector/parts.h"

#define MIB (1u << 20)

typedef Envoy__Config__Endpoint__V3__ClusterStats cluster_stats;

/* Clusters by a letter each; a lower-case one has no interval: it goes on in the next message. */
static bool go_on(struct parts *parts, const char *clusters, size_t length)
{
    Envoy__Service__LoadStats__V3__LoadStatsRequest message =
        ENVOY__SERVICE__LOAD_STATS__V3__LOAD_STATS_REQUEST__INIT;
    Google__Protobuf__Duration second = GOOGLE__PROTOBUF__DURATION__INIT;
    cluster_stats entries[8], *list[8];
    char names[8][2] = {0};

    for (size_t i = 0; clusters[i]; i++) {
        envoy__config__endpoint__v3__cluster_stats__init(&entries[i]);
        names[i][0] = (char)(clusters[i] & ~0x20);
        entries[i].cluster_name = names[i];
        entries[i].load_report_interval = clusters[i] & 0x20 ? NULL : &second;
        list[i] = &entries[i];
        message.n_cluster_stats = i + 1;
    }
    message.cluster_stats = list;
    return parts_go_on(parts, &message, length);
}

static void sequences(void **state)
{
    static const struct {
        const char *clusters;
        size_t length;
        bool goes_on;
    } cases[] = {
        {"AB", 2 * MIB, false},  {"CD", 2 * MIB, true},
        {"CD", 2 * MIB, false},  {"", 10, false},
        {"ABC", 10, false},      {"ABC", 10, false},
        {"BC", 10, false}, /* A has nothing to tell */
        {"ABC", 10, false},      {"ABC", 3 * MIB, false},
        {"ABC", 3 * MIB, false}, /* whole, just so */
        {"AB", 2 * MIB, false},  {"CD", 2 * MIB, true},
        {"E", 2 * MIB, true},    {"AB", 2 * MIB, false},
        {"CD", 2 * MIB, true},   {"E", MIB + 1, true},
        {"AB", 2 * MIB, false},  {"", 10, false},
        {"AB", 2 * MIB, false},  {"Ab", 2 * MIB, false},
        {"b", 2 * MIB, true},    {"B", 10, true},
        {"Ab", 2 * MIB, false},  {"B", 10, true},
        {"a", 3 * MIB, false},   {"ABC", 10, true},
        {"AB", 10, false},       {"A", 10, false},
    };
    struct parts parts = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (go_on(&parts, cases[i].clusters, cases[i].length) != cases[i].goes_on)
            fail_msg("case %zu: %s", i, cases[i].clusters);
    parts_clear(&parts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
