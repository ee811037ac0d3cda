#include "message/message_merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/fields.h"

static void *member_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (char *)message + field->offset;
}

static size_t *count_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    return (size_t *)((char *)message + field->quantifier_offset);
}

/* A member of a oneof that is not chosen is unset, as one at its default is. */
static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    static const char zeros[sizeof(ProtobufCBinaryData)];
    const void *member = member_of(message, field);

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(uint32_t *)((char *)message + field->quantifier_offset) == field->id;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return *(char *const *)member && **(char *const *)member;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)member)->len != 0;
    return memcmp(member, zeros, fields_size(field)) != 0;
}

/* Leaves a member as in a new message, without freeing: its content has been moved away. */
static void forget(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    void *member = member_of(message, field);

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        *(uint32_t *)((char *)message + field->quantifier_offset) = 0;
    memset(member, 0, fields_size(field));
    if (field->type == PROTOBUF_C_TYPE_STRING && !(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        *(const char **)member = protobuf_c_empty_string;
}

static void clear(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    void *member = member_of(message, field);

    if (!is_set(message, field))
        return;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        protobuf_c_message_free_unpacked(*(ProtobufCMessage **)member, NULL);
    else if (field->type == PROTOBUF_C_TYPE_STRING)
        free(*(char **)member);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        free(((ProtobufCBinaryData *)member)->data);
    forget(message, field);
}

static void clear_oneof(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    uint32_t chosen = *(uint32_t *)((char *)message + field->quantifier_offset);
    const ProtobufCFieldDescriptor *other =
        protobuf_c_message_descriptor_get_field(message->descriptor, chosen);

    if (other)
        clear(message, other);
}

static int merge_singular(ProtobufCMessage *into, ProtobufCMessage *from,
                          const ProtobufCFieldDescriptor *field)
{
    bool is_oneof = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;

    if (!is_set(from, field))
        return 0;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && is_set(into, field))
        return message_merge(*(ProtobufCMessage **)member_of(into, field),
                             *(ProtobufCMessage **)member_of(from, field));
    if (is_oneof)
        clear_oneof(into, field);
    else
        clear(into, field);
    memcpy(member_of(into, field), member_of(from, field), fields_size(field));
    if (is_oneof)
        *(uint32_t *)((char *)into + field->quantifier_offset) = field->id;
    forget(from, field);
    return 0;
}

static const char *key_of(const ProtobufCMessage *entry)
{
    return *(const char **)member_of(entry, &entry->descriptor->fields[0]);
}

/* Of the entries before `start`, drops those whose key one of the others has: they are replaced. */
static void drop_replaced(ProtobufCMessage **entries, size_t *count, size_t start)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        bool is_replaced = false;

        for (size_t k = start; i < start && k < *count && !is_replaced; k++)
            is_replaced = strcmp(key_of(entries[i]), key_of(entries[k])) == 0;
        if (is_replaced)
            protobuf_c_message_free_unpacked(entries[i], NULL);
        else
            entries[kept++] = entries[i];
    }
    *count = kept;
}

static int merge_repeated(ProtobufCMessage *into, ProtobufCMessage *from,
                          const ProtobufCFieldDescriptor *field)
{
    char **left = member_of(into, field), **right = member_of(from, field);
    size_t *count = count_of(into, field), *added = count_of(from, field), start = *count;
    size_t size = fields_size(field);

    if (*added == 0)
        return 0;
    char *elements = realloc(*left, (start + *added) * size);
    if (!elements)
        return -ENOMEM;
    memcpy(elements + start * size, *right, *added * size);
    *left = elements;
    *count = start + *added;
    /* What protobuf-c frees next is the empty array. */
    *added = 0;
    free(*right);
    *right = NULL;
    if (fields_is_map(field))
        drop_replaced((ProtobufCMessage **)elements, count, start);
    return 0;
}

int message_merge(ProtobufCMessage *into, ProtobufCMessage *from)
{
    const ProtobufCMessageDescriptor *type = into->descriptor;
    int failed = 0;

    for (unsigned i = 0; i < type->n_fields && !failed; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];

        if (field->label == PROTOBUF_C_LABEL_REPEATED)
            failed = merge_repeated(into, from, field);
        else
            failed = merge_singular(into, from, field);
    }
    return failed;
}
