#include "kernel/rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/log.h"

#define PAGE_MAX 65536 /* of any architecture */
_Static_assert(ROWS_AT_ONCE * sizeof(struct counters) % PAGE_MAX == 0, "views begin at pages");

struct rows {
    int fd;
    uint32_t count;
    struct counters *view;
    uint32_t first;      /* in the view */
    struct counters one; /* what is not shown, as it was read last */
    bool told;           /* that it cannot be */
};

static uint32_t rows_in_view(const struct rows *rows, uint32_t first)
{
    return rows->count - first < ROWS_AT_ONCE ? rows->count - first : ROWS_AT_ONCE;
}

static size_t view_size(const struct rows *rows, uint32_t first)
{
    return rows_in_view(rows, first) * sizeof(struct counters);
}

/* A view, in the place of the one before, which stays where there is no memory for another. */
static int show(struct rows *rows, uint32_t first)
{
    void *view = mmap(NULL, view_size(rows, first), PROT_READ, MAP_SHARED, rows->fd,
                      (off_t)first * (off_t)sizeof(struct counters));

    if (view == MAP_FAILED)
        return -errno;
    if (rows->view)
        munmap(rows->view, view_size(rows, rows->first));
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
        munmap(rows->view, view_size(rows, rows->first));
    free(rows);
}

/* The kernel copies it. That takes a few bytes for a moment, for which it ends a process, if need be, sooner
 * than to refuse them. */
static const struct counters *read_one(struct rows *rows, uint32_t slot, int not_shown)
{
    static const struct timespec moment = {.tv_nsec = 1000000};

    if (!rows->told)
        log_warning("cannot map the counters: %s; each is read by itself until that is possible",
                    strerror(-not_shown));
    rows->told = true;
    while (bpf_map_lookup_elem(rows->fd, &slot, &rows->one))
        nanosleep(&moment, NULL);
    return &rows->one;
}

const struct counters *rows_at(struct rows *rows, uint32_t slot, bool *shown)
{
    uint32_t first = slot - slot % ROWS_AT_ONCE;
    int result = first == rows->first ? 0 : show(rows, first);

    *shown = !result;
    return result ? read_one(rows, slot, result) : &rows->view[slot - first];
}
