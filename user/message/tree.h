/* What a YAML or JSON text says, before anything is known of its meaning: nodes with their places.
 * The readers (yaml_tree, json_tree) build it, the message loader walks it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message/config_error.h"

enum tree_kind {
    TREE_NULL,
    TREE_BOOL,
    TREE_NUMBER,
    TREE_TEXT,
    TREE_SEQUENCE,
    TREE_MAPPING,
};

/* Deeper nesting is refused, as protobuf's JSON reader does; nothing recurses further. */
#define TREE_DEPTH_MAX 100
/* Nodes of a document with its aliases written out; a bound for "billion laughs". */
#define TREE_NODES_MAX 8000000

struct tree_node;

struct tree_entry {
    const struct tree_node *key; /* TREE_TEXT, in a mapping; NULL in a sequence */
    const struct tree_node *value;
};

/* Nodes are never changed once they are complete, so an alias shares the anchor's node. */
struct tree_node {
    enum tree_kind kind;
    unsigned line, column; /* from 1 */
    unsigned height;       /* 1 + the highest child's */
    size_t nodes;          /* 1 + those of all children, aliases written out */
    bool flag;             /* of TREE_BOOL */
    /* Scalars. TREE_NUMBER: decimal text. TREE_BOOL: as written. NUL-terminated, but TREE_TEXT may
     * hold NULs: text_size counts without the last one. */
    const char *text;
    size_t text_size;
    const char *written; /* what stood there before variables were replaced in it; NULL: the same */
    struct tree_entry *entries;
    size_t count;
};

struct tree {
    const char *file; /* for error texts; borrowed */
    /* In the form of environ: variables in values are replaced (expand.h). NULL: they stand as written.
     * Borrowed; the readers leave it NULL. */
    const char *const *environment;
    const struct tree_node *root;
    struct tree_chunk *memory; /* of all nodes and texts */
};

struct tree *tree_new(const char *file); /* NULL: out of memory */
void tree_free(struct tree *tree);       /* with all nodes; NULL is fine */

/* Zeroed memory that lives as long as the tree; NULL: out of memory. */
void *tree_alloc(struct tree *tree, size_t size);
/* A copy of the text; -ENOMEM, else 0. */
int tree_set_text(struct tree *tree, struct tree_node *node, const char *text, size_t size);
/* Appends; `*room` is the caller's, 0 at the start. -ENOMEM, else 0. */
int tree_append(struct tree *tree, struct tree_node *node, size_t *room, struct tree_entry entry);
/* To be called once all entries are there. Sums up the node, and refuses what is too large or too
 * deep, and duplicate keys. -EINVAL, -ENOMEM, else 0. */
int tree_complete(const struct tree *tree, struct tree_node *node, struct config_error *error);

/* The value of a key; NULL where there is none, or `node` is no mapping. */
const struct tree_node *tree_find(const struct tree_node *node, const char *key);

/* -EINVAL where the text is not UTF-8 without control characters (a tab and line ends are fine). */
int tree_check_encoding(const char *file, const char *text, size_t size,
                        struct config_error *error);

/* "a mapping", "the number 5", 'the string "x"', 'the string "x" (written "${Y}")': for the "found" part
 * of an error. `out` has TREE_DESCRIPTION_MAX bytes, and is returned. */
#define TREE_DESCRIPTION_MAX 320
const char *tree_describe(const struct tree_node *node, char *out);
