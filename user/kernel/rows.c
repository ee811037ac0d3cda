#include "kernel/rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/types.h>

#include "abi.h"
#include "base/log.h"

#define PAGE_MAX 65536 /* of any architecture */
#define ROW_MAX sizeof(struct side_counters)
_Static_assert(ROWS_AT_ONCE * sizeof(struct begun_counters) % PAGE_MAX == 0 &&
                   ROWS_AT_ONCE * sizeof(struct ended_counters) % PAGE_MAX == 0 &&
                   ROWS_AT_ONCE * sizeof(struct side_counters) % PAGE_MAX == 0,
               "views begin at pages");

/* One map, and the part of it that is shown. */
struct table {
    int fd;
    size_t row_size, count;
    char *view; /* NULL: not opened */
    uint32_t first;
    uint64_t one[ROW_MAX / sizeof(uint64_t)]; /* what is not shown, as it was read last */
};

struct rows {
    struct table begun, ended, side;
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

static int open_table(struct table *table, int fd, size_t row_size, uint32_t count)
{
    *table = (struct table){.fd = fd, .row_size = row_size, .count = count};
    return show(table, 0);
}

int rows_open(const struct rows_maps *maps, uint32_t count, struct rows **out)
{
    struct rows *rows = calloc(1, sizeof(*rows));
    int result;

    if (!rows)
        return -ENOMEM;
    result = open_table(&rows->begun, maps->begun, sizeof(struct begun_counters), count);
    if (!result)
        result = open_table(&rows->ended, maps->ended, sizeof(struct ended_counters), count);
    if (!result)
        result = open_table(&rows->side, maps->side, sizeof(struct side_counters), count);
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
    hide(&rows->begun);
    hide(&rows->ended);
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

/* Good until the next call for the table. `*shown`: it is the kernel's own; else a copy, which holds what was
 * so when it was made. */
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

/* All that there is; each list in the order of reading. */
/* clang-format off */
#define EACH_OTHER(DO) DO(cx_failed_error) DO(rq_no_result) DO(rq_probes) DO(cx_sessions)
#define EACH_COUNT(ENDED, BEGUN)                                                                   \
    ENDED(rq_success) ENDED(rq_error) ENDED(rq_finished) ENDED(cx_closed)                          \
    BEGUN(rq_issued) BEGUN(cx_established) BEGUN(cx_failed)
#define EACH_DOUBT(DO)                                                                             \
    DO(rq_unclassified) DO(cx_opaque_closed) DO(cx_opaque) DO(gap_bytes) DO(cx_untracked)          \
    DO(cx_joined) DO(rq_untracked) DO(overruns)
#define EACH_OPENED(DO) DO(cx_opened)
/* clang-format on */
#define ONE(counter) char counter;
struct each {
    EACH_OTHER(ONE)
    EACH_COUNT(ONE, ONE)
    EACH_DOUBT(ONE)
    EACH_OPENED(ONE)
};
_Static_assert(sizeof(struct each) == sizeof(struct counters) / sizeof(uint64_t),
               "each counter is read");
_Static_assert(sizeof(struct counters) + sizeof(((struct begun_counters *)0)->doubts) ==
                   sizeof(struct begun_counters) + sizeof(struct ended_counters) +
                       sizeof(struct side_counters),
               "and is one of the kernel's");

#define ZERO(counter) out->counter = 0;
#define LOAD(row, counter) out->counter = load_counter(&(row)->counter);
#define LOAD_ENDED(counter) LOAD(ended, counter)
#define LOAD_BEGUN(counter) LOAD(begun, counter)
#define LOAD_ENDED_ANEW(counter)                                                                   \
    ended = row_at(rows, &rows->ended, slot, &shown);                                              \
    LOAD_ENDED(counter)
#define LOAD_BEGUN_ANEW(counter)                                                                   \
    begun = row_at(rows, &rows->begun, slot, &shown);                                              \
    LOAD_BEGUN(counter)
#define LOAD_SIDE_ANEW(counter)                                                                    \
    side = row_at(rows, &rows->side, slot, &shown);                                                \
    LOAD(side, counter)

static void load_counts(const struct ended_counters *ended, const struct begun_counters *begun,
                        struct counters *out)
{
    EACH_COUNT(LOAD_ENDED, LOAD_BEGUN)
}

static void load_counts_anew(struct rows *rows, uint32_t slot, struct counters *out)
{
    const struct ended_counters *ended;
    const struct begun_counters *begun;
    bool shown;

    EACH_COUNT(LOAD_ENDED_ANEW, LOAD_BEGUN_ANEW)
}

static void load_doubts(struct rows *rows, uint32_t slot, struct counters *out)
{
    const struct side_counters *side;
    bool shown;

    EACH_DOUBT(LOAD_SIDE_ANEW)
}

/* Some rows from `slot` on, as many as are shown together; doubts behind what they are about, which the
 * kernel counts behind them. Returns how many. */
static size_t read_some(struct rows *rows, uint32_t slot, size_t count, struct counters *out)
{
    size_t together = ROWS_AT_ONCE - slot % ROWS_AT_ONCE;
    bool ended_shown, begun_shown;
    const struct ended_counters *ended = row_at(rows, &rows->ended, slot, &ended_shown);
    const struct begun_counters *begun = row_at(rows, &rows->begun, slot, &begun_shown);

    if (!ended_shown || !begun_shown) {
        load_counts_anew(rows, slot, out);
        load_doubts(rows, slot, out);
        return 1;
    }
    count = count < together ? count : together;
    for (size_t i = 0; i < count; i++, out++) {
        load_counts(&ended[i], &begun[i], out);
        if (load_counter(&begun[i].doubts)) {
            load_doubts(rows, slot + (uint32_t)i, out);
        } else {
            EACH_DOUBT(ZERO)
        }
    }
    return count;
}

void rows_read(struct rows *rows, uint32_t first, size_t count, struct counters *out)
{
    for (size_t done = 0; done < count;)
        done += read_some(rows, first + (uint32_t)done, count - done, out + done);
}

void rows_read_all(struct rows *rows, uint32_t slot, struct counters *out)
{
    const struct side_counters *side;
    bool shown;

    EACH_OTHER(LOAD_SIDE_ANEW)
    load_doubts(rows, slot, out);
    load_counts_anew(rows, slot, out);
    EACH_OPENED(LOAD_SIDE_ANEW)
}
