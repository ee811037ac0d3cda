/* Header fields in every coding that a peer may choose, read whole, cut anywhere, with the quick path
 * and without. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "hpack_expect.h"
#include "hpack_reader.h"
#include "http2_wire.h"
#include "kernel/probes.h"

#define PATH_127                                                                                   \
    "/23456789012345678901234567890123456789012345678901234567890123"                              \
    "/23456789012345678901234567890123456789012345678901234567890123"                              \
    "x"
#define HOST_63 "a2345678901234567890123456789012345678901234567890.example.host"

static struct probe_set probes;
static struct hpack_ring ring;

static int setup(void **state)
{
    struct health_check checks[] = {
        {"/healthz", "Check.Me"}, {PATH_127, HOST_63}, {"/", "check.me"}, {"/index.html", ""}};
    const struct cluster cluster = {.health_checks = checks, .health_check_count = 4};

    (void)state;
    return probes_fill(&cluster, &probes) != 4 || probes.probe[1].path_len != PROBE_PATH_MAX - 1 ||
           probes.probe[1].host_len != PROBE_HOST_MAX - 1;
}

static struct hpack_reader fresh(void)
{
    return (struct hpack_reader){.set = &probes, .window = WINDOW_SIZE};
}

static void must_read(struct hpack_reader *r, const struct bytes *b)
{
    assert_true(reader_block(r, b->data, b->length));
}

/* Reads one field as a block. */
static void read_index(struct hpack_reader *r, enum field_form form, uint32_t index)
{
    static struct bytes b;

    b.length = 0;
    index_add(&b, form, index);
    must_read(r, &b);
}

static void read_literal(struct hpack_reader *r, const struct literal *l)
{
    static struct bytes b;

    b.length = 0;
    literal_add(&b, l);
    must_read(r, &b);
}

static void insert(struct hpack_reader *r, const char *name, const char *value)
{
    read_literal(r, &(struct literal){FORM_INSERT, 0, name, value, 0, 0});
}

/* --- the same state, however it was read -------------------------------------------------- */

/* Of what lies inside a field only that counts which is read again. */
static bool same_within_field(const struct hpack *a, const struct hpack *b)
{
    bool literal = a->state != HPACK_AT_FIELD,
         bytes = a->state == HPACK_NAME_BYTES || a->state == HPACK_VALUE_BYTES;
    bool named = a->state >= HPACK_AT_VALUE;

    if ((literal || a->more) && a->form != b->form)
        return false;
    if ((bytes || a->more) && a->number != b->number)
        return false;
    if (named && a->name != b->name)
        return false;
    if ((bytes || a->more) && literal && a->huffman != b->huffman)
        return false;
    return !bytes || (a->length == b->length && a->held == b->held && a->matches == b->matches &&
                      !memcmp(a->bytes, b->bytes, sizeof(a->bytes)));
}

/* A larger ring is asked for at the same byte; when it comes depends on the cuts. */
static bool same_table(const struct hpack *a, const struct hpack *b)
{
    if (a->inserts != b->inserts || a->partial != b->partial || !a->big != !b->big)
        return false;
    return a->big || !memcmp(a->tags, b->tags, sizeof(a->tags));
}

static bool same_state(const struct hpack *a, const struct hpack *b)
{
    return a->state == b->state && a->more == b->more && same_table(a, b) &&
           !memcmp(&a->fields, &b->fields, sizeof(a->fields)) && same_within_field(a, b);
}

/* Reads a block up to `cut`, then the rest, by steps or not; the state at the cut goes to `at`. */
static struct hpack_reader read_cut(const struct hpack_reader *before, const struct bytes *b,
                                    size_t cut, bool by_steps, size_t window, struct hpack *at)
{
    struct hpack_reader r = *before;

    r.by_steps = by_steps;
    r.window = window;
    hpack_block_start(&r.hpack);
    if (!reader_read(&r, b->data, cut))
        fail_msg("broken before %zu", cut);
    *at = r.hpack;
    if (!reader_read(&r, b->data + cut, b->length - cut) || !reader_between_fields(&r))
        fail_msg("broken, cut at %zu", cut);
    return r;
}

/* Reads a block in every way; all have to agree. */
static void check_cuts(struct hpack_reader *before, const struct bytes *b)
{
    struct hpack whole, at, other;
    struct hpack_reader r = read_cut(before, b, 0, false, WINDOW_SIZE, &at);

    whole = r.hpack;
    for (size_t cut = 0; cut <= b->length; cut++) {
        r = read_cut(before, b, cut, false, WINDOW_SIZE, &at);
        if (!same_state(&r.hpack, &whole))
            fail_msg("cut at %zu", cut);
        for (size_t window = 1; window < 40; window += 6) {
            r = read_cut(before, b, cut, window % 4 == 1, window, &other);
            if (!same_state(&at, &other))
                fail_msg("at byte %zu, window %zu", cut, window);
            if (!same_state(&r.hpack, &whole))
                fail_msg("cut at %zu, window %zu", cut, window);
        }
    }
    before->hpack = whole;
}

/* --- every name and value in every coding ------------------------------------------------- */

struct known_name {
    const char *name;
    uint32_t index; /* in the static table */
    const char *values[24];
};

static const struct known_name known_names[] = {
    {":status", 8, {"200", "99",  "100", "101",  "103", "199", "499", "500",
                    "599", "600", "999", "0200", "20",  "2",   "",    "000",
                    "abc", "2a0", "20 ", "-20",  "50x", "/00", ":00"}},
    {"grpc-status", 0, {"0",  "1",  "2",  "3",    "4",     "5",  "6",  "7",
                        "8",  "9",  "10", "11",   "12",    "13", "14", "15",
                        "16", "17", "00", "0016", "00000", "",   "x",  "1x"}},
    {"grpc-status", 0, {"-1", " 1", "32", "99", "4294967296", "18446744073709551616", "0x1"}},
    {"content-type",
     31,
     {"application/grpc", "application/grpc+", "application/grpc+proto", "application/grp",
      "application/grpc-web", "application/grpc,", "application/grpc;", "application/grpcx",
      "application/grpc*", "", "Application/grpc", "application/grpb", "bpplication/grpc",
      "application/grpc++a", "text/html", "application/json"}},
    {"user-agent", 58, {"Envoy/HC", "envoy/HC", "Envoy/HC ", "Envoy/HCX", "Envoy/H", "", "curl"}},
    {":path",
     4,
     {"/healthz", "/healthy", "/healthz?", "/", "/index.html", PATH_127, PATH_127 "x",
      "/index.htmk", "", "*"}},
    {":path", 5, {"/", "/index.html", "/healthz"}},
    {":authority", 1, {"check.me", "Check.Me", "check.mf", HOST_63, HOST_63 "x", "a", ""}},
    {"host", 38, {"check.me", "CHECK.ME", "bheck.me", HOST_63, ""}},
    {"hosu", 0, {"check.me"}},
    {":pat", 0, {"/healthz"}},
    {"cookie", 32, {"200", "application/grpc", "Envoy/HC", "/healthz", "check.me"}},
    {"grpc-status-details-bin", 0, {"0"}},
    {"x", 0, {"0", PATH_127 PATH_127 PATH_127}},
};

/* A value that is coded as it is. */
static bool can_huffman(const char *value)
{
    return !strchr(value, ' ');
}

enum name_way { NAME_RAW, NAME_HUFFMAN, NAME_STATIC, NAME_DYNAMIC, NAME_WAYS };

/* One field between others, in one coding. What it inserts says the same when referred to. */
static void check_coding(const struct known_name *name, const char *value, enum field_form form,
                         enum name_way way, bool huffman)
{
    static struct bytes b;
    struct hpack_reader r = fresh();
    struct literal l = {form, 0, name->name, value, way == NAME_HUFFMAN, huffman};
    struct hpack_fields expected = {0};

    insert(&r, name->name, "another");
    insert(&r, "noise", "200");
    if (way == NAME_STATIC)
        l.index = name->index;
    else if (way == NAME_DYNAMIC)
        l.index = HPACK_STATIC + 2;
    b.length = 0;
    index_add(&b, FORM_INDEXED, 2); /* :method GET */
    literal_add(&b, &l);
    literal_add(&b, &(struct literal){FORM_WITHOUT, 0, "a", "b", 0, 0});
    check_cuts(&r, &b);
    expected.flags = FIELDS_HEAD;
    expect_field(&expected, &probes, name->name, value);
    assert_memory_equal(&r.hpack.fields, &expected, sizeof(expected));
    assert_int_equal(r.hpack.inserts, form == FORM_INSERT ? 3 : 2);
    if (form != FORM_INSERT)
        return;
    read_index(&r, FORM_INDEXED, HPACK_STATIC + 1);
    r.hpack.fields.flags |= FIELDS_HEAD;
    assert_memory_equal(&r.hpack.fields, &expected, sizeof(expected));
}

static void check_way(const struct known_name *name, const char *value, enum field_form form,
                      enum name_way way)
{
    if (way == NAME_STATIC && !name->index)
        return;
    check_coding(name, value, form, way, false);
    if (can_huffman(value))
        check_coding(name, value, form, way, true);
}

static void check_codings(const struct known_name *name, const char *value)
{
    static const enum field_form forms[] = {FORM_INSERT, FORM_WITHOUT, FORM_NEVER};

    for (size_t form = 0; form < ARRAY_SIZE(forms); form++)
        for (enum name_way way = 0; way < NAME_WAYS; way++)
            check_way(name, value, forms[form], way);
}

static void every_name_and_value_in_every_coding(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(known_names); i++)
        for (size_t v = 0; v < ARRAY_SIZE(known_names[i].values); v++)
            if (known_names[i].values[v])
                check_codings(&known_names[i], known_names[i].values[v]);
}

static void every_number(void **state)
{
    static const char *const names[] = {":status", "grpc-status"};

    (void)state;
    for (int number = 0; number < 10000; number++)
        for (int i = 0; i < 4; i++) {
            struct hpack_reader r = fresh();
            struct hpack_fields expected = {0};
            char value[16];

            snprintf(value, sizeof(value), "%0*d", number % 5, number);
            read_literal(&r, &(struct literal){FORM_INSERT, 0, names[i / 2], value, 0, i % 2});
            expect_field(&expected, NULL, names[i / 2], value);
            assert_memory_equal(&r.hpack.fields, &expected, sizeof(expected));
        }
}

/* A string of the same length that differs in one bit is another one. */
static void one_bit_off(void **state)
{
    static struct bytes b;

    (void)state;
    for (size_t i = 0; i < 7; i++)
        for (int huffman = 0; huffman < 2; huffman++) {
            const struct known_name *name = &known_names[(const size_t[]){0, 1, 3, 4, 5, 7, 8}[i]];
            struct hpack_reader r = fresh();

            b.length = 0;
            literal_add(&b, &(struct literal){FORM_INSERT, 0, name->name, "x", huffman, 0});
            for (size_t bit = 16; bit < (b.length - 2) * 8; bit++) {
                b.data[bit / 8] ^= 1 << bit % 8;
                must_read(&r, &b);
                assert_int_equal(hpack_tag(&r.hpack, NULL, HPACK_STATIC + 1), 0);
                b.data[bit / 8] ^= 1 << bit % 8;
            }
            must_read(&r, &b);
            assert_int_not_equal(hpack_tag(&r.hpack, NULL, HPACK_STATIC + 1) >> HPACK_VALUE_BITS,
                                 HPACK_OTHER);
        }
}

static bool says_something(const struct hpack_fields *f)
{
    return (f->flags & ~(FIELDS_TYPED | FIELDS_HEAD)) || f->paths || f->hosts;
}

static void check_value_bits(uint32_t index, const char *text, bool huffman)
{
    static struct bytes b;
    struct hpack_reader r = fresh();
    size_t value;

    b.length = 0;
    integer_add(&b, FORM_WITHOUT, 0xf, index);
    value = b.length + (!huffman && strlen(text) == 127 ? 2 : 1);
    string_add(&b, text, huffman);
    for (size_t bit = value * 8; bit < b.length * 8; bit++) {
        b.data[bit / 8] ^= 1 << bit % 8;
        must_read(&r, &b);
        assert_false(says_something(&r.hpack.fields));
        b.data[bit / 8] ^= 1 << bit % 8;
    }
    must_read(&r, &b);
    assert_true(says_something(&r.hpack.fields));
}

static void values_one_bit_off(void **state)
{
    static const struct {
        uint32_t index;
        const char *value;
    } fields[] = {{31, "application/grpc"}, {58, "Envoy/HC"}, {4, PATH_127}, {1, "check.me"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        check_value_bits(fields[i].index, fields[i].value, false);
        check_value_bits(fields[i].index, fields[i].value, true);
    }
}

/* Padding is ones, less than a byte of them (RFC 7541, 5.2). */
static void broken_padding_is_no_number(void **state)
{
    static const struct {
        const char *block;
        size_t length;
        __u8 status;
    } blocks[] = {
        {"\x08\x82\x10\x01", 4, STATUS_BELOW_500}, /* 200 fills 15 bits, and a one */
        {"\x08\x82\x10\x00", 4, STATUS_BAD},
        {"\x08\x83\x10\x01\xff", 5, STATUS_BAD},
        {"\x08\x82\x6c\x00", 4, STATUS_5XX}, /* 500 fills 16 bits */
        {"\x08\x83\x6c\x00\xff", 5, STATUS_BAD},
        {"\x08\x82\x6c\x03", 4, STATUS_BAD}, /* 50a */
        {"\x08\x81\x10", 3, STATUS_BAD},
        {"\x08\x80", 2, STATUS_BAD},
        {"\x08\x86\x10\x01\xff\xff\xff\xff", 8, STATUS_BAD},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        struct hpack_reader r = fresh();

        assert_true(reader_block(&r, (const uint8_t *)blocks[i].block, blocks[i].length));
        if (r.hpack.fields.status != blocks[i].status)
            fail_msg("block %zu: %u", i, r.hpack.fields.status);
    }
}

static void what_several_fields_say(void **state)
{
    static struct bytes b;
    struct hpack_reader r = fresh();

    (void)state;
    literal_add(&b, &(struct literal){FORM_WITHOUT, 0, "grpc-status", "0", 0, 0});
    literal_add(&b, &(struct literal){FORM_WITHOUT, 31, NULL, "application/grpc", 0, 0});
    literal_add(&b, &(struct literal){FORM_WITHOUT, 58, NULL, "Envoy/HC", 0, 0});
    literal_add(&b, &(struct literal){FORM_WITHOUT, 4, NULL, "/healthz", 0, 0});
    literal_add(&b, &(struct literal){FORM_WITHOUT, 1, NULL, "check.me", 0, 0});
    check_cuts(&r, &b);
    assert_int_equal(r.hpack.fields.grpc_status, GRPC_SUCCESS);
    assert_int_equal(r.hpack.fields.flags, FIELDS_TYPED | FIELDS_GRPC | FIELDS_AGENT);
    assert_int_equal(r.hpack.fields.paths, 1);
    assert_int_equal(r.hpack.fields.hosts, 4); /* not "Check.Me" */
    literal_add(&b, &(struct literal){FORM_WITHOUT, 0, "grpc-status", "0", 0, 0});
    check_cuts(&r, &b);
    assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR); /* "0,0" */
    b.length = 0;
    check_cuts(&r, &b);
    assert_int_equal(r.hpack.fields.grpc_status | r.hpack.fields.flags | r.hpack.fields.paths, 0);
}

/* --- the static table ---------------------------------------------------------------------- */

static void all_static_entries(void **state)
{
    nghttp2_hd_inflater *inflater;

    (void)state;
    assert_int_equal(nghttp2_hd_inflate_new(&inflater), 0);
    for (uint32_t index = 1; index <= HPACK_STATIC; index++) {
        const uint8_t block = (uint8_t)(0x80 | index);
        struct hpack_fields expected = {0};
        struct hpack_reader r = fresh();
        nghttp2_nv nv;
        int flags = 0;

        assert_int_equal(nghttp2_hd_inflate_hd2(inflater, &nv, &flags, &block, 1, 1), 1);
        assert_true(flags & NGHTTP2_HD_INFLATE_EMIT);
        nghttp2_hd_inflate_end_headers(inflater);
        expect_field(&expected, &probes, (char *)nv.name, (char *)nv.value);
        if (index >= 2 && index <= 7 && index / 2 != 2) /* :method, :scheme */
            expected.flags |= FIELDS_HEAD;
        if (index == 8)
            assert_int_equal(expected.status, STATUS_BELOW_500);
        read_index(&r, FORM_INDEXED, index);
        assert_memory_equal(&r.hpack.fields, &expected, sizeof(expected));
    }
    nghttp2_hd_inflate_del(inflater);
}

static void static_paths_without_patterns(void **state)
{
    struct hpack_reader r = fresh();

    (void)state;
    read_index(&r, FORM_INDEXED, 4);
    assert_int_equal(r.hpack.fields.paths, 4);
    read_index(&r, FORM_INDEXED, 5);
    assert_int_equal(r.hpack.fields.paths, 8);
    r.set = NULL;
    read_index(&r, FORM_INDEXED, 5);
    assert_int_equal(r.hpack.fields.paths, 0);
    read_literal(&r, &(struct literal){FORM_INSERT, 4, NULL, "/healthz", 0, 1});
    assert_int_equal(r.hpack.fields.paths, 0);
}

/* --- integers and broken blocks ------------------------------------------------------------ */

static void strings_of_any_length(void **state)
{
    static const size_t lengths[] = {0,   1,   23,  24,  25,   126,  127,   128,   253,
                                     254, 255, 256, 300, 4090, 4100, 16509, 16510, 60000};
    static struct bytes b;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
        autofree char *text = calloc(1, lengths[i] + 1);
        struct hpack_reader r = fresh();

        memset(text, 'v', lengths[i]);
        b.length = 0;
        index_add(&b, FORM_INDEXED, 8);
        literal_add(&b, &(struct literal){FORM_INSERT, 0, text, text, 0, 0});
        literal_add(&b, &(struct literal){FORM_NEVER, 0, "grpc-status", "14", 0, 0});
        if (b.length < 700) {
            check_cuts(&r, &b);
        } else {
            must_read(&r, &b);
        }
        assert_int_equal(r.hpack.inserts, 1);
        assert_int_equal(r.hpack.fields.status, STATUS_BELOW_500);
        assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR);
    }
}

static void broken_blocks(void **state)
{
    static const struct {
        const char *block;
        size_t length;
    } blocks[] = {
        {"\x80", 1},                     /* index 0 */
        {"\xbe", 1},                     /* an empty table */
        {"\x7f\x00\x01y", 4},            /* ... of which a name */
        {"\x0f\x2f\x01y", 4},            /* ... without indexing */
        {"\xff", 1},                     /* cut inside an integer */
        {"\xff\x80\x80\x80\x80\x00", 6}, /* five bytes after the prefix */
        {"\x88\x08", 2},                 /* cut before a value */
        {"\x88\x08\x03"
         "50",
         5}, /* ... inside it */
        {"\x00", 1},
        {"\x00\x01", 2},
        {"\x00\x01x", 3},
        {"\x00\x01x\x01", 4},
        {"\x00\x01x\x7f", 4},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(blocks) * 16; i++) {
        size_t block = i / 16, window = 1 + i / 2 % 8;
        struct hpack_reader r = fresh();

        r.window = window;
        r.by_steps = i % 2;
        if (reader_block(&r, (const uint8_t *)blocks[block].block, blocks[block].length))
            fail_msg("block %zu, window %zu", block, window);
    }
}

static void integers_with_needless_bytes(void **state)
{
    static const struct {
        const char *block;
        size_t length;
        __u8 status;
    } blocks[] = {
        {"\x08\x7f\x80\x80\x00", 5, STATUS_NONE}, /* 127 bytes follow */
        {"\x0f\x80\x00\x00\x88", 5, STATUS_BELOW_500},
        {"\x0f\x80\x80\x80\x00\x00\x8e", 7, STATUS_5XX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        for (size_t window = 1; window < 8; window++) {
            struct hpack_reader r = fresh();

            r.window = window;
            hpack_block_start(&r.hpack);
            assert_true(reader_read(&r, (const uint8_t *)blocks[i].block, blocks[i].length));
            assert_int_equal(r.hpack.fields.status, blocks[i].status);
            assert_int_equal(reader_between_fields(&r), i != 0);
        }
}

/* --- the dynamic table --------------------------------------------------------------------- */

/* A field whose tag tells `number` apart from its neighbours. */
static void insert_numbered(struct hpack_reader *r, uint32_t number)
{
    char value[16];

    snprintf(value, sizeof(value), "%u", (number * 2654435761u >> 20) % 18);
    insert(r, number % 3 ? "grpc-status" : ":status", value);
}

static __u8 numbered_tag(uint32_t number)
{
    struct hpack_reader r = fresh();

    insert_numbered(&r, number);
    return r.hpack.tags[0];
}

/* The newest `count` entries are 0 to count - 1 from the oldest; those older than `known` are not. */
static void check_table(struct hpack_reader *r, uint32_t count, uint32_t known)
{
    for (uint32_t age = 0; age < count; age++) {
        struct hpack_fields expected = {0};

        hpack_take(&expected,
                   age < known ? numbered_tag(count - 1 - age) : HPACK_TAG(HPACK_UNKNOWN, 0));
        read_index(r, FORM_INDEXED, HPACK_STATIC + 1 + age);
        assert_memory_equal(&r->hpack.fields, &expected, sizeof(expected));
    }
}

static void the_default_ring(void **state)
{
    struct hpack_reader r = fresh();

    (void)state;
    for (uint32_t i = 0; i < HPACK_RING * 2; i++) {
        insert_numbered(&r, i);
        if (i % 37 == 0 || i == HPACK_RING || i == HPACK_RING - 1)
            check_table(&r, i + 1, HPACK_RING);
    }
    assert_int_equal(r.hpack.big, HPACK_BIG_NO);
}

static void an_index_beyond_the_inserts_is_broken(void **state)
{
    static struct bytes b;

    (void)state;
    for (uint32_t count = 0; count < 300; count += 7) {
        struct hpack_reader r = fresh();

        for (uint32_t i = 0; i < count; i++)
            insert_numbered(&r, i);
        b.length = 0;
        index_add(&b, FORM_INDEXED, HPACK_STATIC + count + 1);
        assert_false(reader_block(&r, b.data, b.length));
        b.length = 0;
        literal_add(&b, &(struct literal){FORM_WITHOUT, HPACK_STATIC + count + 1, 0, "v", 0, 0});
        r = fresh();
        assert_false(reader_block(&r, b.data, b.length));
    }
}

/* A name of an entry is taken over, its value is not. */
static void names_of_entries(void **state)
{
    struct hpack_reader r = fresh();

    (void)state;
    insert(&r, "grpc-status", "14");
    insert(&r, "x", "y");
    read_literal(&r, &(struct literal){FORM_INSERT, HPACK_STATIC + 2, NULL, "0", 0, 1});
    assert_int_equal(r.hpack.fields.grpc_status, GRPC_SUCCESS);
    read_index(&r, FORM_INDEXED, HPACK_STATIC + 1);
    assert_int_equal(r.hpack.fields.grpc_status, GRPC_SUCCESS);
    read_index(&r, FORM_INDEXED, HPACK_STATIC + 3);
    assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR);
}

static void size_updates(void **state)
{
    static const uint32_t sizes[] = {0, 30, 31, 4095, 4096, 4097, 65536, 65537, 1 << 27};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct hpack_reader r = fresh();

        insert_numbered(&r, 0);
        read_index(&r, FORM_SIZE, sizes[i]);
        assert_int_equal(r.hpack.big, sizes[i] > 4096 ? HPACK_BIG_WANTED : HPACK_BIG_NO);
        insert_numbered(&r, 1);
        assert_int_equal(r.hpack.big, sizes[i] > 4096 ? HPACK_BIG_DENIED : HPACK_BIG_NO);
        read_index(&r, FORM_SIZE, sizes[i]);
        assert_int_equal(r.hpack.big, sizes[i] > 4096 ? HPACK_BIG_DENIED : HPACK_BIG_NO);
        check_table(&r, 2, 2);
    }
}

/* An update in the middle of what one step reads: what follows it there belongs to the table too. */
static void entries_behind_a_size_update(void **state)
{
    static struct bytes b;

    (void)state;
    index_add(&b, FORM_SIZE, 0);
    index_add(&b, FORM_SIZE, 65536);
    for (int i = 0; i < 3; i++)
        literal_add(&b, &(struct literal){FORM_INSERT, 0, "grpc-status", "14", 0, 0});
    for (int growing = 0; growing < 2; growing++) {
        struct hpack_reader r = fresh();

        r.ring = growing ? &ring : NULL;
        check_cuts(&r, &b);
        assert_int_equal(r.hpack.big, growing ? HPACK_BIG_USED : HPACK_BIG_DENIED);
        for (uint32_t i = 1; i <= 3; i++) {
            read_index(&r, FORM_INDEXED, HPACK_STATIC + i);
            assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR);
        }
    }
}

static void the_larger_ring(void **state)
{
    static const uint32_t before[] = {0, 1, 100, HPACK_RING, HPACK_RING + 50};

    (void)state;
    for (size_t n = 0; n < ARRAY_SIZE(before); n++) {
        struct hpack_reader r = fresh();
        uint32_t i = 0;

        r.ring = &ring;
        for (; i < before[n]; i++)
            insert_numbered(&r, i);
        read_index(&r, FORM_SIZE, 65536);
        check_table(&r, i, HPACK_RING);
        for (; i < HPACK_BIG_RING + before[n]; i++)
            insert_numbered(&r, i);
        assert_int_equal(r.hpack.big, HPACK_BIG_USED);
        check_table(&r, i, HPACK_BIG_RING);
        insert_numbered(&r, i++);
        check_table(&r, i, HPACK_BIG_RING);
    }
}

static void the_insert_count_wraps(void **state)
{
    (void)state;
    for (int growing = 0; growing < 2; growing++) {
        struct hpack_reader r = fresh();
        uint32_t known = growing ? 300 : HPACK_RING;

        r.ring = &ring;
        r.hpack.inserts = 0xffffffffu - 200;
        if (growing)
            read_index(&r, FORM_SIZE, 65536);
        for (uint32_t i = 0; i < 300; i++) {
            insert_numbered(&r, i);
            if (i % 50 == 0 || (i > 190 && i < 205))
                check_table(&r, i + 1, known);
        }
        assert_true(r.hpack.inserts > 1u << 31);
    }
}

/* --- after a gap ---------------------------------------------------------------------------- */

static void a_forgotten_table_heals(void **state)
{
    (void)state;
    for (int growing = 0; growing < 2; growing++) {
        struct hpack_reader r = fresh();
        uint32_t inserts, known = growing ? HPACK_RING + 50 : HPACK_RING;

        r.ring = &ring;
        for (uint32_t i = 0; i < 10; i++)
            insert_numbered(&r, i);
        if (growing)
            read_index(&r, FORM_SIZE, 65536);
        inserts = r.hpack.inserts;
        insert_numbered(&r, 0);
        hpack_forget(&r.hpack);
        assert_true(r.hpack.inserts != inserts && r.hpack.inserts != inserts + 1);
        for (uint32_t index = 1; index <= 3000; index += 13) {
            read_index(&r, FORM_INDEXED, HPACK_STATIC + index);
            assert_int_equal(r.hpack.fields.flags, FIELDS_UNKNOWN);
        }
        for (uint32_t i = 0; i < known; i++)
            insert_numbered(&r, i);
        check_table(&r, known, known);
        read_index(&r, FORM_INDEXED, HPACK_STATIC + 1 + known);
        assert_int_equal(r.hpack.fields.flags, FIELDS_UNKNOWN);
        assert_int_equal(r.hpack.fields.status | r.hpack.fields.grpc_status, 0);
    }
}

/* The name of a forgotten entry hides what the field is, and what it inserts. */
static void unknown_names(void **state)
{
    struct hpack_reader r = fresh();

    (void)state;
    hpack_forget(&r.hpack);
    read_literal(&r, &(struct literal){FORM_INSERT, HPACK_STATIC + 1, NULL, "14", 0, 0});
    assert_int_equal(r.hpack.fields.flags, FIELDS_UNKNOWN);
    read_index(&r, FORM_INDEXED, HPACK_STATIC + 1);
    assert_int_equal(r.hpack.fields.flags, FIELDS_UNKNOWN);
    read_literal(&r, &(struct literal){FORM_INSERT, 8, NULL, "503", 0, 0});
    assert_int_equal(r.hpack.fields.status, STATUS_5XX);
    assert_int_equal(r.hpack.fields.flags, 0);
}

static void forgotten_inside_a_field(void **state)
{
    static struct bytes b;

    (void)state;
    literal_add(&b, &(struct literal){FORM_INSERT, 0, "grpc-status", "14", 1, 0});
    for (size_t cut = 1; cut < b.length; cut++) {
        struct hpack_reader r = fresh();

        hpack_block_start(&r.hpack);
        assert_true(reader_read(&r, b.data, cut));
        hpack_forget(&r.hpack);
        assert_true(reader_between_fields(&r));
        check_cuts(&r, &b);
        assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR);
        read_index(&r, FORM_INDEXED, HPACK_STATIC + 1);
        assert_int_equal(r.hpack.fields.grpc_status, GRPC_ERROR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_and_value_in_every_coding),
        cmocka_unit_test(every_number),
        cmocka_unit_test(one_bit_off),
        cmocka_unit_test(values_one_bit_off),
        cmocka_unit_test(broken_padding_is_no_number),
        cmocka_unit_test(what_several_fields_say),
        cmocka_unit_test(all_static_entries),
        cmocka_unit_test(static_paths_without_patterns),
        cmocka_unit_test(strings_of_any_length),
        cmocka_unit_test(broken_blocks),
        cmocka_unit_test(integers_with_needless_bytes),
        cmocka_unit_test(the_default_ring),
        cmocka_unit_test(an_index_beyond_the_inserts_is_broken),
        cmocka_unit_test(names_of_entries),
        cmocka_unit_test(size_updates),
        cmocka_unit_test(entries_behind_a_size_update),
        cmocka_unit_test(the_larger_ring),
        cmocka_unit_test(the_insert_count_wraps),
        cmocka_unit_test(a_forgotten_table_heals),
        cmocka_unit_test(unknown_names),
        cmocka_unit_test(forgotten_inside_a_field),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
