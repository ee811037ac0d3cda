#include "message/tree_path.h"

#include <stdio.h>
#include <string.h>

#include "message/fields.h"

static size_t write_path(const struct tree_path *path, char *out, size_t size)
{
    if (!path)
        return 0;
    size_t used = write_path(path->parent, out, size);
    int length = 0;

    if (used + 1 >= size)
        return used;
    switch (path->step) {
    case STEP_FIELD:
        length = snprintf(out + used, size - used, "%s%s", used ? "." : "", path->name);
        break;
    case STEP_KEY:
        length = snprintf(out + used, size - used, "[\"%s\"]", path->name);
        break;
    case STEP_INDEX:
        length = snprintf(out + used, size - used, "[%zu]", path->index);
        break;
    }
    used += (size_t)length;
    return used < size ? used : size - 1;
}

const char *tree_path_text(const struct tree_path *path, char *out)
{
    out[0] = '\0';
    write_path(path, out, TREE_PATH_MAX);
    return out;
}

static const struct tree_node *find_child(const struct tree_node *node,
                                          const struct tree_path *path)
{
    if (!node || node->kind != TREE_MAPPING)
        return NULL;
    if (path->step == STEP_KEY)
        return tree_find(node, path->name);
    for (size_t i = 0; i < node->count; i++)
        if (fields_is_named(path->name, node->entries[i].key->text))
            return node->entries[i].value;
    return NULL;
}

/* What is no list stands for a list of it alone. */
static size_t list_length(const struct tree_node *node)
{
    if (!node || node->kind == TREE_NULL)
        return 0;
    return node->kind == TREE_SEQUENCE ? node->count : 1;
}

static const struct tree_node *list_item(const struct tree_node *node, size_t index)
{
    return node->kind == TREE_SEQUENCE ? node->entries[index].value : node;
}

struct search {
    const struct tree_node *first, *second; /* where the path leads in each part; NULL: nowhere */
    const struct tree_node *last;
    bool in_second;
};

static void follow_index(struct search *search, size_t index)
{
    size_t length = list_length(search->first);
    const struct tree_node *left = NULL, *right = NULL;

    if (index < length)
        left = list_item(search->first, index);
    else if (index - length < list_length(search->second))
        right = list_item(search->second, index - length);
    search->first = left;
    search->second = right;
}

static void follow(struct search *search, const struct tree_path *path)
{
    if (!path)
        return;
    follow(search, path->parent);
    if (path->step == STEP_INDEX) {
        follow_index(search, path->index);
    } else {
        search->first = find_child(search->first, path);
        search->second = find_child(search->second, path);
    }
    if (!search->first && !search->second)
        return;
    search->last = search->second ? search->second : search->first;
    search->in_second = search->second != NULL;
}

bool tree_path_exists(const struct tree_path *path, const struct tree_node *first,
                      const struct tree_node *second)
{
    struct search search = {first, second, NULL, false};

    follow(&search, path);
    return (search.first && search.first->kind != TREE_NULL) ||
           (search.second && search.second->kind != TREE_NULL);
}

const struct tree_node *tree_path_locate(const struct tree_path *path,
                                         const struct tree_node *first,
                                         const struct tree_node *second, bool *in_second)
{
    struct search search = {first, second, first ? first : second, !first};

    follow(&search, path);
    *in_second = search.in_second;
    return search.last;
}
