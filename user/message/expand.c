#include "message/expand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "message/tree.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS "0123456789"

struct expansion {
    const char *const *environment;
    struct expand_fault *fault;
    char *bytes;
    size_t used, room;
};

bool expand_has(const char *text, size_t size)
{
    return memchr(text, '$', size) != NULL;
}

/* Keeps room for a NUL. */
static int append(struct expansion *to, const char *text, size_t size)
{
    if (to->room - to->used <= size) {
        size_t room = 2 * (to->used + size) + 64;
        char *bytes = realloc(to->bytes, room);

        if (!bytes)
            return -ENOMEM;
        to->bytes = bytes;
        to->room = room;
    }
    memcpy(to->bytes + to->used, text, size);
    to->used += size;
    return 0;
}

static const char *find_variable(const char *const *environment, const char *name, size_t size)
{
    for (; *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}

/* The value of `${NAME}`, of which fault->text has what is left of the text; sets its size. */
static int append_variable(struct expansion *to)
{
    struct expand_fault *fault = to->fault;
    const char *end = memchr(fault->text, '}', fault->size), *value;
    struct config_error unused;

    if (end)
        fault->size = (size_t)(end - fault->text) + 1;
    fault->name = fault->text + strlen("${");
    fault->name_size = strspn(fault->name, LETTERS DIGITS);
    if (!end || !fault->name_size || strchr(DIGITS, *fault->name) ||
        fault->name + fault->name_size != end)
        return -EINVAL;
    value = find_variable(to->environment, fault->name, fault->name_size);
    if (!value)
        return -ENOENT;
    if (tree_check_encoding("", value, strlen(value), &unused))
        return -EILSEQ;
    return append(to, value, strlen(value));
}

static int append_all(struct expansion *to, const char *text, size_t size)
{
    const char *end = text + size, *dollar;

    while ((dollar = memchr(text, '$', (size_t)(end - text)))) {
        char next = dollar + 1 < end ? dollar[1] : '\0';
        int result = append(to, text, (size_t)(dollar - text));

        to->fault->text = dollar;
        to->fault->size = (size_t)(end - dollar);
        if (!result)
            result = next == '{' ? append_variable(to) : append(to, "$", 1);
        if (result)
            return result;
        text = next == '{' ? dollar + to->fault->size : dollar + 1 + (next == '$');
    }
    return append(to, text, (size_t)(end - text));
}

int expand(const char *text, size_t size, const char *const *environment, char **out,
           size_t *out_size, struct expand_fault *fault)
{
    struct expansion to = {.environment = environment, .fault = fault};
    int result = append_all(&to, text, size);
    autofree char *bytes = to.bytes;

    if (result)
        return result;
    bytes[to.used] = '\0';
    *out_size = to.used;
    *out = TAKE(bytes);
    return 0;
}
