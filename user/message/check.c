#include "message/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct tree_node *root_of(const struct tree *tree)
{
    return tree ? tree->root : NULL;
}

/* `text` has TREE_PATH_MAX bytes. */
static struct config_place place_of(const struct check *check, const struct tree_path *path,
                                    char *text)
{
    const struct tree *first = check->file, *second = check->merged;
    bool in_second;
    const struct tree_node *node =
        tree_path_locate(path, root_of(first), root_of(second), &in_second);

    return (struct config_place){in_second ? second->file : first->file, node->line, node->column,
                                 tree_path_text(path, text)};
}

int check_wrong(const struct check *check, const struct tree_path *path, const char *field,
                const char *format, ...)
{
    const struct tree_path inner = tree_path_field(path, field);
    char sentence[CONFIG_ERROR_MAX], text[TREE_PATH_MAX];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    const struct config_place place = place_of(check, field ? &inner : path, text);
    return config_error_set(check->error, &place, "%s", sentence);
}

bool check_is_written(const struct check *check, const struct tree_path *path)
{
    return tree_path_exists(path, root_of(check->file), root_of(check->merged));
}

int check_unsupported(const struct check *check, const struct tree_path *path,
                      const char *const *fields, const char *instead)
{
    for (; *fields; fields++) {
        const struct tree_path field = tree_path_field(path, *fields);

        if (check_is_written(check, &field))
            return check_wrong(check, &field, NULL,
                               "found %s, which is not supported towards the management server, "
                               "expected %s",
                               *fields, instead);
    }
    return 0;
}

int check_note_written(struct check *check, const struct tree_path *path, const char *const *fields,
                       const char *what)
{
    int failed = 0;

    for (; *fields && !failed; fields++) {
        const struct tree_path field = tree_path_field(path, *fields);
        autofree char *place = NULL;

        if (!check_is_written(check, &field))
            continue;
        failed = check_place(check, &field, &place);
        if (!failed)
            failed = check_note(check, "%s: %s", place, what);
    }
    return failed;
}

int check_place(const struct check *check, const struct tree_path *path, char **out)
{
    char text[TREE_PATH_MAX];
    const struct config_place place = place_of(check, path, text);
    char *copy = NULL;

    if (asprintf(&copy, "%s:%u:%u: %s", place.file, place.line, place.column, place.path) < 0)
        return config_error_memory(check->error);
    *out = copy;
    return 0;
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
