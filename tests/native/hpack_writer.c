#include "hpack_writer.h"

#include <string.h>

#include "base/mem.h"
#include "hpack_huffman.h"

#define ENTRY_OVERHEAD 32 /* RFC 7541, 4.1 */
#define DEFAULT_SIZE 4096

/* RFC 7541, appendix A. */
static const char *const static_table[][2] = {
    {":authority", ""},
    {":method", "GET"},
    {":method", "POST"},
    {":path", "/"},
    {":path", "/index.html"},
    {":scheme", "http"},
    {":scheme", "https"},
    {":status", "200"},
    {":status", "204"},
    {":status", "206"},
    {":status", "304"},
    {":status", "400"},
    {":status", "404"},
    {":status", "500"},
    {"accept-charset", ""},
    {"accept-encoding", "gzip, deflate"},
    {"accept-language", ""},
    {"accept-ranges", ""},
    {"accept", ""},
    {"access-control-allow-origin", ""},
    {"age", ""},
    {"allow", ""},
    {"authorization", ""},
    {"cache-control", ""},
    {"content-disposition", ""},
    {"content-encoding", ""},
    {"content-language", ""},
    {"content-length", ""},
    {"content-location", ""},
    {"content-range", ""},
    {"content-type", ""},
    {"cookie", ""},
    {"date", ""},
    {"etag", ""},
    {"expect", ""},
    {"expires", ""},
    {"from", ""},
    {"host", ""},
    {"if-match", ""},
    {"if-modified-since", ""},
    {"if-none-match", ""},
    {"if-range", ""},
    {"if-unmodified-since", ""},
    {"last-modified", ""},
    {"link", ""},
    {"location", ""},
    {"max-forwards", ""},
    {"proxy-authenticate", ""},
    {"proxy-authorization", ""},
    {"range", ""},
    {"referer", ""},
    {"refresh", ""},
    {"retry-after", ""},
    {"server", ""},
    {"set-cookie", ""},
    {"strict-transport-security", ""},
    {"transfer-encoding", ""},
    {"user-agent", ""},
    {"vary", ""},
    {"via", ""},
    {"www-authenticate", ""},
};
#define STATIC ARRAY_SIZE(static_table)

void hpack_writer_start(struct hpack_writer *w, int steady)
{
    w->steady = steady;
    w->inserts = w->count = w->size = 0;
    w->max = w->limit = w->lowest = DEFAULT_SIZE;
}

void hpack_writer_limit(struct hpack_writer *w, uint32_t limit)
{
    w->limit = limit;
    if (limit < w->lowest)
        w->lowest = limit;
}

static struct hpack_entry *entry(struct hpack_writer *w, uint32_t age)
{
    return &w->entries[(w->inserts - 1 - age) % HPACK_WRITER_ENTRIES];
}

static void evict(struct hpack_writer *w, uint32_t max)
{
    while (w->count && (w->size > max || w->count == HPACK_WRITER_ENTRIES))
        w->size -= entry(w, --w->count)->size;
}

static void insert(struct hpack_writer *w, struct h2_field f, size_t size)
{
    if (size > w->max) {
        evict(w, 0); /* RFC 7541, 4.4: an entry too large empties the table */
        return;
    }
    evict(w, w->max - (uint32_t)size);
    w->entries[w->inserts++ % HPACK_WRITER_ENTRIES] = (struct hpack_entry){f, (uint32_t)size};
    w->size += (uint32_t)size;
    w->count++;
}

/* RFC 7541, 5.1; needless zeros at the end are allowed. */
static void write_integer(struct choices *c, uint8_t first, uint32_t bits, size_t value,
                          struct bytes *to)
{
    uint8_t text[8];
    size_t mask = (1u << bits) - 1, length = 1;

    text[0] = first | (uint8_t)(value < mask ? value : mask);
    if (value >= mask) {
        for (value -= mask; value >= 128; value >>= 7)
            text[length++] = 0x80 | (value & 0x7f);
        text[length++] = (uint8_t)value;
        if (length < 5 && chance(c, 1)) {
            text[length - 1] |= 0x80;
            text[length++] = 0;
        }
    }
    bytes_add(to, text, length);
}

static void write_string(const struct hpack_writer *w, struct choices *c, const char *text,
                         size_t length, struct bytes *to)
{
    static struct bytes code;

    code.length = 0;
    if (w->steady || chance(c, 50))
        huffman_write(text, length, &code);
    if (w->steady ? code.length >= length : !code.length) {
        write_integer(c, 0, 7, length, to);
        bytes_add(to, text, length);
        return;
    }
    write_integer(c, 0x80, 7, code.length, to);
    bytes_add(to, code.data, code.length);
}

static void resize(struct hpack_writer *w, struct choices *c, uint32_t max, struct bytes *to)
{
    w->max = max;
    evict(w, max);
    write_integer(c, 0x20, 5, max, to);
}

static uint32_t any_size(struct choices *c, uint32_t limit)
{
    return chance(c, 50) ? limit : limit ? choose(c, limit + 1) : 0;
}

void hpack_write_sizes(struct hpack_writer *w, struct choices *c, struct bytes *to)
{
    if (w->lowest < w->max) {
        resize(w, c, any_size(c, w->lowest), to);
        if (chance(c, 50))
            resize(w, c, any_size(c, w->limit), to);
    } else if (w->limit != w->max ? chance(c, 40) : chance(c, 1)) {
        if (chance(c, 30))
            resize(w, c, 0, to);
        resize(w, c, any_size(c, w->limit), to);
    }
    w->lowest = w->limit;
}

/* An index of the same name, and of the same value too if there is any; 0: there is none. */
static uint32_t find(struct hpack_writer *w, struct h2_field f, const char *name,
                     size_t name_length, const char *value, size_t value_length, int *whole)
{
    uint32_t named = 0;

    *whole = 0;
    for (uint32_t age = 0; age < w->count; age++) {
        struct hpack_entry *e = entry(w, age);

        if (e->field.name != f.name)
            continue;
        named = (uint32_t)STATIC + age + 1;
        if (e->field.value == f.value) {
            *whole = 1;
            return named;
        }
    }
    for (uint32_t i = 0; i < STATIC && f.name < NAME_NOISE; i++) {
        if (strlen(static_table[i][0]) != name_length ||
            memcmp(static_table[i][0], name, name_length))
            continue;
        if (!named || i % 2)
            named = i + 1;
        if (strlen(static_table[i][1]) == value_length &&
            !memcmp(static_table[i][1], value, value_length)) {
            *whole = 1;
            return i + 1;
        }
    }
    return named;
}

void hpack_write(struct hpack_writer *w, struct choices *c, struct h2_field f, struct bytes *to)
{
    static const struct {
        uint8_t first, bits;
    } forms[] = {{0x40, 6}, {0x40, 6}, {0x00, 4}, {0x10, 4}};
    static char name[100], value[FIELD_TEXT_MAX];
    size_t name_length = field_name(f.name, name), value_length = field_value(f, value);
    int whole, form;
    uint32_t index = find(w, f, name, name_length, value, value_length, &whole);

    int odd = !w->steady || chance(c, 2);

    if (whole && (!odd || chance(c, 80))) {
        write_integer(c, 0x80, 7, index, to);
        return;
    }
    form = odd ? (int)choose(c, ARRAY_SIZE(forms)) : 0;
    if (odd && chance(c, 25))
        index = 0;
    write_integer(c, forms[form].first, forms[form].bits, index, to);
    if (!index)
        write_string(w, c, name, name_length, to);
    write_string(w, c, value, value_length, to);
    if (form < 2)
        insert(w, f, name_length + value_length + ENTRY_OVERHEAD);
}
