/* Scalars of protobuf's JSON mapping, each with its range. */
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "message/fields.h"
#include "message/message_filler.h"

struct integer_range {
    int64_t min;
    uint64_t max;
    const char *text;
};

/* An integer written as a fraction or with an exponent (1.0, 1e3) counts where it is exact. */
static bool read_exact_double(const char *text, const struct integer_range *range, int64_t *out)
{
    const double exact_max = 9007199254740992.0; /* 2^53 */
    char *end;
    double value = strtod(text, &end);

    if (*end || end == text || !isfinite(value) || value != floor(value) || fabs(value) > exact_max)
        return false;
    *out = (int64_t)value;
    return *out >= range->min && (*out < 0 || (uint64_t)*out <= range->max);
}

/* Bits of the integer; the caller stores as many as its type has. */
static bool read_integer(const char *text, const struct integer_range *range, uint64_t *out)
{
    bool negative = text[0] == '-';
    char *end;

    if (text[negative] < '0' || text[negative] > '9' || strpbrk(text, "xX"))
        return false;
    errno = 0;
    uint64_t size = strtoull(text + negative, &end, 10);
    if (errno)
        return false;
    if (*end)
        return read_exact_double(text, range, (int64_t *)out);
    if (negative) {
        if (size > -(uint64_t)range->min)
            return false;
        *out = -size;
        return true;
    }
    *out = size;
    return size <= range->max;
}

static int fill_integer(const struct filler *filler, struct filler_place at,
                        const ProtobufCFieldDescriptor *field, void *member)
{
    static const struct integer_range ranges[] = {
        {INT32_MIN, INT32_MAX, "an integer from -2147483648 to 2147483647"},
        {0, UINT32_MAX, "an integer from 0 to 4294967295"},
        {INT64_MIN, INT64_MAX, "an integer of 64 bits with sign"},
        {0, UINT64_MAX, "an integer of 64 bits from 0"},
    };
    bool is_long = field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_UINT64;
    bool is_unsigned =
        field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_UINT32;
    const struct integer_range *range = &ranges[2 * is_long + is_unsigned];
    bool is_written = at.node->kind == TREE_NUMBER || at.node->kind == TREE_TEXT;
    uint64_t bits = 0;

    if (!is_written || !read_integer(at.node->text, range, &bits))
        return filler_expected(filler, at, range->text);
    if (is_long)
        *(uint64_t *)member = bits;
    else
        *(uint32_t *)member = (uint32_t)bits;
    return 0;
}

static int fill_float(const struct filler *filler, struct filler_place at,
                      const ProtobufCFieldDescriptor *field, void *member)
{
    bool is_written = at.node->kind == TREE_NUMBER || at.node->kind == TREE_TEXT;
    const char *text = is_written ? at.node->text : "";
    /* The only words that protobuf's JSON has; strtod knows more. */
    bool is_word =
        strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0;
    bool is_digits = text[0] && strspn(text, "0123456789+-.eE") == strlen(text);
    char *end;
    double value = strtod(text, &end);

    if (!(is_word || is_digits) || *end || (!is_word && !isfinite(value)))
        return filler_expected(filler, at, "a number");
    if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
        *(double *)member = value;
        return 0;
    }
    if (!is_word && fabs(value) > (double)FLT_MAX)
        return filler_expected(filler, at, "a number of single precision");
    *(float *)member = (float)value;
    return 0;
}

static int fill_string(const struct filler *filler, struct filler_place at, char **member)
{
    const struct tree_node *node = at.node;

    if (node->kind == TREE_BOOL || node->kind == TREE_NUMBER)
        return filler_expected(filler, at, "a string: put it in quotes");
    if (node->kind != TREE_TEXT)
        return filler_expected(filler, at, "a string");
    if (strlen(node->text) != node->text_size)
        return filler_expected(filler, at, "a string without NUL characters");
    char *copy = strdup(node->text);
    if (!copy)
        return config_error_memory(filler->error);
    *member = copy;
    return 0;
}

/* RFC 4648, both alphabets; padding may be left out. -1: no base64. */
static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *digit = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;

    return digit ? (int)(digit - digits) : -1;
}

static int fill_bytes(const struct filler *filler, struct filler_place at,
                      ProtobufCBinaryData *member)
{
    const struct tree_node *node = at.node;
    size_t size = node->kind == TREE_TEXT ? node->text_size : 0;
    uint32_t bits = 0;
    unsigned held = 0;

    while (size && node->text[size - 1] == '=')
        size--;
    if (node->kind != TREE_TEXT || size % 4 == 1)
        return filler_expected(filler, at, "a string in base64");
    autofree uint8_t *data = malloc(size + 1);
    size_t used = 0;
    if (!data)
        return config_error_memory(filler->error);
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(node->text[i]);

        if (digit < 0)
            return filler_expected(filler, at, "a string in base64");
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        data[used++] = (uint8_t)(bits >> held);
    }
    member->len = used;
    member->data = TAKE(data);
    return 0;
}

static int wrong_enum(const struct filler *filler, struct filler_place at,
                      const ProtobufCEnumDescriptor *type)
{
    const char *nearest =
        at.node->kind == TREE_TEXT ? fields_nearest_value(type, at.node->text) : NULL;
    char names[512];
    size_t used = 0;

    for (unsigned i = 0; i < type->n_values && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 type->values[i].name);
    char found[TREE_DESCRIPTION_MAX];
    tree_describe(at.node, found);
    if (nearest)
        return filler_wrong(filler, at, "found %s, expected one of %s: did you mean %s?", found,
                            names, nearest);
    return filler_wrong(filler, at, "found %s, expected one of %s", found, names);
}

/* In any case of letters, as protobuf's JSON reader takes them. */
static const ProtobufCEnumValue *find_value(const ProtobufCEnumDescriptor *type, const char *name)
{
    for (unsigned i = 0; i < type->n_values; i++)
        if (strcasecmp(type->values[i].name, name) == 0)
            return &type->values[i];
    return NULL;
}

static int fill_enum(const struct filler *filler, struct filler_place at,
                     const ProtobufCEnumDescriptor *type, int *member)
{
    static const struct integer_range range = {INT32_MIN, INT32_MAX, NULL};
    const ProtobufCEnumValue *value = NULL;
    uint64_t bits;

    if (at.node->kind == TREE_TEXT)
        value = find_value(type, at.node->text);
    if (!value && (at.node->kind == TREE_NUMBER || at.node->kind == TREE_TEXT) &&
        read_integer(at.node->text, &range, &bits))
        value = protobuf_c_enum_descriptor_get_value(type, (int)(int64_t)bits);
    if (!value)
        return wrong_enum(filler, at, type);
    *member = value->value;
    return 0;
}

static int fill_bool(const struct filler *filler, struct filler_place at,
                     protobuf_c_boolean *member)
{
    const struct tree_node *node = at.node;
    bool is_yes = node->kind == TREE_TEXT && strcmp(node->text, "true") == 0;
    bool is_no = node->kind == TREE_TEXT && strcmp(node->text, "false") == 0;

    if (node->kind != TREE_BOOL && !is_yes && !is_no)
        return filler_expected(filler, at, "true or false");
    *member = node->kind == TREE_BOOL ? node->flag : is_yes;
    return 0;
}

int filler_scalar(const struct filler *filler, struct filler_place at,
                  const ProtobufCFieldDescriptor *field, void *member)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return fill_string(filler, at, member);
    case PROTOBUF_C_TYPE_BYTES:
        return fill_bytes(filler, at, member);
    case PROTOBUF_C_TYPE_BOOL:
        return fill_bool(filler, at, member);
    case PROTOBUF_C_TYPE_ENUM:
        return fill_enum(filler, at, field->descriptor, member);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        return fill_float(filler, at, field, member);
    default:
        return fill_integer(filler, at, field, member);
    }
}
