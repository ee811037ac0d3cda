#include "command/top.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/flags.h"
#include "base/mem.h"
#include "command/top_live.h"
#include "command/top_look.h"
#include "command/top_view.h"

struct top_options {
    struct admin_where where;
    const char *filter;
    unsigned interval_ms;
    enum top_column sort;
    bool once, json, help;
};

static int read_interval(void *member, const char *value)
{
    char *end;
    double seconds = strtod(value, &end);

    if (end == value || *end || !(seconds >= 0.1 && seconds <= 3600))
        return -EINVAL;
    *(unsigned *)member = (unsigned)(seconds * 1000);
    return 0;
}

static int read_sort(void *member, const char *value)
{
    return top_column_parse(value, member);
}

static int read_filter(void *member, const char *value)
{
    *(const char **)member = value;
    return strlen(value) < TOP_FILTER_MAX ? 0 : -EINVAL;
}

#define MEMBER(name) offsetof(struct top_options, name)
#define SORTS "cluster|address|locality|rate|errors|active|connections|issued|success|error"

static const struct flag table[] = {
    {"--config-path", "-c", "FILE", "the daemon's bootstrap, which says where it is asked",
     flag_text, MEMBER(where.config), "the name of a file", false},
    {"--config-expand-env", NULL, NULL, "${NAME} in its values is the environment's NAME, $$ is $",
     flag_presence, MEMBER(where.expand_env), NULL, false},
    {"--admin", NULL, "SOCKET", "where it is asked: a Unix socket, or IP:PORT", flag_text,
     MEMBER(where.admin), "the path of a socket, or IP:PORT", false},
    {"--interval", "-i", "SECONDS", "how often; default: 1", read_interval, MEMBER(interval_ms),
     "0.1 to 3600", false},
    {"--sort", "-s", SORTS, "by what, from the highest on; default: rate", read_sort, MEMBER(sort),
     "one of " SORTS, false},
    {"--filter", "-f", "TEXT", "only endpoints with it in cluster, address or locality",
     read_filter, MEMBER(filter), "up to 63 characters", false},
    {"--once", NULL, NULL, "look twice, an interval apart, print it, and end", flag_presence,
     MEMBER(once), NULL, false},
    {"--json", NULL, NULL, "with --once: for programs", flag_presence, MEMBER(json), NULL, false},
    {"--help", "-h", NULL, "this", flag_presence, MEMBER(help), NULL, true},
};

static const struct flags flags = {
    .usage = "loadtap top [flags]",
    .about =
        "A live table of the endpoints that the daemon counts: requests a second, errors of the\n"
        "last interval, requests in progress, connections, and sums. A ~ behind a row: its\n"
        "numbers have an error bound. NO_COLOR=1 leaves out colours.",
    .table = table,
    .count = ARRAY_SIZE(table),
};

static int complain(const char *error)
{
    fprintf(stderr, "loadtap top: %s\n", error);
    return 1;
}

/* 0 or the exit status. */
static int print_json(const struct top_look *look, const struct top_row *const *rows, size_t count)
{
    json_t *list = top_rows_json(rows, count);
    json_t *answer = list ? json_pack("{s:O, s:o}", "stream", look->lrs, "rows", list) : NULL;
    int failed = !answer || json_dumpf(answer, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));

    json_decref(answer);
    if (failed)
        return complain("out of memory");
    putchar('\n');
    return 0;
}

static int print_look(const struct top_options *options, const struct top_state *state,
                      const struct top_look *look)
{
    size_t count;
    autofree const struct top_row **rows = top_look_pick(look, state, &count);

    if (!rows)
        return complain("out of memory");
    if (options->json)
        return print_json(look, rows, count);
    top_table(rows, count, stdout);
    return 0;
}

static int once(const struct top_options *options, const struct top_state *state,
                const struct admin_target *target)
{
    char error[ADMIN_ERROR_MAX];
    struct top_look look = {0};
    int status = top_look(target, &look, error);

    if (!status) {
        poll(NULL, 0, (int)options->interval_ms);
        status = top_look(target, &look, error);
    }
    status = status ? complain(error) : print_look(options, state, &look);
    top_look_clear(&look);
    return status;
}

static int run(int argc, char **argv)
{
    struct top_options options = {.interval_ms = 1000, .sort = TOP_RATE, .filter = ""};
    struct top_state state = {0};
    struct admin_target target;
    char error[ADMIN_ERROR_MAX];
    int failed;

    if (flags_parse(&flags, argc, argv, &options, error, sizeof(error)))
        return complain(error);
    if (options.help) {
        flags_print(&flags, stdout);
        return 0;
    }
    if (options.json && !options.once)
        return complain("--json is expected beside --once");
    if (admin_target_find(&options.where, &target, error))
        return complain(error);
    state.sort = options.sort;
    state.descending = top_column_descends(options.sort);
    strcpy(state.filter, options.filter);
    if (options.once)
        return once(&options, &state, &target);
    failed = top_live(&target, options.interval_ms, &state);
    return failed == -ENOTTY ? complain("there is no terminal: --once prints it once")
           : failed          ? complain(strerror(-failed))
                             : 0;
}

const struct command top_command = {
    .name = "top",
    .summary = "a live table of the endpoints",
    .run = run,
};
