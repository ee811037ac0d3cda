#include "message/tree.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define CHUNK_SIZE 65536

struct tree_chunk {
    struct tree_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

struct tree *tree_new(const char *file)
{
    struct tree *tree = calloc(1, sizeof(*tree));

    if (tree)
        tree->file = file;
    return tree;
}

void tree_free(struct tree *tree)
{
    if (!tree)
        return;
    while (tree->memory) {
        struct tree_chunk *next = tree->memory->next;

        free(tree->memory);
        tree->memory = next;
    }
    free(tree);
}

void *tree_alloc(struct tree *tree, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    struct tree_chunk *chunk = tree->memory;

    size = (size + align - 1) / align * align;
    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

        chunk = calloc(1, sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        chunk->size = room;
        chunk->next = tree->memory;
        tree->memory = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

int tree_set_text(struct tree *tree, struct tree_node *node, const char *text, size_t size)
{
    char *copy = tree_alloc(tree, size + 1);

    if (!copy)
        return -ENOMEM;
    if (size)
        memcpy(copy, text, size);
    node->text = copy;
    node->text_size = size;
    return 0;
}

int tree_append(struct tree *tree, struct tree_node *node, size_t *room, struct tree_entry entry)
{
    if (node->count == *room) {
        size_t new_room = *room ? *room * 2 : 4;
        struct tree_entry *entries = tree_alloc(tree, new_room * sizeof(*entries));

        if (!entries)
            return -ENOMEM;
        if (node->count)
            memcpy(entries, node->entries, node->count * sizeof(*entries));
        node->entries = entries;
        *room = new_room;
    }
    node->entries[node->count++] = entry;
    return 0;
}

static int compare_keys(const void *a, const void *b)
{
    const struct tree_node *left = *(const struct tree_node *const *)a;
    const struct tree_node *right = *(const struct tree_node *const *)b;
    int order = strcmp(left->text, right->text);

    if (order)
        return order;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    return left->column < right->column ? -1 : left->column > right->column;
}

static int check_duplicates(const struct tree *tree, const struct tree_node *node,
                            struct config_error *error)
{
    autofree const struct tree_node **keys = calloc(node->count + 1, sizeof(*keys));

    if (!keys)
        return config_error_memory(error);
    for (size_t i = 0; i < node->count; i++)
        keys[i] = node->entries[i].key;
    qsort(keys, node->count, sizeof(keys[0]), compare_keys);
    for (size_t i = 1; i < node->count; i++) {
        if (strcmp(keys[i - 1]->text, keys[i]->text) != 0)
            continue;
        struct config_place place = {tree->file, keys[i]->line, keys[i]->column, NULL};

        return config_error_set(error, &place,
                                "found the key '%.64s' twice in one mapping (first in line %u), "
                                "expected each key once",
                                keys[i]->text, keys[i - 1]->line);
    }
    return 0;
}

int tree_complete(const struct tree *tree, struct tree_node *node, struct config_error *error)
{
    const struct config_place place = {tree->file, node->line, node->column, NULL};

    node->nodes = 1;
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_node *child = node->entries[i].value;

        node->nodes += child->nodes + (node->entries[i].key != NULL);
        if (child->height > node->height)
            node->height = child->height;
    }
    node->height++;
    if (node->height > TREE_DEPTH_MAX)
        return config_error_set(error, &place, "found more than %d levels of nesting",
                                TREE_DEPTH_MAX);
    if (node->nodes > TREE_NODES_MAX)
        return config_error_set(
            error, &place, "found more than %d values, with aliases written out", TREE_NODES_MAX);
    return node->kind == TREE_MAPPING ? check_duplicates(tree, node, error) : 0;
}

const struct tree_node *tree_find(const struct tree_node *node, const char *key)
{
    if (node->kind != TREE_MAPPING)
        return NULL;
    for (size_t i = 0; i < node->count; i++)
        if (strcmp(node->entries[i].key->text, key) == 0)
            return node->entries[i].value;
    return NULL;
}

/* Length of the UTF-8 character at `text`, 0 where it is none (RFC 3629 section 4). */
static size_t character_length(const unsigned char *text, size_t left)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    if (text[0] < 0x80)
        return 1;
    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        if (text[0] < forms[i].first_min || text[0] > forms[i].first_max)
            continue;
        if (left < forms[i].length || text[1] < forms[i].second_min ||
            text[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++)
            if ((text[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].length;
    }
    return 0;
}

int tree_check_encoding(const char *file, const char *text, size_t size, struct config_error *error)
{
    struct config_place place = {file, 1, 1, NULL};

    for (size_t at = 0; at < size;) {
        unsigned char byte = (unsigned char)text[at];
        size_t length = character_length((const unsigned char *)text + at, size - at);

        if (length == 0)
            return config_error_set(error, &place, "found the byte 0x%02x, expected UTF-8 text",
                                    byte);
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f)
            return config_error_set(error, &place,
                                    "found the control character 0x%02x, expected text", byte);
        place.column++;
        if (byte == '\n') {
            place.line++;
            place.column = 1;
        }
        at += length;
    }
    return 0;
}

const char *tree_describe(const struct tree_node *node, char *out)
{
    static const char *const names[] = {
        [TREE_NULL] = "null",        [TREE_BOOL] = "the boolean ", [TREE_NUMBER] = "the number ",
        [TREE_TEXT] = "the string ", [TREE_SEQUENCE] = "a list",   [TREE_MAPPING] = "a mapping",
    };
    bool is_scalar = node->kind >= TREE_BOOL && node->kind <= TREE_TEXT;
    const char *quote = node->kind == TREE_TEXT ? "\"" : "";

    if (is_scalar)
        snprintf(out, TREE_DESCRIPTION_MAX, "%s%s%.128s%s%s%s%.96s%s", names[node->kind], quote,
                 node->text, node->text_size > 128 ? "…" : "", quote,
                 node->written ? " (written \"" : "", node->written ? node->written : "",
                 node->written ? "\")" : "");
    else
        snprintf(out, TREE_DESCRIPTION_MAX, "%s", names[node->kind]);
    return out;
}
