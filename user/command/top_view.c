#include "command/top_view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define HEAD_LINES 3 /* above the rows: stream, filter, titles */
#define FOOT_LINES 1

#define TO_START "\x1b[H"
#define TO_LINE_END "\x1b[K"
#define TO_SCREEN_END "\x1b[J"
#define REVERSE "\x1b[7m"
#define RED "\x1b[31m"
#define DIM "\x1b[2m"
#define PLAIN "\x1b[m"

/* In the order in which they stand, left to right. */
static const struct column {
    const char *title;
    size_t from; /* shown on screens that are at least so wide */
    enum top_column column;
    int width; /* < 0: to the left; then it becomes wider where there is room */
} columns[] = {
    {"CLUSTER", 0, TOP_CLUSTER, -18},     {"ADDRESS", 0, TOP_ADDRESS, -21},
    {"LOCALITY", 120, TOP_LOCALITY, -16}, {"RQ/S", 0, TOP_RATE, 8},
    {"ERR%", 0, TOP_ERROR_SHARE, 6},      {"ACTIVE", 0, TOP_ACTIVE, 6},
    {"CONNS", 70, TOP_CONNECTIONS, 5},    {"ISSUED", 80, TOP_ISSUED, 9},
    {"SUCCESS", 100, TOP_SUCCESS, 9},     {"ERROR", 100, TOP_ERROR, 8},
};

/* How wide each of them is; 0: not shown. As above. */
struct layout {
    int width[ARRAY_SIZE(columns)];
};

static const char *name_of(const struct top_row *row, enum top_column column)
{
    return column == TOP_CLUSTER   ? row->cluster
           : column == TOP_ADDRESS ? row->address
                                   : row->locality_text;
}

static int longest(const struct top_row *const *rows, size_t count, enum top_column column)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(name_of(rows[i], column));

        most = length > most ? length : most;
    }
    return most < 1000 ? (int)most : 1000;
}

/* Lets a column be as wide as `wanted`, as far as there is room to spare. */
static void widen(struct layout *layout, enum top_column column, int wanted, size_t *spare)
{
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        int more = wanted - abs(layout->width[i]);

        if (columns[i].column != column || !layout->width[i] || more <= 0)
            continue;
        if ((size_t)more > *spare)
            more = (int)*spare;
        layout->width[i] -= more;
        *spare -= (size_t)more;
    }
}

/* What a screen of `room` has left over goes to names that are longer: addresses first, as two of them may
 * begin alike. */
static struct layout lay_out(const struct top_row *const *rows, size_t count, size_t room)
{
    static const enum top_column names[] = {TOP_ADDRESS, TOP_CLUSTER, TOP_LOCALITY};
    struct layout layout = {{0}};
    size_t used = 0, spare;

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        layout.width[i] = columns[i].from <= room ? columns[i].width : 0;
        used += layout.width[i] ? (size_t)abs(layout.width[i]) + 1 : 0;
    }
    spare = used < room ? room - used : 0;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        widen(&layout, names[i], longest(rows, count, names[i]), &spare);
    return layout;
}

/* At most `width` characters; what is no character of a line becomes "?", so that no name can move the
 * cursor. A byte that goes on a UTF-8 character takes no room. */
static int print_text(const char *text, int width, FILE *out)
{
    int used = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool goes_on = (c & 0xc0) == 0x80;

        if (!goes_on && used == width)
            break;
        fputc(c < ' ' || c == 0x7f ? '?' : c, out);
        used += !goes_on;
    }
    return used;
}

/* In a cell of `width`; below 0: to the left. */
static void print_cell(const char *text, int width, FILE *out)
{
    int room = abs(width), length = (int)strlen(text);

    if (width > 0)
        fprintf(out, "%*s", length < room ? room - length : 0, "");
    for (int used = print_text(text, room, out); width < 0 && used < room; used++)
        fputc(' ', out);
}

static const char *value_text(const struct top_row *row, enum top_column column, char *out,
                              size_t size)
{
    switch (column) {
    case TOP_CLUSTER:
        return row->cluster;
    case TOP_ADDRESS:
        return row->address;
    case TOP_LOCALITY:
        return row->locality_text;
    case TOP_RATE:
        snprintf(out, size, row->has_rate ? "%.1f" : "-", row->rate);
        return out;
    case TOP_ERROR_SHARE:
        snprintf(out, size, "%.1f", row->error_share * 100);
        return out;
    case TOP_ACTIVE:
        snprintf(out, size, "%" PRIu64, row->active);
        return out;
    case TOP_CONNECTIONS:
        snprintf(out, size, "%" PRIu64, row->connections);
        return out;
    case TOP_ISSUED:
        snprintf(out, size, "%" PRIu64, row->issued);
        return out;
    case TOP_SUCCESS:
        snprintf(out, size, "%" PRIu64, row->success);
        return out;
    default:
        snprintf(out, size, "%" PRIu64, row->error);
        return out;
    }
}

static void print_row(const struct top_row *row, const struct layout *layout, FILE *out)
{
    char value[32];

    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        if (!layout->width[i])
            continue;
        if (i)
            fputc(' ', out);
        print_cell(value_text(row, columns[i].column, value, sizeof(value)), layout->width[i], out);
    }
    if (!row->exact)
        fputc('~', out); /* what may be missing is in the error bound */
}

static void print_titles(const struct layout *layout, const struct top_state *state, FILE *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        char title[32];
        bool sorts = state && state->sort == columns[i].column;

        if (!layout->width[i])
            continue;
        snprintf(title, sizeof(title), "%s%s", sorts ? state->descending ? "v" : "^" : "",
                 columns[i].title);
        if (i)
            fputc(' ', out);
        print_cell(title, layout->width[i], out);
    }
}

/* --- the screen ---------------------------------------------------------------------------------- */

/* A line of the screen, cut to it. Takes over `text`, NULL is nothing. */
static void print_line(const struct top_view *view, const char *before, char *text, FILE *out)
{
    fputs(before, out);
    print_text(text ? text : "", (int)view->columns, out);
    fprintf(out, "%s" TO_LINE_END "\r\n", *before ? PLAIN : "");
    free(text);
}

static char *format(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* NULL: no memory. */
static char *format(const char *text, ...)
{
    char *out = NULL;
    va_list arguments;
    int length;

    va_start(arguments, text);
    length = vasprintf(&out, text, arguments);
    va_end(arguments);
    return length < 0 ? NULL : out;
}

static char *stream_text(const json_t *lrs)
{
    const json_t *report = json_object_get(lrs, "next_report_seconds");
    const json_t *attempt = json_object_get(lrs, "next_attempt_seconds");
    const json_t *wait = report ? report : attempt;
    const char *state = json_string_value(json_object_get(lrs, "state"));
    const char *server = json_string_value(json_object_get(lrs, "management_server"));
    char when[64] = "";

    if (!lrs)
        return NULL;
    if (json_is_number(wait))
        snprintf(when, sizeof(when), ", next %s in %.1f s", report ? "report" : "attempt",
                 json_number_value(wait));
    return format("stream to %s: %s%s", server ? server : "?", state ? state : "?", when);
}

static char *choice_text(const struct top_view *view)
{
    const struct top_state *state = view->state;
    const char *paused = state->paused ? "  paused" : "";

    if (state->typing)
        return format("filter: %s_%s", state->filter, paused);
    if (*state->filter)
        return format("%zu of %zu endpoints, filter: %s%s", view->count, view->all, state->filter,
                      paused);
    return format("%zu endpoint%s%s", view->all, view->all == 1 ? "" : "s", paused);
}

static void print_rows(const struct top_view *view, const struct layout *layout, FILE *out)
{
    size_t page = top_view_page(view->lines);

    for (size_t i = 0; i < page; i++) {
        size_t at = view->state->first + i;
        const struct top_row *row = at < view->count ? view->rows[at] : NULL;
        bool marked = row && row->error_share > 0 && view->colours;
        char *text = NULL;
        size_t size;
        FILE *line = row ? open_memstream(&text, &size) : NULL;

        if (line) {
            print_row(row, layout, line);
            fclose(line);
        }
        print_line(view, marked ? RED : "", text, out);
    }
}

size_t top_view_page(size_t lines)
{
    return lines > HEAD_LINES + FOOT_LINES ? lines - HEAD_LINES - FOOT_LINES : 1;
}

void top_screen(const struct top_view *view, FILE *out)
{
    struct layout layout = lay_out(view->rows, view->count, view->columns);
    char *titles = NULL;
    size_t size;
    FILE *line = open_memstream(&titles, &size);

    if (line) {
        print_titles(&layout, view->state, line);
        fclose(line);
    }
    fputs(TO_START, out);
    if (view->trouble)
        print_line(view, view->colours ? RED : "", strdup(view->trouble), out);
    else
        print_line(view, "", stream_text(view->lrs), out);
    print_line(view, "", choice_text(view), out);
    print_line(view, REVERSE, titles, out);
    print_rows(view, &layout, out);
    fputs(DIM, out);
    print_text("q quit  / filter  sort: c a l r e p n i, again: turn  space: pause",
               (int)view->columns, out);
    fputs(PLAIN TO_LINE_END TO_SCREEN_END, out);
}

void top_table(const struct top_row *const *rows, size_t count, FILE *out)
{
    struct layout layout = lay_out(rows, count, SIZE_MAX);

    print_titles(&layout, NULL, out);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        print_row(rows[i], &layout, out);
        fputc('\n', out);
    }
}
