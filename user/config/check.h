/* Shared by those who check a loaded bootstrap's meaning: where a message's field stood in the
 * text, and the notes. */
#pragma once

#include "config/config_error.h"
#include "config/tree_path.h"

struct check {
    const struct tree *file;   /* NULL: none */
    const struct tree *merged; /* what was merged on top of it; NULL: none */
    struct config_error *error;
    char **notes; /* owned */
    size_t note_count;
};

/* Says what is wrong at a path, or, where `field` is not NULL, at that field of it. Returns
 * -EINVAL. */
int check_wrong(const struct check *check, const struct tree_path *path, const char *field,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A copy of the text. -ENOMEM, else 0. */
int check_text(const struct check *check, const char *text, char **out);
/* Adds a line to the notes. -ENOMEM, else 0. */
int check_note(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
