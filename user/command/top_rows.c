#include "command/top_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/mem.h"
#include "command/json_member.h"

/* --- rows ---------------------------------------------------------------------------------------- */

/* A count: none is below zero. */
static uint64_t count_of(const json_t *object, const char *key)
{
    json_int_t value = member_number(object, key);

    return value > 0 ? (uint64_t)value : 0;
}

/* Without the parts at its end that are empty. */
static void write_locality(const json_t *locality, char *out)
{
    int length = snprintf(out, LOCALITY_TEXT_MAX, "%s/%s/%s", member_text(locality, "region"),
                          member_text(locality, "zone"), member_text(locality, "sub_zone"));

    if (length >= LOCALITY_TEXT_MAX)
        length = LOCALITY_TEXT_MAX - 1;
    while (length > 0 && out[length - 1] == '/')
        out[--length] = '\0';
}

static double share_of(uint64_t errors, uint64_t successes)
{
    return errors ? (double)errors / (double)(errors + successes) : 0;
}

static void fill_row(const char *cluster, const json_t *group, const json_t *endpoint,
                     struct top_row *out)
{
    const json_t *counters = json_object_get(endpoint, "counters");
    const json_t *gauges = json_object_get(endpoint, "gauges");

    out->cluster = cluster;
    out->address = member_text(endpoint, "address");
    out->locality = json_object_get(group, "locality");
    write_locality(out->locality, out->locality_text);
    out->priority = member_number(group, "priority");
    out->issued = count_of(counters, "issued_requests");
    out->success = count_of(counters, "successful_requests");
    out->error = count_of(counters, "error_requests");
    out->active = count_of(gauges, "requests_in_progress");
    out->connections = count_of(gauges, "active_connections");
    out->exact = member_is_true(endpoint, "exact");
    out->error_share = share_of(out->error, out->success);
}

/* Adds the endpoints of a locality group behind the `count` that there are; `out` NULL: counts them. */
static size_t walk_group(const char *cluster, const json_t *group, struct top_row *out,
                         size_t count)
{
    size_t i;
    json_t *endpoint;

    json_array_foreach(json_object_get(group, "endpoints"), i, endpoint)
    {
        if (!member_is_true(endpoint, "counted"))
            continue;
        if (out)
            fill_row(cluster, group, endpoint, &out[count]);
        count++;
    }
    return count;
}

static size_t walk(const json_t *answer, struct top_row *out)
{
    size_t i, j, count = 0;
    json_t *cluster, *group;

    json_array_foreach(json_object_get(answer, "clusters"), i, cluster)
    {
        json_array_foreach(json_object_get(cluster, "localities"), j, group) count =
            walk_group(member_text(cluster, "name"), group, out, count);
    }
    return count;
}

/* --- rates ----------------------------------------------------------------------------------------- */

/* An address is counted in one place only, so it names a row. */
struct known {
    const struct top_row *row;
    UT_hash_handle hh;
};

static void rate_row(struct top_row *row, const struct top_row *before, double seconds)
{
    if (strcmp(row->cluster, before->cluster) != 0 || row->issued < before->issued ||
        row->error < before->error || row->success < before->success || seconds <= 0)
        return; /* another one: the daemon began anew, or the address has moved */
    row->has_rate = true;
    row->rate = (double)(row->issued - before->issued) / seconds;
    row->error_share = share_of(row->error - before->error, row->success - before->success);
}

static int rate_rows(struct top_rows *rows, const struct top_rows *before, double seconds)
{
    autofree struct known *room = calloc(before->count + 1, sizeof(*room));
    struct known *all = NULL, *found;

    if (!room)
        return -ENOMEM;
    for (size_t i = 0; i < before->count; i++) {
        room[i].row = &before->items[i];
        HASH_ADD_KEYPTR(hh, all, room[i].row->address, strlen(room[i].row->address), &room[i]);
    }
    for (size_t i = 0; i < rows->count; i++) {
        HASH_FIND_STR(all, rows->items[i].address, found);
        if (found)
            rate_row(&rows->items[i], found->row, seconds);
    }
    HASH_CLEAR(hh, all);
    return 0;
}

int top_rows_read(json_t *answer, const struct top_rows *before, double seconds,
                  struct top_rows *out)
{
    struct top_rows rows = {.answer = answer};
    int result = 0;

    if (!json_is_array(json_object_get(answer, "clusters")))
        result = -EBADMSG;
    rows.count = walk(answer, NULL);
    rows.items = calloc(rows.count + 1, sizeof(*rows.items));
    if (!rows.items)
        result = -ENOMEM;
    if (!result) {
        walk(answer, rows.items);
        result = before ? rate_rows(&rows, before, seconds) : 0;
    }
    if (result)
        top_rows_clear(&rows);
    else
        *out = rows;
    return result;
}

void top_rows_clear(struct top_rows *rows)
{
    free(rows->items);
    json_decref(rows->answer);
    *rows = (struct top_rows){0};
}

static json_t *row_json(const struct top_row *row)
{
    return json_pack("{s:s, s:s, s:O, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f, s:b}", "cluster",
                     row->cluster, "address", row->address, "locality", row->locality, "priority",
                     (json_int_t)row->priority, "issued_requests", (json_int_t)row->issued,
                     "successful_requests", (json_int_t)row->success, "error_requests",
                     (json_int_t)row->error, "requests_in_progress", (json_int_t)row->active,
                     "active_connections", (json_int_t)row->connections, "requests_per_second",
                     row->has_rate ? json_real(row->rate) : json_null(), "error_share",
                     row->error_share, "exact", row->exact);
}

json_t *top_rows_json(const struct top_row *const *rows, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < count; i++) {
        if (json_array_append_new(list, row_json(rows[i]))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* --- which of them, in which order ------------------------------------------------------------------- */

static const char *const column_names[TOP_COLUMNS] = {
    [TOP_CLUSTER] = "cluster", [TOP_ADDRESS] = "address",         [TOP_LOCALITY] = "locality",
    [TOP_RATE] = "rate",       [TOP_ERROR_SHARE] = "errors",      [TOP_ACTIVE] = "active",
    [TOP_ISSUED] = "issued",   [TOP_CONNECTIONS] = "connections", [TOP_SUCCESS] = "success",
    [TOP_ERROR] = "error",
};

int top_column_parse(const char *name, enum top_column *out)
{
    for (enum top_column column = 0; column < TOP_COLUMNS; column++) {
        if (strcmp(column_names[column], name) == 0) {
            *out = column;
            return 0;
        }
    }
    return -EINVAL;
}

const char *top_column_name(enum top_column column)
{
    return column_names[column];
}

bool top_column_descends(enum top_column column)
{
    return column > TOP_LOCALITY;
}

/* Below, equal to, or above zero. */
static int compare_numbers(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_by(enum top_column column, const struct top_row *a, const struct top_row *b)
{
    switch (column) {
    case TOP_CLUSTER:
        return strcmp(a->cluster, b->cluster);
    case TOP_ADDRESS:
        return strcmp(a->address, b->address);
    case TOP_LOCALITY:
        return strcmp(a->locality_text, b->locality_text);
    case TOP_RATE:
        return compare_numbers(a->rate, b->rate);
    case TOP_ERROR_SHARE:
        return compare_numbers(a->error_share, b->error_share);
    case TOP_ACTIVE:
        return compare_numbers((double)a->active, (double)b->active);
    case TOP_CONNECTIONS:
        return compare_numbers((double)a->connections, (double)b->connections);
    case TOP_ISSUED:
        return compare_numbers((double)a->issued, (double)b->issued);
    case TOP_SUCCESS:
        return compare_numbers((double)a->success, (double)b->success);
    default:
        return compare_numbers((double)a->error, (double)b->error);
    }
}

struct order {
    enum top_column column;
    bool descending;
};

static int compare_rows(const void *left, const void *right, void *arg)
{
    const struct top_row *a = *(const struct top_row *const *)left;
    const struct top_row *b = *(const struct top_row *const *)right;
    const struct order *order = arg;
    int result = compare_by(order->column, a, b);

    if (order->descending)
        result = -result;
    if (!result)
        result = strcmp(a->cluster, b->cluster);
    return result ? result : strcmp(a->address, b->address);
}

size_t top_rows_pick(const struct top_rows *rows, const char *filter, enum top_column column,
                     bool descending, const struct top_row **out)
{
    struct order order = {column, descending};
    size_t count = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct top_row *row = &rows->items[i];

        if (strcasestr(row->cluster, filter) || strcasestr(row->address, filter) ||
            strcasestr(row->locality_text, filter))
            out[count++] = row;
    }
    qsort_r(out, count, sizeof(const struct top_row *), compare_rows, &order);
    return count;
}
