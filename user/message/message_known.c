/* The well-known types that protobuf's JSON mapping writes in their own way. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "google/protobuf/any.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "message/fields.h"
#include "message/message_filler.h"

/* About 10,000 years, as protobuf has it. */
#define DURATION_SECONDS_MAX 315576000000LL

/* "-1.5s": sign, seconds, up to nine digits of a fraction, "s". */
static bool read_duration(const char *text, int64_t *seconds, int32_t *nanos)
{
    int sign = *text == '-' ? -1 : 1;
    int32_t unit = 100000000;
    char *end;

    text += *text == '-';
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *seconds = strtoll(text, &end, 10);
    *nanos = 0;
    if (errno || *seconds > DURATION_SECONDS_MAX)
        return false;
    if (*end == '.') {
        if (end[1] < '0' || end[1] > '9')
            return false;
        for (end++; *end >= '0' && *end <= '9'; end++, unit /= 10) {
            if (unit == 0)
                return false;
            *nanos += (*end - '0') * unit;
        }
    }
    *seconds *= sign;
    *nanos *= sign;
    return strcmp(end, "s") == 0;
}

static int fill_duration(const struct filler *filler, struct filler_place at,
                         ProtobufCMessage *message)
{
    Google__Protobuf__Duration *duration = (Google__Protobuf__Duration *)message;

    if (at.node->kind == TREE_MAPPING)
        return filler_fields(filler, at, NULL, message);
    if (at.node->kind != TREE_TEXT ||
        !read_duration(at.node->text, &duration->seconds, &duration->nanos))
        return filler_expected(filler, at, "a duration in seconds like 5s or 0.25s");
    return 0;
}

/* Wrappers, Struct and ListValue are written as their only field is. */
static int fill_only_field(const struct filler *filler, struct filler_place at,
                           ProtobufCMessage *message)
{
    return filler_field(filler, at, message, &message->descriptor->fields[0]);
}

static int fill_value(const struct filler *filler, struct filler_place at,
                      ProtobufCMessage *message)
{
    static const char *const fields[] = {
        [TREE_NULL] = "null_value",     [TREE_BOOL] = "bool_value",
        [TREE_NUMBER] = "number_value", [TREE_TEXT] = "string_value",
        [TREE_SEQUENCE] = "list_value", [TREE_MAPPING] = "struct_value",
    };

    if (at.node->kind == TREE_NULL) {
        ((Google__Protobuf__Value *)message)->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
        return 0;
    }
    return filler_field(filler, at, message,
                        fields_find(message->descriptor, fields[at.node->kind]));
}

static const ProtobufCMessageDescriptor *find_type(const struct message_types *types,
                                                   const char *name)
{
    for (size_t i = 0; i < types->count; i++)
        if (strcmp(types->items[i]->name, name) == 0)
            return types->items[i];
    return NULL;
}

/* A name that is almost one of ours is a slip, not another extension. */
static const char *find_almost(const struct message_types *types, const char *name)
{
    const unsigned slip = 2;

    for (size_t i = 0; i < types->count; i++)
        if (fields_distance(types->items[i]->name, name, slip) <= slip)
            return types->items[i]->name;
    return NULL;
}

static int pack_into(const struct filler *filler, const ProtobufCMessage *message,
                     ProtobufCBinaryData *out)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(size + 1);

    if (!data)
        return config_error_memory(filler->error);
    out->len = protobuf_c_message_pack(message, data);
    out->data = data;
    return 0;
}

static int fill_content(const struct filler *filler, struct filler_place at,
                        const ProtobufCMessageDescriptor *type, ProtobufCBinaryData *out)
{
    ProtobufCMessage *content = calloc(1, type->sizeof_message);

    if (!content)
        return config_error_memory(filler->error);
    protobuf_c_message_init(type, content);
    int failed = filler_fields(filler, at, "@type", content);
    if (!failed)
        failed = pack_into(filler, content, out);
    protobuf_c_message_free_unpacked(content, NULL);
    return failed;
}

static int fill_any(const struct filler *filler, struct filler_place at, ProtobufCMessage *message)
{
    Google__Protobuf__Any *any = (Google__Protobuf__Any *)message;
    const struct tree_node *type_url = tree_find(at.node, "@type");

    if (at.node->kind != TREE_MAPPING)
        return filler_expected(filler, at, "a mapping with the key \"@type\"");
    if (at.node->count == 0)
        return 0;
    if (!type_url)
        return filler_wrong(filler, at, "found no key \"@type\", expected it to name the message");

    const struct tree_path step = tree_path_field(at.path, "@type");
    const struct filler_place type_at = {type_url, &step};
    const char *slash = type_url->kind == TREE_TEXT ? strrchr(type_url->text, '/') : NULL;
    if (!slash)
        return filler_expected(filler, type_at, "type.googleapis.com/ and a message's full name");
    const char *near = find_almost(filler->types, slash + 1);
    const ProtobufCMessageDescriptor *type = find_type(filler->types, slash + 1);
    if (!type && near)
        return filler_wrong(filler, type_at,
                            "found the unknown message \"%.96s\", did you mean %s?", slash + 1,
                            near);
    int failed = filler_scalar(filler, type_at, fields_find(message->descriptor, "type_url"),
                               &any->type_url);
    return failed || !type ? failed : fill_content(filler, at, type, &any->value);
}

filler_known *filler_known_type(const ProtobufCMessageDescriptor *type)
{
    static const struct {
        const ProtobufCMessageDescriptor *type;
        filler_known *fill;
    } known[] = {
        {&google__protobuf__any__descriptor, fill_any},
        {&google__protobuf__duration__descriptor, fill_duration},
        {&google__protobuf__value__descriptor, fill_value},
        {&google__protobuf__struct__descriptor, fill_only_field},
        {&google__protobuf__list_value__descriptor, fill_only_field},
        {&google__protobuf__double_value__descriptor, fill_only_field},
        {&google__protobuf__float_value__descriptor, fill_only_field},
        {&google__protobuf__int64_value__descriptor, fill_only_field},
        {&google__protobuf__uint64_value__descriptor, fill_only_field},
        {&google__protobuf__int32_value__descriptor, fill_only_field},
        {&google__protobuf__uint32_value__descriptor, fill_only_field},
        {&google__protobuf__bool_value__descriptor, fill_only_field},
        {&google__protobuf__string_value__descriptor, fill_only_field},
        {&google__protobuf__bytes_value__descriptor, fill_only_field},
    };

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].type == type)
            return known[i].fill;
    return NULL;
}
