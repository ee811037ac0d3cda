#include "command/explain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/flags.h"
#include "base/mem.h"
#include "command/admin_client.h"
#include "command/explain_text.h"
#include "message/config_source.h"

#define TIMEOUT_MS 10000

struct explain_options {
    const char *subject;
    struct admin_where where;
    bool json, help;
};

#define MEMBER(name) offsetof(struct explain_options, name)

static const struct flag table[] = {
    {"--config-path", "-c", "FILE",
     "the daemon's bootstrap: where it is asked, and the lines of places", flag_text,
     MEMBER(where.config), "the name of a file", false},
    {"--config-expand-env", NULL, NULL, "${NAME} in its values is the environment's NAME, $$ is $",
     flag_presence, MEMBER(where.expand_env), NULL, false},
    {"--admin", NULL, "SOCKET", "where it is asked: a Unix socket, or IP:PORT", flag_text,
     MEMBER(where.admin), "the path of a socket, or IP:PORT", false},
    {"--json", NULL, NULL, "print the daemon's answer as it is", flag_presence, MEMBER(json), NULL,
     false},
    {"--help", "-h", NULL, "this", flag_presence, MEMBER(help), NULL, true},
};

static const struct flags flags = {
    .usage = "loadtap explain CLUSTER|ADDRESS [flags]",
    .about =
        "Asks the daemon that runs. Of a cluster: its localities and endpoints. Of an address\n"
        "(10.0.0.1:80, [::1]:80): which cluster and locality it counts for, and by which line of\n"
        "the bootstrap. Of both: the next LoadStatsRequest, as it would be sent now.",
    .table = table,
    .count = ARRAY_SIZE(table),
    .argument = "cluster or address",
    .argument_offset = MEMBER(subject),
};

static int complain(const char *error)
{
    fprintf(stderr, "loadtap explain: %s\n", error);
    return 1;
}

/* The page that tells; NULL: no memory. To be freed. */
static char *make_path(const char *subject, bool is_address)
{
    autofree char *value = admin_escape(subject);
    char *path = NULL;

    if (!value || asprintf(&path, "/explain?%s=%s", is_address ? "address" : "cluster", value) < 0)
        return NULL;
    return path;
}

/* 0, or 1 where no cluster has the address. */
static int print_address(const struct explain_options *options, const json_t *answer)
{
    struct config_error error;
    struct tree *tree = NULL;
    struct explain_source source = {.file = options->where.config};

    if (!json_is_true(json_object_get(answer, "observed"))) {
        fprintf(stderr, "loadtap explain: no cluster has %s: connections to it are not counted\n",
                options->subject);
        return 1;
    }
    if (options->where.config &&
        config_source_read(options->where.config, &tree, NULL, &error) == 0)
        source.tree = tree; /* it was read before, so a second error has nothing to say */
    explain_address_text(answer, &source, stdout);
    tree_free(tree);
    return 0;
}

static int print(const struct explain_options *options, const json_t *answer, bool is_address)
{
    if (options->json) {
        json_dumpf(answer, stdout, JSON_INDENT(2));
        putchar('\n');
        return 0;
    }
    if (is_address)
        return print_address(options, answer);
    explain_cluster_text(answer, stdout);
    return 0;
}

static int explain(const struct explain_options *options)
{
    struct address address;
    bool is_address = address_parse_text(options->subject, &address) == 0;
    autofree char *path = make_path(options->subject, is_address);
    char error[ADMIN_ERROR_MAX] = "out of memory";
    struct admin_target target;
    json_t *answer;
    int status;

    if (!is_address && address_parse(options->subject, 0, &address) == 0)
        return complain("an address has a port behind it: 10.0.0.1:80, [::1]:80");
    if (!path || admin_target_find(&options->where, &target, error) ||
        admin_get(&target, path, TIMEOUT_MS, &answer, error))
        return complain(error);
    status = print(options, answer, is_address);
    json_decref(answer);
    return status;
}

static int run(int argc, char **argv)
{
    struct explain_options options = {0};
    char error[512];

    if (flags_parse(&flags, argc, argv, &options, error, sizeof(error)))
        return complain(error);
    if (options.help) {
        flags_print(&flags, stdout);
        return 0;
    }
    return options.subject ? explain(&options)
                           : complain("whom: a cluster's name, or an address with its port");
}

const struct command explain_command = {
    .name = "explain",
    .summary = "why an address counts for a cluster, and what its next report says",
    .run = run,
};
