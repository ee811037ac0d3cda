#include "message/config_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fnv.h"
#include "base/mem.h"
#include "message/json_tree.h"
#include "message/yaml_tree.h"

struct text {
    char *bytes;
    size_t size;
};

static int fail(const char *path, int code, struct config_error *error)
{
    const struct config_place place = {path, 0, 0, NULL};

    if (code == EFBIG)
        config_error_set(error, &place, "found %d MiB or more, expected less", CONFIG_SIZE_MAX_MIB);
    else
        config_error_set(error, &place, "cannot be read: %s", strerror(code));
    return -code;
}

static int read_all(FILE *file, struct text *text)
{
    size_t room = 0;

    do {
        if (text->size == room) {
            room = room ? room * 2 : 16384;
            char *bytes = room <= CONFIG_SIZE_MAX ? realloc(text->bytes, room) : NULL;

            if (!bytes)
                return room <= CONFIG_SIZE_MAX ? ENOMEM : EFBIG;
            text->bytes = bytes;
        }
        text->size += fread(text->bytes + text->size, 1, room - text->size, file);
    } while (!feof(file) && !ferror(file));
    return ferror(file) ? errno : 0;
}

/* Keeps none of it: it may be large, and is looked at whenever something happens to the file. */
static int hash_all(FILE *file, uint64_t *hash, size_t *size)
{
    char piece[16384];
    size_t count;

    *hash = FNV1A_NOTHING;
    *size = 0;
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0) {
        *hash = fnv1a_more(*hash, piece, count);
        *size += count;
        if (*size >= CONFIG_SIZE_MAX)
            return EFBIG;
    }
    return ferror(file) ? errno : 0;
}

static int open_file(const char *path, FILE **out, struct config_error *error)
{
    *out = fopen(path, "rbe");
    return *out ? 0 : fail(path, errno, error);
}

/* With what reading it has come to: a code, and a size. */
static int close_file(const char *path, FILE *file, int code, size_t size,
                      struct config_error *error)
{
    const struct config_place place = {path, 0, 0, NULL};

    fclose(file);
    if (code)
        return fail(path, code, error);
    if (size == 0)
        return config_error_set(error, &place, "found an empty file, expected a mapping");
    return 0;
}

static bool has_ending(const char *path, const char *ending)
{
    size_t length = strlen(path), ending_length = strlen(ending);

    return length >= ending_length && strcmp(path + length - ending_length, ending) == 0;
}

int config_source_read(const char *path, struct tree **out, uint64_t *hash,
                       struct config_error *error)
{
    struct text text = {NULL, 0};
    FILE *file;
    int failed = open_file(path, &file, error);

    if (failed)
        return failed;
    int code = read_all(file, &text);
    autofree char *bytes = text.bytes;
    failed = close_file(path, file, code, text.size, error);
    if (failed)
        return failed;
    if (hash)
        *hash = fnv1a(text.bytes, text.size);
    if (has_ending(path, ".json"))
        return json_tree_read(path, bytes, text.size, out, error);
    return yaml_tree_read(path, bytes, text.size, out, error);
}

int config_source_hash(const char *path, uint64_t *hash, struct config_error *error)
{
    uint64_t found;
    size_t size;
    FILE *file;
    int failed = open_file(path, &file, error);

    if (failed)
        return failed;
    int code = hash_all(file, &found, &size);
    failed = close_file(path, file, code, size, error);
    if (!failed)
        *hash = found;
    return failed;
}
