#include "message/fields.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct unread_field {
    const char *message, *name;
};

static const struct unread_field unread_fields[] = {
#include "unread_fields.inc"
};

bool fields_is_named(const char *name, const char *key)
{
    if (strcmp(name, key) == 0)
        return true;
    for (bool upper = false; *name; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        if (*key++ != (upper ? toupper((unsigned char)*name) : *name))
            return false;
        upper = false;
    }
    return *key == '\0';
}

const ProtobufCFieldDescriptor *fields_find(const ProtobufCMessageDescriptor *message,
                                            const char *key)
{
    for (unsigned i = 0; i < message->n_fields; i++)
        if (fields_is_named(message->fields[i].name, key))
            return &message->fields[i];
    return NULL;
}

bool fields_is_unread(const ProtobufCMessageDescriptor *message, const char *key)
{
    for (size_t i = 0; i < ARRAY_SIZE(unread_fields); i++)
        if (strcmp(unread_fields[i].message, message->name) == 0 &&
            fields_is_named(unread_fields[i].name, key))
            return true;
    return false;
}

bool fields_is_map(const ProtobufCFieldDescriptor *field)
{
    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t length = strlen(entry->short_name);

    return entry->n_fields == 2 && strcmp(entry->fields[0].name, "key") == 0 &&
           strcmp(entry->fields[1].name, "value") == 0 && length > 5 &&
           strcmp(entry->short_name + length - 5, "Entry") == 0;
}

size_t fields_size(const ProtobufCFieldDescriptor *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

#define DISTANCE_TEXT_MAX 128

/* Optimal string alignment, three rows of the table at a time. */
unsigned fields_distance(const char *a, const char *b, unsigned limit)
{
    unsigned rows[3][DISTANCE_TEXT_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);

    if (a_size > DISTANCE_TEXT_MAX || b_size > DISTANCE_TEXT_MAX)
        return limit + 1;
    for (unsigned k = 0; k <= b_size; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned k = 1; k <= b_size; k++) {
            unsigned best = above[k - 1] + (a[i - 1] != b[k - 1]);

            best = above[k] + 1 < best ? above[k] + 1 : best;
            best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                best = two_above[k - 2] + 1 < best ? two_above[k - 2] + 1 : best;
            row[k] = best;
        }
    }
    return rows[a_size % 3][b_size];
}

struct nearest {
    const char *key, *name;
    unsigned distance; /* the next better must be below */
};

static struct nearest nearest_to(const char *key)
{
    size_t length = strlen(key);

    return (struct nearest){key, NULL, length < 4 ? 2 : (unsigned)(length / 3) + 2};
}

static void offer(struct nearest *nearest, const char *name)
{
    unsigned distance = fields_distance(nearest->key, name, nearest->distance);

    if (distance >= nearest->distance)
        return;
    nearest->name = name;
    nearest->distance = distance;
}

const char *fields_nearest(const ProtobufCMessageDescriptor *message, const char *key)
{
    struct nearest nearest = nearest_to(key);

    for (unsigned i = 0; i < message->n_fields; i++)
        offer(&nearest, message->fields[i].name);
    for (size_t i = 0; i < ARRAY_SIZE(unread_fields); i++)
        if (strcmp(unread_fields[i].message, message->name) == 0)
            offer(&nearest, unread_fields[i].name);
    return nearest.name;
}

static const char *next_digit(const char *text)
{
    return text + strcspn(text, "0123456789");
}

static bool has_digits_of(const char *a, const char *b)
{
    for (a = next_digit(a), b = next_digit(b); *a && *a == *b;) {
        a = next_digit(a + 1);
        b = next_digit(b + 1);
    }
    return *a == *b;
}

/* Another number is no slip of the pen: ENVOY_1_35 is not meant to be ENVOY_1_39. */
const char *fields_nearest_value(const ProtobufCEnumDescriptor *type, const char *name)
{
    struct nearest nearest = nearest_to(name);

    for (unsigned i = 0; i < type->n_values; i++)
        if (has_digits_of(name, type->values[i].name))
            offer(&nearest, type->values[i].name);
    return nearest.name;
}
