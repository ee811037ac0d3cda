/* Shared by those who check a loaded message's meaning: where a message's field stood in the
 * text, and the notes. */
#pragma once

#include "message/config_error.h"
#include "message/tree_path.h"

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
/* As check_wrong, where one of the fields is written, which loadtap does not read but must not pass
 * over here; `instead` says what may be written. Else 0. `fields` ends with NULL. */
int check_unsupported(const struct check *check, const struct tree_path *path,
                      const char *const *fields, const char *instead);
/* Is something other than null written there? For what loadtap does not read. */
bool check_is_written(const struct check *check, const struct tree_path *path);
/* Adds a note for each of the fields that is written, with its place and `what`, which says what comes of
 * it. `fields` as above. -ENOMEM, else 0. */
int check_note_written(struct check *check, const struct tree_path *path, const char *const *fields,
                       const char *what);
/* "FILE:1:2: a.b.c", where the value at a path stands, as an error would name it; for errors that
 * show later. -ENOMEM, else 0. */
int check_place(const struct check *check, const struct tree_path *path, char **out);
/* A copy of the text. -ENOMEM, else 0. */
int check_text(const struct check *check, const char *text, char **out);
/* Adds a line to the notes. -ENOMEM, else 0. */
int check_note(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));
