/* The way from the root of a configuration to a value, written as
 * `static_resources.clusters[1].metadata.filter_metadata["loadtap"]`. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "message/tree.h"

#define TREE_PATH_MAX 512

/* One step, on the stack of whoever takes it. A NULL path is the root. */
struct tree_path {
    const struct tree_path *parent;
    enum { STEP_FIELD, STEP_KEY, STEP_INDEX } step;
    const char *name;
    size_t index;
};

static inline struct tree_path tree_path_field(const struct tree_path *parent, const char *name)
{
    return (struct tree_path){parent, STEP_FIELD, name, 0};
}

/* A map's key. */
static inline struct tree_path tree_path_key(const struct tree_path *parent, const char *name)
{
    return (struct tree_path){parent, STEP_KEY, name, 0};
}

static inline struct tree_path tree_path_index(const struct tree_path *parent, size_t index)
{
    return (struct tree_path){parent, STEP_INDEX, NULL, index};
}

/* `out` has TREE_PATH_MAX bytes (a longer path is cut), and is returned. */
const char *tree_path_text(const struct tree_path *path, char *out);

/* Is something other than null written there? Parts as below. */
bool tree_path_exists(const struct tree_path *path, const struct tree_node *first,
                      const struct tree_node *second);

/* The node at a path, or the last one on the way to it that exists, in a document of two parts of
 * which the second was merged into the first: lists were appended, and elsewhere the second wins.
 * Either root may be NULL, but not both. `*in_second` says which part it stands in. Fields are
 * found in snake_case and lowerCamelCase. */
const struct tree_node *tree_path_locate(const struct tree_path *path,
                                         const struct tree_node *first,
                                         const struct tree_node *second, bool *in_second);
