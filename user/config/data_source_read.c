#include "config/data_source_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef Envoy__Config__Core__V3__DataSource DataSource;

static int copy_bytes(const struct check *check, const void *bytes, size_t size,
                      struct data_source *out)
{
    out->bytes = calloc(1, size + 1);
    if (!out->bytes)
        return config_error_memory(check->error);
    memcpy(out->bytes, bytes, size);
    out->size = size;
    out->kind = DATA_INLINE;
    return 0;
}

static int read_inline(const struct check *check, const void *bytes, size_t size,
                       const struct tree_path *path, struct data_source *out)
{
    if (size == 0)
        return check_wrong(check, path, NULL, "found nothing inline, expected content");
    return copy_bytes(check, bytes, size, out);
}

/* A process's environment does not change, so it is read once. */
static int read_environment(const struct check *check, const char *name,
                            const struct tree_path *path, struct data_source *out)
{
    const char *value = getenv(name);

    if (!value || !*value)
        return check_wrong(check, path, "environment_variable",
                           "found %.96s, which is not set in the environment, expected a variable "
                           "with the content",
                           name);
    return copy_bytes(check, value, strlen(value), out);
}

static int read_file(const struct check *check, const char *name, const struct tree_path *path,
                     struct data_source *out)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int failed = check_text(check, name, &out->file);

    if (failed)
        return failed;
    out->kind = DATA_FILE;
    failed = data_source_load(out, &bytes, &size);
    data_source_release(bytes, size);
    if (failed == -ENOMEM)
        return config_error_memory(check->error);
    if (failed)
        return check_wrong(check, path, "filename",
                           "found the file %.256s, which cannot be read: %s, expected one that can",
                           name, strerror(-failed));
    return 0;
}

int data_source_read(const struct check *check, const DataSource *from,
                     const struct tree_path *path, struct data_source *out)
{
    if (!from)
        return 0;
    int failed = check_place(check, path, &out->place);

    if (failed)
        return failed;
    switch (from->specifier_case) {
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME:
        return read_file(check, from->filename, path, out);
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES:
        return read_inline(check, from->inline_bytes.data, from->inline_bytes.len, path, out);
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING:
        return read_inline(check, from->inline_string, strlen(from->inline_string), path, out);
    case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_ENVIRONMENT_VARIABLE:
        return read_environment(check, from->environment_variable, path, out);
    default:
        return check_wrong(check, path, NULL,
                           "found no content, expected filename, inline_string, inline_bytes or "
                           "environment_variable");
    }
}
