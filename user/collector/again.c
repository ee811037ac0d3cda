#include "collector/again.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
/* An element that could not be added has hh.tbl NULL, instead of the program ending. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "collector/totals.h"

/* What one message gave to a row. */
struct item {
    struct totals_row *row;
    uint64_t stream, message, arrival;
    struct totals_counts counts;
};

struct run {
    char name[ORIGIN_RUN_MAX + 1];
    uint64_t arrivals;    /* messages so far that counted something */
    struct origin newest; /* of its streams that cover something again */
    struct item *items;
    size_t count, room;
    UT_hash_handle hh;
    TAILQ_ENTRY(run) link;
};

struct again {
    struct run *runs;
    TAILQ_HEAD(, run) order; /* the longest silent one first */
    size_t items, max_items, max_runs;
    /* The message under way; run NULL: none, or not loadtap's. */
    struct run *run;
    struct origin origin;
    uint64_t message;
    bool is_counted; /* in the run's arrivals */
};

struct again *again_new(size_t items, size_t runs)
{
    struct again *again = calloc(1, sizeof(*again));

    if (!again)
        return NULL;
    again->max_items = items;
    again->max_runs = runs;
    TAILQ_INIT(&again->order);
    return again;
}

static void forget(struct again *again, struct run *run)
{
    HASH_DEL(again->runs, run);
    TAILQ_REMOVE(&again->order, run, link);
    again->items -= run->count;
    free(run->items);
    free(run);
}

void again_free(struct again *again)
{
    if (!again)
        return;
    while (!TAILQ_EMPTY(&again->order))
        forget(again, TAILQ_FIRST(&again->order));
    free(again);
}

/* The run of that name, now the newest. NULL: out of memory. */
static struct run *run_of(struct again *again, const char *name)
{
    struct run *run;

    HASH_FIND_STR(again->runs, name, run);
    if (run) {
        TAILQ_REMOVE(&again->order, run, link);
        TAILQ_INSERT_TAIL(&again->order, run, link);
        return run;
    }
    if (HASH_COUNT(again->runs) >= again->max_runs)
        forget(again, TAILQ_FIRST(&again->order));
    run = calloc(1, sizeof(*run));
    if (!run)
        return NULL;
    memcpy(run->name, name, strlen(name));
    HASH_ADD_STR(again->runs, name, run);
    if (!run->hh.tbl) {
        free(run);
        return NULL;
    }
    TAILQ_INSERT_TAIL(&again->order, run, link);
    return run;
}

/* --- what is covered again -------------------------------------------------------------- */

/* Those from the report that `resent` names, up to the beginning of this stream. */
static bool covers(const struct origin *origin, uint64_t stream, uint64_t message)
{
    if (origin->resent_stream == 0 || stream >= origin->stream)
        return false;
    return stream > origin->resent_stream ||
           (stream == origin->resent_stream && message >= origin->resent_report);
}

static void add_counts(struct totals_counts *sum, const struct totals_counts *more)
{
    sum->issued += more->issued;
    sum->success += more->success;
    sum->error += more->error;
    sum->dropped += more->dropped;
    sum->new_connections += more->new_connections;
    sum->failed_connections += more->failed_connections;
}

/* What the rows of the message have to know. */
static void mark(const struct run *run, const struct origin *origin, uint64_t message)
{
    bool is_late = covers(&run->newest, origin->stream, message);

    for (size_t i = 0; i < run->count; i++) {
        const struct item *item = &run->items[i];
        struct totals_again *again = &item->row->again;

        if (is_late && item->stream >= run->newest.stream)
            again->is_superseded = true;
        if (covers(origin, item->stream, item->message))
            add_counts(&again->counted, &item->counts);
    }
}

void again_begin(struct again *again, const struct origin *origin, uint64_t message)
{
    struct run *run = origin->run[0] ? run_of(again, origin->run) : NULL;

    again->run = run;
    if (!run)
        return;
    again->origin = *origin;
    again->message = message;
    again->is_counted = false;
    mark(run, origin, message);
    if (origin->resent_stream && origin->stream >= run->newest.stream)
        run->newest = *origin;
}

static void take(uint64_t *count, uint64_t *counted)
{
    uint64_t common = *count < *counted ? *count : *counted;

    *count -= common;
    *counted -= common;
}

static bool make_room(struct again *again, struct run *run)
{
    size_t room = run->room ? run->room * 2 : 16;
    struct item *items;

    while (again->items >= again->max_items && TAILQ_FIRST(&again->order) != run)
        forget(again, TAILQ_FIRST(&again->order));
    if (again->items >= again->max_items)
        return false;
    if (run->count < run->room)
        return true;
    items = realloc(run->items, room * sizeof(*items));
    if (!items)
        return false;
    run->items = items;
    run->room = room;
    return true;
}

static void remember(struct again *again, struct totals_row *row,
                     const struct totals_counts *counts)
{
    struct run *run = again->run;

    if (!make_room(again, run))
        return;
    run->arrivals += !again->is_counted;
    again->is_counted = true;
    run->items[run->count++] =
        (struct item){row, again->origin.stream, again->message, run->arrivals, *counts};
    again->items++;
}

void again_take(struct again *again, struct totals_row *row, struct totals_counts *counts)
{
    static const struct totals_counts none;
    struct totals_counts *counted = &row->again.counted;

    if (!again->run || !memcmp(counts, &none, sizeof(none)))
        return;
    if (row->again.is_superseded) {
        *counts = none;
        return;
    }
    row->again.is_named = true;
    remember(again, row, counts);
    take(&counts->issued, &counted->issued);
    take(&counts->success, &counted->success);
    take(&counts->error, &counted->error);
    take(&counts->dropped, &counted->dropped);
    take(&counts->new_connections, &counted->new_connections);
    take(&counts->failed_connections, &counted->failed_connections);
}

/* What is old, or was covered by a row of this message, is not needed any more. */
static bool is_done(const struct again *again, const struct item *item)
{
    const uint64_t kept =
        again->items > again->max_items / 2 ? AGAIN_MESSAGES_SHORT : AGAIN_MESSAGES;

    return again->run->arrivals - item->arrival >= kept ||
           (item->row->again.is_named && covers(&again->origin, item->stream, item->message));
}

void again_end(struct again *again)
{
    struct run *run = again->run;
    size_t kept = 0;

    for (size_t i = 0; run && i < run->count; i++) {
        const struct item item = run->items[i];

        if (is_done(again, &item))
            continue;
        run->items[i] = run->items[kept]; /* a swap: the rows of all are needed below */
        run->items[kept++] = item;
    }
    for (size_t i = 0; run && i < run->count; i++)
        run->items[i].row->again = (struct totals_again){0};
    if (run) {
        again->items -= run->count - kept;
        run->count = kept;
    }
    again->run = NULL;
}
