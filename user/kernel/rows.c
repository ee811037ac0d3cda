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

/* Good until the next call. `*shown`: it is the kernel's own; else a copy, which holds what was so
 * when it was made. */
static const struct counters *row_at(struct rows *rows, uint32_t slot, bool *shown)
{
    uint32_t first = slot - slot % ROWS_AT_ONCE;
    int result = first == rows->first ? 0 : show(rows, first);

    *shown = !result;
    return result ? read_one(rows, slot, result) : &rows->view[slot - first];
}

/* An aligned load that later ones do not overtake. */
static __u64 load_counter(const __u64 *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* All that a row has, in the order of rows_read(). */
/* clang-format off */
#define EACH_COUNTER(DO)                                                                           \
    DO(rq_success) DO(cx_failed_error) DO(rq_error) DO(rq_unclassified) DO(rq_no_result)           \
    DO(rq_finished) DO(cx_closed) DO(rq_issued) DO(cx_established) DO(cx_failed) DO(cx_opened)     \
    DO(rq_probes) DO(cx_opaque_closed) DO(cx_opaque) DO(cx_sessions) DO(gap_bytes)                 \
    DO(cx_untracked) DO(cx_joined) DO(rq_untracked) DO(overruns)
/* clang-format on */
#define ONE(counter) char counter;
struct each {
    EACH_COUNTER(ONE)
};
#define PADDING (sizeof(((struct counters *)0)->zero) + sizeof(((struct counters *)0)->zero2))
_Static_assert(sizeof(struct each) == (sizeof(struct counters) - PADDING) / sizeof(__u64),
               "each counter is read");

#define LOAD(counter) out->counter = load_counter(&row->counter);
#define LOAD_ANEW(counter)                                                                         \
    row = row_at(rows, slot, &shown);                                                              \
    LOAD(counter)

static void read_row(struct rows *rows, uint32_t slot, struct counters *out)
{
    bool shown;
    const struct counters *row = row_at(rows, slot, &shown);

    memset(out->zero, 0, sizeof(out->zero));
    memset(out->zero2, 0, sizeof(out->zero2));
    if (shown) {
        EACH_COUNTER(LOAD)
    } else {
        EACH_COUNTER(LOAD_ANEW)
    }
}

void rows_read(struct rows *rows, uint32_t first, size_t count, struct counters *out)
{
    for (size_t i = 0; i < count; i++)
        read_row(rows, first + (uint32_t)i, &out[i]);
}
