/* Variables of the environment in a value. */
#include <errno.h>
#include <stdlib.h>

#include "message/expand.h"
#include "message/message_filler.h"

static int wrong_variable(const struct filler *filler, struct filler_place at, int reason,
                          const struct expand_fault *fault)
{
    int size = (int)(fault->size < 96 ? fault->size : 96);
    int name_size = (int)(fault->name_size < 96 ? fault->name_size : 96);

    if (reason == -ENOMEM)
        return config_error_memory(filler->error);
    if (reason == -ENOENT)
        return filler_wrong(
            filler, at,
            "found %.*s, but the environment has no variable %.*s: set it, or write "
            "$%.*s for the text itself",
            size, fault->text, name_size, fault->name, size, fault->text);
    if (reason == -EILSEQ)
        return filler_wrong(
            filler, at,
            "found %.*s, but the environment's %.*s is no UTF-8 text without control "
            "characters",
            size, fault->text, name_size, fault->name);
    return filler_wrong(
        filler, at,
        "found \"%.*s\", expected ${NAME}, which names a variable of the environment, "
        "or $$ for the character $ itself",
        size, fault->text);
}

int filler_variables(const struct filler *filler, struct filler_place *at)
{
    const struct tree_node *from = at->node;
    struct expand_fault fault;
    char *text;
    size_t size;

    if (!filler->tree->environment || from->kind != TREE_TEXT || from->written ||
        !expand_has(from->text, from->text_size))
        return 0;
    int failed =
        expand(from->text, from->text_size, filler->tree->environment, &text, &size, &fault);
    if (failed)
        return wrong_variable(filler, *at, failed, &fault);
    struct tree_node *node = tree_alloc(filler->expanded, sizeof(*node));
    if (node) {
        *node = *from;
        node->written = from->text;
        failed = tree_set_text(filler->expanded, node, text, size);
        at->node = node;
    }
    free(text);
    return !node || failed ? config_error_memory(filler->error) : 0;
}
