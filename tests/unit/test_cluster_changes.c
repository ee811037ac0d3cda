#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failing_memory.h"

#include "base/mem.h"
#include "clusters_text.h"
#include "config/cluster_changes.h"

static struct clusters clusters;

static struct cluster_changes *find_changes(const char *text, struct clusters *to)
{
    struct cluster_changes *changes = NULL;

    *to = configuration(text);
    assert_int_equal(cluster_changes_find(&clusters, to, &changes), 0);
    return changes;
}

static struct cluster_changes *change(const char *text)
{
    struct clusters to;
    struct cluster_changes *changes = find_changes(text, &to);

    cluster_changes_make(changes, &clusters, &to);
    assert_null(to.items);
    return changes;
}

static void list(char *out, char sign, const struct endpoint_change *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sprintf(out + strlen(out), "%c%u.%u:%s ", sign, items[i].cluster, items[i].group,
                items[i].host);
}

/* What an update to a configuration adds and drops: "+1.0:h1 -0.0:h2 ". */
static void expect_changes(const char *text, const char *expected)
{
    struct cluster_changes *changes = change(text);
    char found[1024] = "";

    list(found, '+', changes->added, changes->added_count);
    list(found, '-', changes->dropped, changes->dropped_count);
    assert_string_equal(found, expected);
    assert_int_equal(changes->cluster_count, clusters.count);
    cluster_changes_free(changes);
}

static int set_up(void **state)
{
    (void)state;
    clusters = (struct clusters){0};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clusters_clear(&clusters);
    return 0;
}

static void endpoints_come_and_go(void **state)
{
    (void)state;
    expect_changes("a e.0=h1,h2;b e.0=h1", "+0.0:h1 +0.0:h2 +1.0:h1 ");
    expect_changes("a e.0=h1,h2;b e.0=h1", "");
    expect_changes("a e.0=h2,h1;b e.0=h1", "");
    expect_changes("a e.0=h3,h2;b e.0=h1", "+0.0:h3 -0.0:h1 ");
    expect_changes("a e.0=h2,h2,h3,h1;b e.0=h1", "+0.0:h2 +0.0:h1 ");
    expect_changes("a e.0=h2;b e.0=h1", "-0.0:h2 -0.0:h3 -0.0:h1 ");
    expect_changes("a e.0=|,h2;b e.0=|", "-1.0:h1 "); /* a pipe is not observed */
    expect_changes("a e.0=h2;b e.0=h2", "+1.0:h2 ");
    expect_changes("a e.0=h2,hh2;b e.0=h2", "+0.0:hh2 "); /* another port */
}

static void a_host_that_moves_between_groups_or_clusters(void **state)
{
    (void)state;
    expect_changes("a e.0=h1 w.0=h2;b", "+0.0:h1 +0.1:h2 ");
    expect_changes("a e.0 w.0=h2,h1;b", "+0.1:h1 -0.0:h1 ");
    expect_changes("a w.0=h2;b w.0=h1", "+1.0:h1 -0.1:h1 ");
    expect_changes("a w.1=h2;b w.0=h1", "+0.2:h2 -0.1:h2 "); /* the priority is another */
}

static void places_are_kept_until_they_are_vacant(void **state)
{
    (void)state;
    expect_changes("a e.0=h1;b e.0=h2;c e.0=h3", "+0.0:h1 +1.0:h2 +2.0:h3 ");
    expect_changes("c e.0=h3;a e.0=h1", "-1.0:h2 ");
    assert_int_equal(clusters.items[1].presence, PRESENCE_LEAVING);
    assert_string_equal(clusters.items[1].name, "b");
    assert_int_equal(clusters.items[1].groups[0].endpoint_count, 0);
    assert_string_equal(clusters.items[1].groups[0].locality.region, "e");
    assert_int_equal(clusters.items[2].rank, 0);
    assert_int_equal(clusters.items[0].rank, 1);
    assert_null(clusters_find(&clusters, "b"));
    assert_int_equal(clusters_live(&clusters), 2);

    expect_changes("d e.0=h4;c e.0=h3;a e.0=h1", "+3.0:h4 "); /* b leaves still */
    expect_changes("d e.0=h4;b w.0=h2;c e.0=h3;a e.0=h1", "+1.1:h2 ");
    assert_int_equal(clusters.items[1].presence, PRESENCE_LIVE);
    assert_int_equal(clusters.items[1].groups[0].presence, PRESENCE_LEAVING);

    expect_changes("d e.0=h4", "-0.0:h1 -1.1:h2 -2.0:h3 ");
    cluster_clear(&clusters.items[1]);
    expect_changes("d e.0=h4;f e.0=h5;g e.0=h6", "+1.0:h5 +4.0:h6 ");
    assert_string_equal(clusters.items[0].name, "a");

    locality_endpoints_clear(&clusters.items[3].groups[0]);
    expect_changes("d n.0=h7", "+3.0:h7 -1.0:h5 -4.0:h6 ");
}

/* They are one in a report: it does not matter which is which. */
static void groups_of_one_locality_take_each_others_places(void **state)
{
    (void)state;
    expect_changes("a e.0=h1 e.0=h2", "+0.0:h1 +0.1:h2 ");
    expect_changes("a w.0=h3 e.0=h1 e.0=h2", "+0.2:h3 +0.1:h1 +0.0:h2 -0.1:h2 -0.0:h1 ");
    expect_changes("a e.0=h1 w.0=h3", "+0.0:h1 -0.0:h2 -0.1:h1 ");
}

static void what_else_changes(void **state)
{
    struct cluster_changes *changes;

    (void)state;
    cluster_changes_free(change("a e.0=h1;b e.0=h1;c e.0=h1;d e.0=h1"));
    changes = change("a:3 e.0=h1;b!1 e.0=h1;c/x e.0=h1;d e.0=h1;e:3 e.0");
    assert_int_equal(changes->kinds[0], CHANGED_COUNTING);
    assert_int_equal(changes->kinds[1], CHANGED_RESOLVING);
    assert_int_equal(changes->kinds[2], CHANGED_COUNTING);
    assert_int_equal(changes->kinds[3], 0);
    assert_int_equal(changes->kinds[4], 0);
    assert_int_equal(changes->new_clusters, 1);
    assert_int_equal(changes->lost_clusters, 0);
    assert_int_equal(clusters.items[0].protocol, PROTOCOL_TCP);
    cluster_changes_free(changes);

    changes = change("c/y e.0=h1;d e.0=h1");
    assert_int_equal(changes->kinds[2], CHANGED_COUNTING);
    assert_int_equal(changes->lost_clusters, 3);
    cluster_changes_free(changes);
    changes = change("c e.0=h1;d!1 e.0=h1;a:3");
    assert_int_equal(changes->kinds[2], CHANGED_COUNTING);
    assert_int_equal(changes->kinds[3], CHANGED_RESOLVING);
    assert_int_equal(changes->new_clusters, 1); /* it is back */
    cluster_changes_free(changes);
}

/* --- any sequence of configurations ------------------------------------------------------------*/

#define PLACES 64
#define GROUPS 16
#define HOSTS 6

static uint64_t seed = 1;

static unsigned pick(unsigned below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(seed >> 33) % below;
}

static void random_text(char *out)
{
    const char *names = "abcdefgh";
    unsigned has = 0;

    *out = 0;
    for (unsigned clusters_left = pick(6); clusters_left; clusters_left--) {
        unsigned name = pick(8);

        if (has & 1u << name)
            continue;
        out += sprintf(out, "%s%c:%u!%u", has ? ";" : "", names[name], pick(5), pick(3));
        has |= 1u << name;
        for (unsigned groups = pick(4); groups; groups--) {
            out += sprintf(out, " %c.%u", "ew"[pick(2)], pick(2));
            for (unsigned hosts = 0, count = pick(5); hosts < count; hosts++)
                out += sprintf(out, "%sh%u", hosts ? "," : "=", pick(HOSTS));
        }
    }
}

/* How often each place has each host: followed by the changes alone, and by what is there. */
static int followed[PLACES][GROUPS][HOSTS], there[PLACES][GROUPS][HOSTS];

static void follow(const struct endpoint_change *items, size_t count, int by)
{
    for (size_t i = 0; i < count; i++)
        followed[items[i].cluster][items[i].group][atoi(items[i].host + 1)] += by;
}

static void look(void)
{
    memset(there, 0, sizeof(there));
    for (size_t c = 0; c < clusters.count; c++) {
        const struct cluster *cluster = &clusters.items[c];

        for (size_t g = 0; g < cluster->group_count; g++)
            for (size_t i = 0; i < cluster->groups[g].endpoint_count; i++)
                there[c][g][atoi(cluster->groups[g].endpoints[i].host + 1)]++;
    }
}

static const struct cluster *with_rank(size_t rank)
{
    for (size_t c = 0; c < clusters.count; c++)
        if (clusters.items[c].presence == PRESENCE_LIVE && clusters.items[c].rank == rank)
            return &clusters.items[c];
    return NULL;
}

static void expect_same_group(const struct cluster *of, const struct locality_endpoints *wanted)
{
    size_t g = 0;

    while (of->groups[g].presence != PRESENCE_LIVE || of->groups[g].rank != wanted->rank)
        g++;
    assert_in_range(g, 0, of->group_count - 1);
    assert_string_equal(of->groups[g].locality.region, wanted->locality.region);
    assert_int_equal(of->groups[g].priority, wanted->priority);
    assert_int_equal(of->groups[g].endpoint_count, wanted->endpoint_count);
    for (size_t i = 0; i < wanted->endpoint_count; i++)
        assert_string_equal(of->groups[g].endpoints[i].host, wanted->endpoints[i].host);
}

/* All that the text says is there, in its order. */
static void expect_text(const char *text)
{
    struct clusters wanted = configuration(text);

    assert_int_equal(clusters_live(&clusters), wanted.count);
    for (size_t c = 0; c < wanted.count; c++) {
        const struct cluster *found = with_rank(c);

        assert_string_equal(found->name, wanted.items[c].name);
        assert_int_equal(found->protocol, wanted.items[c].protocol);
        assert_int_equal(found->discovery, wanted.items[c].discovery);
        for (size_t g = 0; g < wanted.items[c].group_count; g++)
            expect_same_group(found, &wanted.items[c].groups[g]);
    }
    clusters_clear(&wanted);
}

/* Now and then what leaves is gone. */
static void vacate_some(void)
{
    for (size_t c = 0; c < clusters.count; c++) {
        struct cluster *cluster = &clusters.items[c];

        if (cluster->presence == PRESENCE_LEAVING && pick(4) == 0)
            cluster_clear(cluster);
        for (size_t g = 0; g < cluster->group_count; g++)
            if (cluster->groups[g].presence == PRESENCE_LEAVING && pick(4) == 0)
                locality_endpoints_clear(&cluster->groups[g]);
    }
}

/* No place changes its owner. */
static void expect_same_owners(char names[PLACES][2])
{
    for (size_t c = 0; c < clusters.count; c++) {
        bool vacant = clusters.items[c].presence == PRESENCE_VACANT;

        if (!vacant && names[c][0])
            assert_string_equal(clusters.items[c].name, names[c]);
        strcpy(names[c], vacant ? "" : clusters.items[c].name);
    }
}

static void note_vacant(char names[PLACES][2])
{
    for (size_t c = 0; c < clusters.count; c++)
        if (clusters.items[c].presence == PRESENCE_VACANT)
            names[c][0] = 0;
}

static void any_sequence(void **state)
{
    char text[2048], names[PLACES][2] = {""};

    (void)state;
    memset(followed, 0, sizeof(followed));
    for (unsigned step = 0; step < 4000; step++) {
        struct cluster_changes *changes;

        random_text(text);
        changes = change(text);
        assert_in_range(changes->cluster_count, 0, PLACES);
        follow(changes->added, changes->added_count, 1);
        follow(changes->dropped, changes->dropped_count, -1);
        cluster_changes_free(changes);
        look();
        assert_memory_equal(followed, there, sizeof(there));
        expect_text(text);
        expect_same_owners(names);
        vacate_some();
        note_vacant(names);
    }
}

static void out_of_memory(void **state)
{
    static const char *const text = "b e.0=h3;a:3 e.0=h1 w.0=h5,h6;c e.0=h2";
    long live;

    (void)state;
    if (!MEMORY_CAN_FAIL)
        return;
    expect_changes("a e.0=h1 w.0=h4,h5;b e.0=h2;d e.0=h7",
                   "+0.0:h1 +0.1:h4 +0.1:h5 +1.0:h2 +2.0:h7 ");
    live = memory_live;
    for (long left = 0, failed = -ENOMEM; failed; left++) {
        struct clusters to = configuration(text);
        struct cluster_changes *changes = NULL;

        memory_left = left;
        failed = cluster_changes_find(&clusters, &to, &changes);
        memory_left = -1;
        if (failed) {
            assert_int_equal(failed, -ENOMEM);
            assert_null(changes);
        }
        cluster_changes_free(changes);
        clusters_clear(&to);
        assert_int_equal(memory_live, live);
    }
    expect_changes(text, "+1.0:h3 +0.1:h6 +3.0:h2 -1.0:h2 -0.1:h4 -2.0:h7 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(endpoints_come_and_go),
        TEST(a_host_that_moves_between_groups_or_clusters),
        TEST(places_are_kept_until_they_are_vacant),
        TEST(groups_of_one_locality_take_each_others_places),
        TEST(what_else_changes),
        TEST(any_sequence),
        TEST(out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
