#include "message/message_fill.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "message/fields.h"
#include "message/message_filler.h"

int filler_wrong(const struct filler *filler, struct filler_place at, const char *format, ...)
{
    char path[TREE_PATH_MAX], sentence[CONFIG_ERROR_MAX];
    struct config_place place = {filler->tree->file, at.node->line, at.node->column,
                                 tree_path_text(at.path, path)};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return config_error_set(filler->error, &place, "%s", sentence);
}

/* A slip in writing a secret must not put it into a log. */
static bool is_secret(const struct tree_path *path)
{
    static const char *const names[] = {"private_key",  "password", "inline_string", "inline_bytes",
                                        "access_token", "value",    "raw_value"};

    while (path && path->step == STEP_INDEX)
        path = path->parent;
    for (size_t i = 0; path && i < ARRAY_SIZE(names); i++)
        if (strcmp(path->name, names[i]) == 0)
            return true;
    return false;
}

int filler_expected(const struct filler *filler, struct filler_place at, const char *what)
{
    char found[TREE_DESCRIPTION_MAX];

    if (is_secret(at.path))
        snprintf(found, sizeof(found), "something else, which is not shown");
    else
        tree_describe(at.node, found);
    return filler_wrong(filler, at, "found %s, expected %s", found, what);
}

static bool takes_null(const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *type = field->descriptor;

    return field->label != PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE &&
           strcmp(type->name, "google.protobuf.Value") == 0;
}

static int fill_element(const struct filler *filler, struct filler_place at,
                        const ProtobufCFieldDescriptor *field, void *member)
{
    int failed = filler_variables(filler, &at);

    if (failed)
        return failed;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return filler_message(filler, at, field->descriptor, member);
    return filler_scalar(filler, at, field, member);
}

static int fill_map_entry(const struct filler *filler, struct filler_place at,
                          const struct tree_entry *entry, const ProtobufCMessageDescriptor *type,
                          ProtobufCMessage **out)
{
    const struct tree_path step = tree_path_key(at.path, entry->key->text);
    ProtobufCMessage *message = calloc(1, type->sizeof_message);

    if (!message)
        return config_error_memory(filler->error);
    protobuf_c_message_init(type, message);
    int failed = filler_scalar(filler, (struct filler_place){entry->key, &step}, &type->fields[0],
                               (char *)message + type->fields[0].offset);
    /* null: the entry is there, its value is the type's default. */
    if (!failed && (entry->value->kind != TREE_NULL || takes_null(&type->fields[1])))
        failed = filler_field(filler, (struct filler_place){entry->value, &step}, message,
                              &type->fields[1]);
    if (failed)
        protobuf_c_message_free_unpacked(message, NULL);
    else
        *out = message;
    return failed;
}

static int fill_map(const struct filler *filler, struct filler_place at,
                    const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    size_t *count = (size_t *)((char *)message + field->quantifier_offset);
    size_t wanted = at.node->count;

    if (at.node->kind != TREE_MAPPING)
        return filler_expected(filler, at, "a mapping");
    ProtobufCMessage **entries = calloc(wanted + 1, sizeof(*entries));
    if (!entries)
        return config_error_memory(filler->error);
    *(ProtobufCMessage ***)((char *)message + field->offset) = entries;
    /* The count grows with each entry that is complete, so that freeing the message after a failure
     * frees exactly those. */
    for (int failed; *count < wanted; (*count)++) {
        failed = fill_map_entry(filler, at, &at.node->entries[*count], field->descriptor,
                                &entries[*count]);
        if (failed)
            return failed;
    }
    return 0;
}

/* A list; as in Envoy, what is no list stands for a list of it alone. */
static int fill_list(const struct filler *filler, struct filler_place at,
                     const ProtobufCFieldDescriptor *field, ProtobufCMessage *message)
{
    size_t *count = (size_t *)((char *)message + field->quantifier_offset);
    bool is_list = at.node->kind == TREE_SEQUENCE;
    size_t wanted = is_list ? at.node->count : 1, size = fields_size(field);
    char *elements = calloc(wanted + 1, size);

    if (!elements)
        return config_error_memory(filler->error);
    *(char **)((char *)message + field->offset) = elements;
    for (int failed; *count < wanted; (*count)++) {
        const struct tree_path step = tree_path_index(at.path, *count);
        const struct tree_node *node = is_list ? at.node->entries[*count].value : at.node;

        failed = fill_element(filler, (struct filler_place){node, &step}, field,
                              elements + *count * size);
        if (failed)
            return failed;
    }
    return 0;
}

static const char *field_of_number(const ProtobufCMessageDescriptor *type, unsigned number)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, number);

    return field ? field->name : "another";
}

int filler_field(const struct filler *filler, struct filler_place at, ProtobufCMessage *message,
                 const ProtobufCFieldDescriptor *field)
{
    char *member = (char *)message + field->offset;

    if (fields_is_map(field))
        return fill_map(filler, at, field, message);
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return fill_list(filler, at, field, message);
    if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
        return fill_element(filler, at, field, member);

    uint32_t *chosen = (uint32_t *)((char *)message + field->quantifier_offset);
    if (*chosen)
        return filler_wrong(filler, at, "found %s beside %s, expected only one of them",
                            field->name, field_of_number(message->descriptor, *chosen));
    int failed = fill_element(filler, at, field, member);
    if (!failed)
        *chosen = field->id;
    return failed;
}

static int unknown_key(const struct filler *filler, struct filler_place at,
                       const ProtobufCMessageDescriptor *type)
{
    const char *nearest = fields_nearest(type, at.node->text);
    const char *short_name = strrchr(type->name, '.') + 1;

    if (nearest)
        return filler_wrong(filler, at,
                            "found the unknown key '%.64s', expected a field of %s: did you mean "
                            "'%s'?",
                            at.node->text, short_name, nearest);
    return filler_wrong(filler, at, "found the unknown key '%.64s', expected a field of %s",
                        at.node->text, short_name);
}

/* Fields of Envoy's API are sparse but few: this is the index into the descriptor's list. */
static bool mark_seen(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                      bool *seen)
{
    bool *mark = &seen[field - type->fields];
    bool was = *mark;

    *mark = true;
    return was;
}

int filler_fields(const struct filler *filler, struct filler_place at, const char *skip,
                  ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;
    autofree bool *seen = calloc(type->n_fields + 1, sizeof(*seen));

    if (!seen)
        return config_error_memory(filler->error);
    if (at.node->kind != TREE_MAPPING)
        return filler_expected(filler, at, "a mapping");
    for (size_t i = 0; i < at.node->count; i++) {
        const struct tree_entry *entry = &at.node->entries[i];
        const struct tree_path step = tree_path_field(at.path, entry->key->text);
        const struct filler_place key = {entry->key, &step};

        if (skip && strcmp(entry->key->text, skip) == 0)
            continue;
        const ProtobufCFieldDescriptor *field = fields_find(type, entry->key->text);
        if (!field && !fields_is_unread(type, entry->key->text))
            return unknown_key(filler, key, type);
        if (field && mark_seen(type, field, seen))
            return filler_wrong(filler, key,
                                "found the field twice, as snake_case and "
                                "lowerCamelCase, expected it once");
        if (!field || (entry->value->kind == TREE_NULL && !takes_null(field)))
            continue;
        int failed =
            filler_field(filler, (struct filler_place){entry->value, &step}, message, field);
        if (failed)
            return failed;
    }
    return 0;
}

int filler_message(const struct filler *filler, struct filler_place at,
                   const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
    filler_known *known = filler_known_type(type);
    ProtobufCMessage *message = calloc(1, type->sizeof_message);
    int failed;

    if (!message)
        return config_error_memory(filler->error);
    protobuf_c_message_init(type, message);
    if (known)
        failed = known(filler, at, message);
    else
        failed = filler_fields(filler, at, NULL, message);
    if (failed)
        protobuf_c_message_free_unpacked(message, NULL);
    else
        *out = message;
    return failed;
}

int message_fill(const struct tree *tree, const ProtobufCMessageDescriptor *type,
                 const struct message_types *types, ProtobufCMessage **out,
                 struct config_error *error)
{
    const struct filler filler = {tree, types, error, tree_new(tree->file)};

    if (!filler.expanded)
        return config_error_memory(error);
    int failed = filler_message(&filler, (struct filler_place){tree->root, NULL}, type, out);
    tree_free(filler.expanded);
    return failed;
}
