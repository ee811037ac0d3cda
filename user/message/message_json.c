#include "message/message_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"
#include "google/protobuf/any.pb-c.h"

typedef const ProtobufCFieldDescriptor field_type;

struct pass {
    const struct message_types *types;
    size_t unknown;
};

static json_t *write_message(const ProtobufCMessage *message, struct pass *pass);

static const void *member(const ProtobufCMessage *message, unsigned offset)
{
    return (const char *)message + offset;
}

static json_t *integer_text(const char *format, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), format, value);
    return json_string(text);
}

static json_t *real(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value < 0 ? "-Infinity" : "Infinity");
    return json_real(value);
}

static json_t *bytes_json(const ProtobufCBinaryData *bytes)
{
    autofree char *text = malloc(BASE64_SIZE(bytes->len));

    if (!text)
        return NULL;
    base64_encode(bytes->data, bytes->len, text);
    return json_string(text);
}

static json_t *enum_json(const ProtobufCEnumDescriptor *type, int32_t value)
{
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);

    if (!strcmp(type->name, "google.protobuf.NullValue"))
        return json_null();
    return known ? json_string(known->name) : json_integer(value);
}

static json_t *text_json(const char *text)
{
    return json_string(text ? text : "");
}

static json_t *submessage_json(const ProtobufCMessage *message, struct pass *pass)
{
    return message ? write_message(message, pass) : json_null();
}

/* The value at `at`, one element of a repeated field or the field itself. */
static json_t *value_json(field_type *field, const void *at, struct pass *pass)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)at);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return integer_text("%" PRId64, *(const uint64_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return integer_text("%" PRIu64, *(const uint64_t *)at);
    case PROTOBUF_C_TYPE_FLOAT:
        return real(*(const float *)at);
    case PROTOBUF_C_TYPE_DOUBLE:
        return real(*(const double *)at);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_ENUM:
        return enum_json(field->descriptor, *(const int32_t *)at);
    case PROTOBUF_C_TYPE_STRING:
        return text_json(*(const char *const *)at);
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_json(at);
    case PROTOBUF_C_TYPE_MESSAGE:
        return submessage_json(*(const ProtobufCMessage *const *)at, pass);
    }
    return NULL;
}

static size_t element_size(field_type *field)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    default:
        return 4;
    }
}

static size_t repeated_count(const ProtobufCMessage *message, field_type *field)
{
    return *(const size_t *)member(message, field->quantifier_offset);
}

static const void *repeated_at(const ProtobufCMessage *message, field_type *field, size_t i)
{
    return *(const char *const *)member(message, field->offset) + i * element_size(field);
}

/* Zero has no presence outside a oneof; a double is compared by its bits, as -0 is not zero. */
static bool is_zero(field_type *field, const void *at)
{
    static const char zeros[8];

    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)at;
        return !text || !*text;
    }
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return !*(const ProtobufCMessage *const *)at;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)at)->len == 0;
    return !memcmp(at, zeros, element_size(field));
}

static bool is_present(const ProtobufCMessage *message, field_type *field)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return repeated_count(message, field) > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)member(message, field->quantifier_offset) == field->id;
    return !is_zero(field, member(message, field->offset));
}

/* protoc makes `map<string, V> thing` a repeated message ThingEntry {key = 1; value = 2;}. */
static bool is_map(field_type *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    const char *tail;

    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    tail = strrchr(entry->name, '.');
    return tail && strlen(tail) > 5 && !strcmp(tail + strlen(tail) - 5, "Entry") &&
           entry->n_fields == 2 && !strcmp(entry->fields[0].name, "key") &&
           entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
           !strcmp(entry->fields[1].name, "value");
}

static int add_entry(json_t *object, const ProtobufCMessage *entry, struct pass *pass)
{
    field_type *key = &entry->descriptor->fields[0], *value = &entry->descriptor->fields[1];
    const char *name = *(const char *const *)member(entry, key->offset);

    pass->unknown += entry->n_unknown_fields;
    return json_object_set_new(object, name, value_json(value, member(entry, value->offset), pass));
}

static json_t *repeated_json(const ProtobufCMessage *message, field_type *field, struct pass *pass)
{
    bool map = is_map(field);
    json_t *all = map ? json_object() : json_array();

    for (size_t i = 0; all && i < repeated_count(message, field); i++) {
        const void *at = repeated_at(message, field, i);
        int err = map ? add_entry(all, *(const ProtobufCMessage *const *)at, pass)
                      : json_array_append_new(all, value_json(field, at, pass));

        if (err) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static json_t *field_json(const ProtobufCMessage *message, field_type *field, struct pass *pass)
{
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return repeated_json(message, field, pass);
    return value_json(field, member(message, field->offset), pass);
}

static json_t *plain_json(const ProtobufCMessage *message, struct pass *pass)
{
    json_t *object = json_object();

    for (unsigned i = 0; object && i < message->descriptor->n_fields; i++) {
        field_type *field = &message->descriptor->fields[i];

        if (!is_present(message, field))
            continue;
        if (json_object_set_new(object, field->name, field_json(message, field, pass))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

/* Struct, ListValue and the wrappers: their only field, present or not. */
static json_t *only_field_json(const ProtobufCMessage *message, struct pass *pass)
{
    return field_json(message, &message->descriptor->fields[0], pass);
}

static json_t *any_value_json(const ProtobufCMessage *message, struct pass *pass)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        field_type *field = &message->descriptor->fields[i];

        if (is_present(message, field))
            return field_json(message, field, pass);
    }
    return json_null();
}

static json_t *duration_json(const ProtobufCMessage *message, struct pass *pass)
{
    int64_t seconds = *(const int64_t *)member(message, message->descriptor->fields[0].offset);
    int32_t nanos = *(const int32_t *)member(message, message->descriptor->fields[1].offset);
    bool negative = seconds < 0 || nanos < 0;
    int digits = nanos % 1000000 == 0 ? 3 : nanos % 1000 == 0 ? 6 : 9;
    char text[40], fraction[12];

    if (seconds > 315576000000 || seconds < -315576000000 || nanos > 999999999 ||
        nanos < -999999999 || (negative && (seconds > 0 || nanos > 0)))
        return plain_json(message, pass);
    snprintf(fraction, sizeof(fraction), ".%09d", abs(nanos));
    fraction[nanos ? digits + 1 : 0] = '\0';
    snprintf(text, sizeof(text), "%s%" PRId64 "%ss", negative ? "-" : "",
             seconds < 0 ? -seconds : seconds, fraction);
    return json_string(text);
}

static const ProtobufCMessageDescriptor *type_of(const struct message_types *types, const char *url)
{
    const char *slash = strrchr(url, '/');

    for (size_t i = 0; types && slash && i < types->count; i++)
        if (!strcmp(types->items[i]->name, slash + 1))
            return types->items[i];
    return NULL;
}

/* Of a type that is not known: its name alone, as its bytes may be anything. */
static json_t *typed_json(const ProtobufCMessage *message, struct pass *pass)
{
    const Google__Protobuf__Any *any = (const Google__Protobuf__Any *)message;
    const ProtobufCMessageDescriptor *type = type_of(pass->types, any->type_url);
    ProtobufCMessage *inner =
        type ? protobuf_c_message_unpack(type, NULL, any->value.len, any->value.data) : NULL;
    json_t *object = inner ? write_message(inner, pass) : json_object();

    if (inner)
        protobuf_c_message_free_unpacked(inner, NULL);
    if (!json_object_set_new(object, "@type", json_string(any->type_url)))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *any_json(const ProtobufCMessage *message, struct pass *pass)
{
    return pass->types ? typed_json(message, pass) : plain_json(message, pass);
}

static const struct {
    const char *name;
    json_t *(*write)(const ProtobufCMessage *message, struct pass *pass);
} well_known[] = {
    {"Duration", duration_json},      {"Value", any_value_json},
    {"Struct", only_field_json},      {"ListValue", only_field_json},
    {"DoubleValue", only_field_json}, {"FloatValue", only_field_json},
    {"Int64Value", only_field_json},  {"UInt64Value", only_field_json},
    {"Int32Value", only_field_json},  {"UInt32Value", only_field_json},
    {"BoolValue", only_field_json},   {"StringValue", only_field_json},
    {"BytesValue", only_field_json},  {"Any", any_json},
};

static json_t *write_message(const ProtobufCMessage *message, struct pass *pass)
{
    static const char package[] = "google.protobuf.";
    const char *name = message->descriptor->name;

    pass->unknown += message->n_unknown_fields;
    if (strncmp(name, package, sizeof(package) - 1) != 0)
        return plain_json(message, pass);
    for (size_t i = 0; i < ARRAY_SIZE(well_known); i++)
        if (!strcmp(name + sizeof(package) - 1, well_known[i].name))
            return well_known[i].write(message, pass);
    return plain_json(message, pass);
}

json_t *message_json(const ProtobufCMessage *message, const struct message_types *types,
                     size_t *unknown)
{
    struct pass pass = {.types = types};
    json_t *object = write_message(message, &pass);

    *unknown += pass.unknown;
    return object;
}
