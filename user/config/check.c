#include "config/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int check_wrong(const struct check *check, const struct tree_path *path, const char *field,
                const char *format, ...)
{
    const struct tree *first = check->file, *second = check->merged;
    const struct tree_path inner = tree_path_field(path, field);
    char sentence[CONFIG_ERROR_MAX], text[TREE_PATH_MAX];
    bool in_second;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    const struct tree_node *node =
        tree_path_locate(field ? &inner : path, first ? first->root : NULL,
                         second ? second->root : NULL, &in_second);
    const struct config_place place = {in_second ? second->file : first->file, node->line,
                                       node->column, tree_path_text(field ? &inner : path, text)};
    return config_error_set(check->error, &place, "%s", sentence);
}

int check_text(const struct check *check, const char *text, char **out)
{
    char *copy = strdup(text);

    if (!copy)
        return config_error_memory(check->error);
    *out = copy;
    return 0;
}

int check_note(struct check *check, const char *format, ...)
{
    autofree char *note = NULL;
    va_list arguments;

    va_start(arguments, format);
    int length = vasprintf(&note, format, arguments);
    va_end(arguments);
    if (length < 0) {
        note = NULL;
        return config_error_memory(check->error);
    }
    char **notes = realloc(check->notes, (check->note_count + 1) * sizeof(*notes));
    if (!notes)
        return config_error_memory(check->error);
    check->notes = notes;
    notes[check->note_count++] = TAKE(note);
    return 0;
}
