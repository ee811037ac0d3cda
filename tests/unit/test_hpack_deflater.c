/* Header blocks of nghttp2's deflater: what they say is told from their strings, over tables of any
 * size, resized and turned over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "hpack_expect.h"
#include "hpack_reader.h"
#include "kernel/probes.h"

#define FIELDS 6
#define BLOCK_MAX 4000

struct field {
    const char *name;
    char value[200];
};

/* Two readers, which have to agree with the strings: whole blocks at once, and by the byte. */
struct table {
    nghttp2_hd_deflater *deflater;
    struct hpack_reader quick, steps;
    struct hpack_ring rings[2];
    struct probe_set probes;
    bool static_names;    /* none that only entries have */
    unsigned int unknown; /* blocks with a field that could not be told */
};

static struct table table;

static void begin(size_t size, bool grows)
{
    struct health_check checks[] = {{"/healthz", "check.me"}, {"/", ""}};
    const struct cluster cluster = {.health_checks = checks, .health_check_count = 2};

    memset(&table, 0, sizeof(table));
    probes_fill(&cluster, &table.probes);
    table.quick = (struct hpack_reader){
        .set = &table.probes, .window = WINDOW_SIZE, .ring = grows ? &table.rings[0] : NULL};
    table.steps = (struct hpack_reader){.set = &table.probes,
                                        .window = 1,
                                        .by_steps = true,
                                        .ring = grows ? &table.rings[1] : NULL};
    assert_int_equal(nghttp2_hd_deflate_new(&table.deflater, size), 0);
    assert_int_equal(nghttp2_hd_deflate_change_table_size(table.deflater, size), 0);
    srand(7);
}

static void end(void)
{
    nghttp2_hd_deflate_del(table.deflater);
}

static const char *pick(const char *const *of, size_t count)
{
    return of[(size_t)rand() % count];
}
#define PICK(...)                                                                                  \
    pick((const char *const[]){__VA_ARGS__},                                                       \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* `variety`: how many different ones there are of what no count depends on. */
static void any_field(struct field *f, int variety)
{
    size_t room = sizeof(f->value);
    int width = 1 + rand() % 150;

    f->name = PICK(":status", "content-type", "user-agent", ":path", ":authority", "host", "cookie",
                   "authorization", "via", "grpc-status", "grpc-message", "x-noise");
    if (table.static_names && strchr("gx", *f->name))
        f->name = "from";
    if (!strcmp(f->name, ":status"))
        snprintf(f->value, room, "%d", 95 + rand() % 910);
    else if (!strcmp(f->name, "grpc-status"))
        snprintf(f->value, room, "%d", rand() % 19);
    else if (!strcmp(f->name, "content-type"))
        snprintf(f->value, room, "%s",
                 PICK("application/grpc", "application/grpc+proto", "application/grpc-web",
                      "text/html", "application/json; charset=utf-8"));
    else if (!strcmp(f->name, "user-agent"))
        snprintf(f->value, room, "%s", PICK("Envoy/HC", "Envoy/HCX", "grpc-c++/1.50", "curl/8"));
    else if (!strcmp(f->name, ":path"))
        snprintf(f->value, room, "%s", PICK("/healthz", "/", "/index.html", "/healthy", "/a/b"));
    else if (!strcmp(f->name, ":authority") || !strcmp(f->name, "host"))
        snprintf(f->value, room, "%s", PICK("check.me", "check.you", "upstream.example:8080"));
    else
        snprintf(f->value, room, "%0*d", variety < 99 ? 3 : width, rand() % variety);
}

static void check_reader(struct hpack_reader *r, const uint8_t *block, size_t length,
                         const struct hpack_fields *expected, int round)
{
    if (!reader_block(r, block, length))
        fail_msg("round %d: broken", round);
    if (r->hpack.fields.flags & FIELDS_UNKNOWN) {
        table.unknown++;
        return;
    }
    if (memcmp(&r->hpack.fields, expected, sizeof(*expected)))
        fail_msg("round %d, %s: status %u not %u, grpc-status %u not %u, flags %u not %u", round,
                 r->by_steps ? "by steps" : "quick", r->hpack.fields.status, expected->status,
                 r->hpack.fields.grpc_status, expected->grpc_status, r->hpack.fields.flags,
                 expected->flags);
}

static void exchange_block(int variety, int round)
{
    static uint8_t block[BLOCK_MAX];
    struct hpack_fields expected = {0};
    struct field fields[FIELDS];
    nghttp2_nv nv[FIELDS];
    size_t count = 1 + (size_t)rand() % FIELDS;
    ssize_t length;

    for (size_t i = 0; i < count; i++) {
        any_field(&fields[i], variety);
        nv[i] = (nghttp2_nv){(uint8_t *)fields[i].name, (uint8_t *)fields[i].value,
                             strlen(fields[i].name), strlen(fields[i].value),
                             rand() % 10 ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX};
        expect_field(&expected, &table.probes, fields[i].name, fields[i].value);
    }
    length = nghttp2_hd_deflate_hd(table.deflater, block, sizeof(block), nv, count);
    assert_true(length > 0);
    check_reader(&table.quick, block, (size_t)length, &expected, round);
    check_reader(&table.steps, block, (size_t)length, &expected, round);
}

/* Each size, from nothing to 64 KiB, is known to its last entry. */
static void tables_of_one_size(void **state)
{
    static const size_t sizes[] = {0, 32, 64, 200, 1000, 4095, 4096, 4097, 8192, 20000, 65536};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        for (int variety = 1; variety < 10000; variety *= 99) {
            begin(sizes[i], true);
            for (int round = 0; round < 3000; round++)
                exchange_block(variety, round);
            assert_int_equal(table.unknown, 0);
            assert_int_equal(table.quick.hpack.big,
                             sizes[i] > 4096 ? HPACK_BIG_USED : HPACK_BIG_NO);
            end();
        }
}

static void tables_that_are_resized(void **state)
{
    static const size_t sizes[] = {0, 65536, 100, 4096, 32, 5000, 0, 4096, 65536, 1};

    (void)state;
    begin(65536, true);
    for (int round = 0; round < 30000; round++) {
        if (round % 40 == 0) {
            nghttp2_hd_deflate_change_table_size(table.deflater, sizes[rand() % 10]);
            if (round % 3 == 0) /* two changes at once: both are announced */
                nghttp2_hd_deflate_change_table_size(table.deflater, sizes[rand() % 10]);
        }
        exchange_block(9801, round);
    }
    assert_int_equal(table.unknown, 0);
    end();
}

/* Once the whole table was turned over, every entry is known. A name that an encoder takes from entry
 * to entry stays unknown, so there are none of these. */
static void check_healing(void)
{
    table.static_names = true;
    for (int round = 0; round < 3000; round++)
        exchange_block(9801, round);
    table.unknown = 0;
    for (int round = 0; round < 3000; round++)
        exchange_block(9801, round);
    assert_int_equal(table.unknown, 0);
}

/* Entries that nobody keeps are unknown, never guessed; those that are kept are known again. */
static void tables_beyond_the_rings(void **state)
{
    (void)state;
    for (int grows = 0; grows < 2; grows++) {
        begin(grows ? 1 << 20 : 65536, grows);
        for (int round = 0; round < 20000; round++)
            exchange_block(9801, round);
        assert_true(table.unknown > 100);
        assert_true(table.unknown < 2 * 20000);
        nghttp2_hd_deflate_change_table_size(table.deflater, 4096);
        check_healing();
        end();
    }
}

/* After a gap only that is known which was inserted behind it. */
static void forgotten_tables(void **state)
{
    (void)state;
    for (int grows = 0; grows < 2; grows++) {
        begin(grows ? 20000 : 4096, grows);
        for (int round = 0; round < 3000; round++) {
            if (round % 100 == 99) {
                hpack_forget(&table.quick.hpack);
                hpack_forget(&table.steps.hpack);
            }
            exchange_block(9801, round);
        }
        assert_true(table.unknown > 100);
        check_healing();
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_one_size),
        cmocka_unit_test(tables_that_are_resized),
        cmocka_unit_test(tables_beyond_the_rings),
        cmocka_unit_test(forgotten_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
