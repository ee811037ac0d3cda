#include "kernel/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

#define PAGE_MAX 65536 /* of any architecture */
_Static_assert(ROWS_AT_ONCE * sizeof(struct counters) % PAGE_MAX == 0, "views begin at pages");

struct rows {
    int fd;
    uint32_t count;
    struct counters *view;
    uint32_t first; /* in the view */
};

static uint32_t rows_in_view(const struct rows *rows, uint32_t first)
{
    return rows->count - first < ROWS_AT_ONCE ? rows->count - first : ROWS_AT_ONCE;
}

static size_t view_size(const struct rows *rows, uint32_t first)
{
    return rows_in_view(rows, first) * sizeof(struct counters);
}

/* The first view, which is the largest, or another one in its place. */
static int show(struct rows *rows, uint32_t first)
{
    void *view = mmap(rows->view, view_size(rows, first), PROT_READ,
                      MAP_SHARED | (rows->view ? MAP_FIXED : 0), rows->fd,
                      (off_t)first * (off_t)sizeof(struct counters));

    if (view == MAP_FAILED)
        return -errno;
    rows->view = view;
    rows->first = first;
    return 0;
}

int rows_open(int fd, uint32_t count, struct rows **out)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    int result;

    if (!rows)
        return -ENOMEM;
    *rows = (struct rows){.fd = fd, .count = count};
    result = show(rows, 0);
    if (result) {
        rows_close(rows);
        return result;
    }
    *out = rows;
    return 0;
}

void rows_close(struct rows *rows)
{
    if (rows && rows->view)
        munmap(rows->view, view_size(rows, 0));
    free(rows);
}

const struct counters *rows_at(struct rows *rows, uint32_t slot)
{
    uint32_t first = slot - slot % ROWS_AT_ONCE;
    int result = first == rows->first ? 0 : show(rows, first);

    if (result) {
        log_error("cannot read the counters: %s", strerror(-result));
        abort();
    }
    return &rows->view[slot - first];
}
