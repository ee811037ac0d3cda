#include "message/yaml_tree.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
/* An element that could not be added has hh.tbl NULL, instead of the program ending. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <yaml.h>

#include "message/yaml_scalar.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct anchor {
    char *name; /* in the tree's memory */
    const struct tree_node *node;
    UT_hash_handle hh;
};

struct reader {
    yaml_parser_t parser;
    struct tree *tree;
    struct config_error *error;
    struct anchor *anchors; /* entries in the tree's memory */
    unsigned depth;
};

static int read_node(struct reader *reader, const yaml_event_t *event,
                     const struct tree_node **out);

static struct config_place place_of(const struct reader *reader, const yaml_mark_t *mark)
{
    return (struct config_place){reader->tree->file, (unsigned)mark->line + 1,
                                 (unsigned)mark->column + 1, NULL};
}

static int syntax_error(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    struct config_place place = place_of(reader, &parser->problem_mark);

    if (parser->error == YAML_MEMORY_ERROR)
        return config_error_memory(reader->error);
    return config_error_set(reader->error, &place, "no valid YAML: %s%s%s",
                            parser->problem ? parser->problem : "unreadable",
                            parser->context ? " " : "", parser->context ? parser->context : "");
}

static int next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) ? 0 : syntax_error(reader);
}

static struct tree_node *new_node(struct reader *reader, enum tree_kind kind,
                                  const yaml_event_t *event)
{
    struct tree_node *node = tree_alloc(reader->tree, sizeof(*node));

    if (!node)
        return NULL;
    node->kind = kind;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    return node;
}

/* A later anchor of the same name replaces the earlier one for what follows (YAML 1.1, 3.2.2.2). */
static int remember_anchor(struct reader *reader, const char *name, const struct tree_node *node)
{
    struct anchor *anchor;

    HASH_FIND_STR(reader->anchors, name, anchor);
    if (!anchor) {
        anchor = tree_alloc(reader->tree, sizeof(*anchor));
        char *copy = tree_alloc(reader->tree, strlen(name) + 1);

        if (!anchor || !copy)
            return config_error_memory(reader->error);
        anchor->name = strcpy(copy, name);
        HASH_ADD_KEYPTR(hh, reader->anchors, anchor->name, strlen(anchor->name), anchor);
        if (!anchor->hh.tbl)
            return config_error_memory(reader->error);
    }
    anchor->node = node;
    return 0;
}

static int read_alias(struct reader *reader, const yaml_event_t *event,
                      const struct tree_node **out)
{
    struct config_place place = place_of(reader, &event->start_mark);
    const char *name = (const char *)event->data.alias.anchor;
    struct anchor *anchor;

    HASH_FIND_STR(reader->anchors, name, anchor);
    if (!anchor)
        return config_error_set(reader->error, &place,
                                "found the alias *%.64s, expected its anchor &%.64s to end before "
                                "it",
                                name, name);
    *out = anchor->node;
    return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event, struct tree_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    const char *tag = (const char *)event->data.scalar.tag;
    size_t size = event->data.scalar.length;
    bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                    !(tag && strcmp(tag, YAML_STR_TAG) == 0);

    node->kind = TREE_TEXT;
    int failed = is_plain ? yaml_scalar_set(reader->tree, node, text, size)
                          : tree_set_text(reader->tree, node, text, size);
    return failed ? config_error_memory(reader->error) : 0;
}

/* The value of one key, and its merge into `node`: keys that stand in `node` itself win, then
 * those of earlier mappings (YAML merge key, 2005). */
static int merge_mapping(struct reader *reader, struct tree_node *node, size_t *room,
                         const struct tree_node *from, const yaml_mark_t *mark)
{
    struct config_place place = place_of(reader, mark);

    if (from->kind != TREE_MAPPING)
        return config_error_set(reader->error, &place,
                                "<<: found no mapping, expected a mapping or a list of mappings");
    for (size_t i = 0; i < from->count; i++) {
        if (tree_find(node, from->entries[i].key->text))
            continue;
        if (tree_append(reader->tree, node, room, from->entries[i]))
            return config_error_memory(reader->error);
    }
    return 0;
}

struct merges {
    const struct tree_node *values[16];
    yaml_mark_t marks[16];
    size_t count;
};

static int apply_merges(struct reader *reader, struct tree_node *node, size_t *room,
                        const struct merges *merges)
{
    int failed = 0;

    for (size_t i = 0; i < merges->count && !failed; i++) {
        const struct tree_node *value = merges->values[i];

        if (value->kind != TREE_SEQUENCE)
            failed = merge_mapping(reader, node, room, value, &merges->marks[i]);
        else
            for (size_t k = 0; k < value->count && !failed; k++)
                failed =
                    merge_mapping(reader, node, room, value->entries[k].value, &merges->marks[i]);
    }
    return failed;
}

static int note_merge(struct reader *reader, struct merges *merges, const struct tree_node *value,
                      const yaml_mark_t *mark)
{
    struct config_place place = place_of(reader, mark);

    if (merges->count == sizeof(merges->values) / sizeof(merges->values[0]))
        return config_error_set(reader->error, &place, "found too many merge keys in one mapping");
    merges->marks[merges->count] = *mark;
    merges->values[merges->count++] = value;
    return 0;
}

static int read_key(struct reader *reader, const yaml_event_t *event, struct tree_node **out)
{
    struct config_place place = place_of(reader, &event->start_mark);

    if (event->type != YAML_SCALAR_EVENT)
        return config_error_set(reader->error, &place,
                                "found a key that is no scalar, expected a name");
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    struct tree_node *key = new_node(reader, TREE_TEXT, event);
    if (!key || tree_set_text(reader->tree, key, text, size))
        return config_error_memory(reader->error);
    if (strlen(key->text) != size)
        return config_error_set(reader->error, &place, "found a NUL character in a key");
    if (event->data.scalar.anchor &&
        remember_anchor(reader, (const char *)event->data.scalar.anchor, key))
        return -ENOMEM;
    *out = key;
    return 0;
}

static bool is_tagged_ignore(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.tag &&
           strcmp((const char *)event->data.scalar.tag, "!ignore") == 0;
}

static bool is_merge_key(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

static int read_value(struct reader *reader, const struct tree_node **out)
{
    yaml_event_t event;
    int failed = next_event(reader, &event);

    if (failed)
        return failed;
    failed = read_node(reader, &event, out);
    yaml_event_delete(&event);
    return failed;
}

/* One key, whose event is given, and its value. */
static int read_entry(struct reader *reader, const yaml_event_t *event, struct tree_node *node,
                      size_t *room, struct merges *merges)
{
    const struct tree_node *value = NULL;
    struct tree_node *key = NULL;
    int failed = read_key(reader, event, &key);

    if (!failed)
        failed = read_value(reader, &value);
    if (failed || is_tagged_ignore(event))
        return failed;
    if (is_merge_key(event))
        return note_merge(reader, merges, value, &event->start_mark);
    if (tree_append(reader->tree, node, room, (struct tree_entry){key, value}))
        return config_error_memory(reader->error);
    return 0;
}

static int read_mapping(struct reader *reader, struct tree_node *node)
{
    struct merges merges = {.count = 0};
    size_t room = 0;
    int failed;

    for (;;) {
        yaml_event_t event;

        failed = next_event(reader, &event);
        if (failed)
            return failed;
        bool ended = event.type == YAML_MAPPING_END_EVENT;
        if (!ended)
            failed = read_entry(reader, &event, node, &room, &merges);
        yaml_event_delete(&event);
        if (failed)
            return failed;
        if (ended)
            break;
    }
    if (merges.count) {
        /* Duplicates among the mapping's own keys, before merged ones join them. */
        struct tree_node own = *node;

        failed = tree_complete(reader->tree, &own, reader->error);
        if (!failed)
            failed = apply_merges(reader, node, &room, &merges);
    }
    return failed ? failed : tree_complete(reader->tree, node, reader->error);
}

static int read_sequence(struct reader *reader, struct tree_node *node)
{
    size_t room = 0;

    for (;;) {
        struct tree_entry entry = {NULL, NULL};
        yaml_event_t event;
        int failed = next_event(reader, &event);

        if (failed)
            return failed;
        bool ended = event.type == YAML_SEQUENCE_END_EVENT;
        if (!ended)
            failed = read_node(reader, &event, &entry.value);
        yaml_event_delete(&event);
        if (failed)
            return failed;
        if (ended)
            return tree_complete(reader->tree, node, reader->error);
        if (tree_append(reader->tree, node, &room, entry))
            return config_error_memory(reader->error);
    }
}

static int read_collection(struct reader *reader, const yaml_event_t *event, struct tree_node *node)
{
    struct config_place place = place_of(reader, &event->start_mark);

    if (++reader->depth > TREE_DEPTH_MAX)
        return config_error_set(reader->error, &place, "found more than %d levels of nesting",
                                TREE_DEPTH_MAX);
    int failed =
        node->kind == TREE_MAPPING ? read_mapping(reader, node) : read_sequence(reader, node);
    reader->depth--;
    return failed;
}

static int read_node(struct reader *reader, const yaml_event_t *event, const struct tree_node **out)
{
    const yaml_char_t *anchor = NULL;
    struct tree_node *node;
    int failed;

    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(reader, event, out);
    node = new_node(reader, event->type == YAML_MAPPING_START_EVENT ? TREE_MAPPING : TREE_SEQUENCE,
                    event);
    if (!node)
        return config_error_memory(reader->error);
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        failed = read_scalar(reader, event, node);
        if (!failed)
            failed = tree_complete(reader->tree, node, reader->error);
    } else {
        anchor = event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                         : event->data.sequence_start.anchor;
        failed = read_collection(reader, event, node);
    }
    if (!failed && anchor)
        failed = remember_anchor(reader, (const char *)anchor, node);
    if (!failed)
        *out = node;
    return failed;
}

/* Skips events up to the next of `wanted`; `*found` is false where the stream ended before. */
static int expect_document(struct reader *reader, bool *found, yaml_mark_t *mark)
{
    yaml_event_t event;
    int failed;

    do {
        failed = next_event(reader, &event);
        if (failed)
            return failed;
        *found = event.type == YAML_DOCUMENT_START_EVENT;
        *mark = event.start_mark;
        bool ended = *found || event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (ended)
            return 0;
    } while (true);
}

static int read_document(struct reader *reader)
{
    struct config_place place = {reader->tree->file, 0, 0, NULL};
    yaml_mark_t mark;
    bool found;
    int failed = expect_document(reader, &found, &mark);

    if (failed)
        return failed;
    if (!found)
        return config_error_set(reader->error, &place, "found no content, expected a mapping");
    failed = read_value(reader, &reader->tree->root);
    if (!failed)
        failed = expect_document(reader, &found, &mark);
    if (failed || !found)
        return failed;
    place = place_of(reader, &mark);
    return config_error_set(reader->error, &place,
                            "found a second document, expected the end (Envoy would ignore it)");
}

int yaml_tree_read(const char *file, const char *text, size_t size, struct tree **out,
                   struct config_error *error)
{
    struct reader reader = {.error = error};
    int failed = tree_check_encoding(file, text, size, error);

    if (failed)
        return failed;
    if (size >= strlen(BYTE_ORDER_MARK) &&
        memcmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0) {
        text += strlen(BYTE_ORDER_MARK);
        size -= strlen(BYTE_ORDER_MARK);
    }
    reader.tree = tree_new(file);
    if (!reader.tree || !yaml_parser_initialize(&reader.parser)) {
        tree_free(reader.tree);
        return config_error_memory(error);
    }
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, size);
    failed = read_document(&reader);
    HASH_CLEAR(hh, reader.anchors);
    yaml_parser_delete(&reader.parser);
    if (failed)
        tree_free(reader.tree);
    else
        *out = reader.tree;
    return failed;
}
