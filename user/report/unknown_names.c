#include "report/unknown_names.h"

#include <stdlib.h>
#include <string.h>
/* An element that could not be added has hh.tbl NULL, instead of the program ending. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "base/mem.h"

struct unknown_name {
    UT_hash_handle hh;
    uint64_t since_us;
    uint64_t response; /* the last one that named it */
    size_t length;
    char text[];
};

struct unknown_names {
    struct unknown_name *by_text;
    uint64_t response;
    size_t bytes;
};

struct unknown_names *unknown_names_new(void)
{
    return calloc(1, sizeof(struct unknown_names));
}

static void drop(struct unknown_names *names, struct unknown_name *name)
{
    HASH_DEL(names->by_text, name);
    names->bytes -= name->length;
    free(name);
}

/* Those that the present response does not name. */
static void drop_older(struct unknown_names *names)
{
    struct unknown_name *name, *next;

    HASH_ITER (hh, names->by_text, name, next)
        if (name->response != names->response)
            drop(names, name);
}

void unknown_names_free(struct unknown_names *names)
{
    if (!names)
        return;
    names->response++;
    drop_older(names);
    free(names);
}

void unknown_names_begin(struct unknown_names *names)
{
    names->response++;
}

void unknown_names_end(struct unknown_names *names)
{
    drop_older(names);
}

static struct unknown_name *find(const struct unknown_names *names, const char *text, size_t length)
{
    struct unknown_name *found;

    HASH_FIND(hh, names->by_text, text, length, found);
    return found;
}

static void add(struct unknown_names *names, const char *text, size_t length, uint64_t since_us)
{
    autofree struct unknown_name *name = malloc(sizeof(*name) + length);

    if (!name)
        return;
    *name =
        (struct unknown_name){.since_us = since_us, .response = names->response, .length = length};
    memcpy(name->text, text, length);
    HASH_ADD(hh, names->by_text, text, length, name);
    if (!name->hh.tbl)
        return;
    names->bytes += length;
    TAKE(name);
}

void unknown_names_note(struct unknown_names *names, const char *text, size_t length,
                        uint64_t since_us)
{
    struct unknown_name *found = find(names, text, length);

    if (found)
        found->response = names->response;
    else if (HASH_COUNT(names->by_text) < UNKNOWN_NAMES_MAX &&
             names->bytes + length <= UNKNOWN_NAMES_BYTES_MAX)
        add(names, text, length, since_us);
}

bool unknown_names_take(struct unknown_names *names, const char *text, uint64_t *since_us)
{
    struct unknown_name *found = find(names, text, strlen(text));

    if (!found)
        return false;
    *since_us = found->since_us;
    drop(names, found);
    return true;
}
