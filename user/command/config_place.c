#include "command/config_place.h"

#include <stdlib.h>
#include <string.h>

#include "message/tree_path.h"

#define STEPS_MAX 32
#define NAME_MAX_ 128

/* The steps of a path, each the next one's parent. */
struct steps {
    struct tree_path step[STEPS_MAX];
    char name[STEPS_MAX][NAME_MAX_];
    size_t count;
};

static struct tree_path *add_step(struct steps *steps, const char *name, size_t length)
{
    struct tree_path *parent = steps->count ? &steps->step[steps->count - 1] : NULL;
    struct tree_path *step = &steps->step[steps->count];

    if (steps->count == STEPS_MAX || length >= NAME_MAX_)
        return NULL;
    memcpy(steps->name[steps->count], name, length);
    steps->name[steps->count][length] = '\0';
    *step = tree_path_field(parent, steps->name[steps->count]);
    steps->count++;
    return step;
}

/* Fields with dots between them, indices in brackets behind them. */
static const struct tree_path *read_path(struct steps *steps, const char *text)
{
    struct tree_path *step = NULL;

    while (*text) {
        size_t length = strcspn(text, ".[");

        step = add_step(steps, text, length);
        text += length;
        while (step && *text == '[') {
            char *end;
            size_t index = strtoul(text + 1, &end, 10);

            step = add_step(steps, "", 0);
            if (!step || *end != ']')
                return NULL;
            *step = tree_path_index(step->parent, index);
            text = end + 1;
        }
        if (!step)
            return NULL;
        text += *text == '.';
    }
    return step;
}

unsigned config_place_line(const struct tree *tree, const char *path)
{
    struct steps steps = {.count = 0};
    const struct tree_path *step = read_path(&steps, path);
    bool in_second;

    if (!step || !tree_path_exists(step, tree->root, NULL))
        return 0;
    return tree_path_locate(step, tree->root, NULL, &in_second)->line;
}
