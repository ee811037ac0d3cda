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
_Static_assert(ROWS_AT_ONCE * sizeof(struct side_counters) % PAGE_MAX == 0, "views begin at pages");
_Static_assert(ROW_SIZE % sizeof(struct side_counters) == 0, "and so do those of larger rows");

/* One map, and the part of it that is shown. */
struct table {
    int fd;
    size_t row_size, count;
    char *view; /* NULL: not opened */
    uint32_t first;
    uint64_t one[ROW_SIZE / sizeof(uint64_t)]; /* what is not shown, as it was read last */
};

struct rows {
    struct table counters, side;
    bool told; /* that one cannot be shown */
};

static size_t view_size(const struct table *table, uint32_t first)
{
    size_t left = table->count - first;

    return (left < ROWS_AT_ONCE ? left : ROWS_AT_ONCE) * table->row_size;
}

static void hide(struct table *table)
{
    if (table->view)
        munmap(table->view, view_size(table, table->first));
    table->view = NULL;
}

/* A view, in the place of the one before, which stays where there is no memory for another. */
static int show(struct table *table, uint32_t first)
{
    void *view = mmap(NULL, view_size(table, first), PROT_READ, MAP_SHARED, table->fd,
                      (off_t)first * (off_t)table->row_size);

    if (view == MAP_FAILED)
        return -errno;
    hide(table);
    table->view = view;
    table->first = first;
    return 0;
}

int rows_open(int counters_fd, int side_fd, uint32_t count, struct rows **out)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    int result;

    if (!rows)
        return -ENOMEM;
    rows->counters = (struct table){.fd = counters_fd, .row_size = ROW_SIZE, .count = count};
    rows->side =
        (struct table){.fd = side_fd, .row_size = sizeof(struct side_counters), .count = count};
    result = show(&rows->counters, 0);
    if (!result)
        result = show(&rows->side, 0);
    if (result) {
        rows_close(rows);
        return result;
    }
    *out = rows;
    return 0;
}

void rows_close(struct rows *rows)
{
    if (!rows)
        return;
    hide(&rows->counters);
    hide(&rows->side);
    free(rows);
}

/* The kernel copies it. That takes a few bytes for a moment, for which it ends a process, if need be, sooner
 * than to refuse them. */
static const void *read_one(struct rows *rows, struct table *table, uint32_t slot, int not_shown)
{
    static const struct timespec moment = {.tv_nsec = 1000000};

    if (!rows->told)
        log_warning("cannot map the counters: %s; each is read by itself until that is possible",
                    strerror(-not_shown));
    rows->told = true;
    while (bpf_map_lookup_elem(table->fd, &slot, table->one))
        nanosleep(&moment, NULL);
    return table->one;
}

/* Good until the next call. `*shown`: it is the kernel's own; else a copy, which holds what was so
 * when it was made. */
static const void *row_at(struct rows *rows, struct table *table, uint32_t slot, bool *shown)
{
    uint32_t first = slot - slot % ROWS_AT_ONCE;
    int result = first == table->first ? 0 : show(table, first);

    *shown = !result;
    return result ? read_one(rows, table, slot, result)
                  : table->view + (slot - first) * table->row_size;
}

/* An aligned load that later ones do not overtake. */
static __u64 load_counter(const __u64 *counter)
{
    return __atomic_load_n(counter, __ATOMIC_ACQUIRE);
}

/* All that a row has, in the order of reading. */
/* clang-format off */
#define EACH_COUNTER(DO)                                                                           \
    DO(rq_success) DO(rq_error) DO(rq_unclassified) DO(rq_finished) DO(cx_closed) DO(rq_issued)     \
    DO(cx_established) DO(cx_failed) DO(cx_opened) DO(cx_opaque_closed) DO(cx_opaque)               \
    DO(gap_bytes) DO(cx_untracked) DO(cx_joined) DO(rq_untracked) DO(overruns)
#define EACH_SIDE_COUNTER(DO) DO(cx_failed_error) DO(rq_no_result) DO(rq_probes) DO(cx_sessions)
/* clang-format on */
#define ONE(counter) char counter;
struct each {
    EACH_COUNTER(ONE)
};
struct each_side {
    EACH_SIDE_COUNTER(ONE)
};
_Static_assert(sizeof(struct each) == ROW_SIZE / sizeof(__u64), "each counter is read");
_Static_assert(sizeof(struct each_side) == sizeof(struct side_counters) / sizeof(__u64),
               "each side counter is read");

#define LOAD(counter) out->counter = load_counter(&row->counter);
#define LOAD_ANEW(counter)                                                                         \
    row = row_at(rows, table, slot, &shown);                                                       \
    LOAD(counter)

static void load_rows(const char *at, size_t count, struct counters *out)
{
    for (const char *end = at + count * ROW_SIZE; at < end; at += ROW_SIZE, out++) {
        const struct counters *row = (const void *)at;

        EACH_COUNTER(LOAD)
    }
}

/* Some rows from `slot` on, as many as are shown together. Returns how many. */
static size_t read_some(struct rows *rows, uint32_t slot, size_t count, struct counters *out)
{
    struct table *table = &rows->counters;
    size_t together = ROWS_AT_ONCE - slot % ROWS_AT_ONCE;
    bool shown;
    const struct counters *row = row_at(rows, table, slot, &shown);

    if (shown) {
        count = count < together ? count : together;
        load_rows((const char *)row, count, out);
        return count;
    }
    EACH_COUNTER(LOAD_ANEW)
    return 1;
}

void rows_read(struct rows *rows, uint32_t first, size_t count, struct counters *out)
{
    for (size_t done = 0; done < count;)
        done += read_some(rows, first + (uint32_t)done, count - done, out + done);
}

void rows_read_side(struct rows *rows, uint32_t slot, struct side_counters *out)
{
    struct table *table = &rows->side;
    bool shown;
    const struct side_counters *row = row_at(rows, table, slot, &shown);

    if (shown) {
        EACH_SIDE_COUNTER(LOAD)
    } else {
        EACH_SIDE_COUNTER(LOAD_ANEW)
    }
}
