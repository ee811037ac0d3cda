#include "command/init.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/flags.h"
#include "base/host_port.h"
#include "base/mem.h"
#include "command/bootstrap_text.h"
#include "command/peer_groups.h"
#include "command/whole_file.h"
#include "config/bootstrap.h"
#include "kernel/peers.h"

#define SECONDS 10
#define SECONDS_MAX 86400

struct management {
    char host[HOST_MAX];
    uint16_t port;
    bool given;
};

struct init_options {
    const char *cgroup, *output; /* NULL: the root; standard output */
    struct management management;
    unsigned seconds;
    bool force, help;
};

static int read_management(void *member, const char *value)
{
    struct management *management = member;

    management->given = true;
    return host_port_split(value, management->host, &management->port) || !management->port
               ? -EINVAL
               : 0;
}

static int read_seconds(void *member, const char *value)
{
    unsigned long number = strtoul(value, NULL, 10);

    if (!*value || value[strspn(value, "0123456789")] || strlen(value) > 5 || !number ||
        number > SECONDS_MAX)
        return -EINVAL;
    *(unsigned *)member = (unsigned)number;
    return 0;
}

#define MEMBER(name) offsetof(struct init_options, name)

static const struct flag table[] = {
    {"--cgroup", NULL, "PATH", "whose processes; default: all of the machine", flag_text,
     MEMBER(cgroup), "the path of a cgroup v2 directory", false},
    {"--seconds", "-s", "N", "how long to watch; default: 10. Ctrl-C ends it earlier", read_seconds,
     MEMBER(seconds), "1 to 86400", false},
    {"--management", "-m", "HOST:PORT", "the management server; default: 127.0.0.1:18000",
     read_management, MEMBER(management), "HOST:PORT, with an address or a name", false},
    {"--output", "-o", "FILE", "where to write it; default: standard output", flag_text,
     MEMBER(output), "the name of a file", false},
    {"--force", NULL, NULL, "replace FILE if it exists", flag_presence, MEMBER(force), NULL, false},
    {"--help", "-h", NULL, "this", flag_presence, MEMBER(help), NULL, true},
};

static const struct flags flags = {
    .usage = "loadtap init [flags]",
    .about =
        "Watches for some seconds which peers the processes of a cgroup dial, lists them, and\n"
        "writes a bootstrap for loadtap that has them as endpoints.",
    .table = table,
    .count = ARRAY_SIZE(table),
};

static int complain(const char *what, const char *subject, int code)
{
    fprintf(stderr, "loadtap init: %s %s: %s\n", what, subject, strerror(-code));
    return 1;
}

/* Lets the time pass, or the user's SIGINT come, which is blocked. Who stops it for a moment, which ends the
 * wait with EINTR, does not begin it anew. */
static void wait_for(unsigned seconds, const sigset_t *interrupt)
{
    uint64_t end = clock_us() + seconds * 1000000ULL;

    for (uint64_t now; (now = clock_us()) < end;) {
        const struct timeval left = clock_interval(end - now);
        const struct timespec time = {.tv_sec = left.tv_sec, .tv_nsec = left.tv_usec * 1000};

        if (sigtimedwait(interrupt, NULL, &time) >= 0 || errno != EINTR)
            return;
    }
}

/* The whole text, to be freed; NULL: out of memory. */
static char *make_text(const struct bootstrap_facts *facts, const struct peer_groups *groups)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    bootstrap_text(facts, groups, out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* The daemon's own look at it: what a user named may be no host, and no file is better than a bad one. */
static int check_text(const char *text)
{
    const struct bootstrap_source source = {.yaml = text};
    struct bootstrap *bootstrap;
    struct config_error error;

    if (bootstrap_load(&source, &bootstrap, &error)) {
        fprintf(stderr, "loadtap init: %s\n", error.text);
        return 1;
    }
    bootstrap_free(bootstrap);
    return 0;
}

/* Of `--output`, before the watch or after it. The exit status. */
static int refuse_output(const char *path, int code)
{
    if (code == -EEXIST)
        fprintf(stderr, "loadtap init: %s exists: --force replaces it\n", path);
    else if (code == -EINVAL)
        fprintf(stderr, "loadtap init: cannot write %s: it is no regular file\n", path);
    else
        return complain("cannot write", path, code);
    return 1;
}

/* 0 or the exit status. */
static int write_text(const char *text, const struct init_options *options)
{
    int failed = 0;

    if (options->output) {
        failed = whole_file_write(options->output, text, strlen(text), 0644, options->force);
        return failed ? refuse_output(options->output, failed) : 0;
    }
    failed = fputs(text, stdout) < 0;
    failed |= fflush(stdout) != 0;
    return failed ? complain("cannot write", "it", -errno) : 0;
}

static int write_bootstrap(const struct init_options *options, const struct peers *peers,
                           const struct peer_groups *groups)
{
    char host[HOST_NAME_MAX + 1] = "";
    const struct bootstrap_facts facts = {
        .node_id = gethostname(host, sizeof(host) - 1) || !*host ? "localhost" : host,
        .cgroup = options->cgroup,
        .management_host = options->management.host,
        .management_port = options->management.port,
        .management_given = options->management.given,
        .seconds = options->seconds,
        .saw_open = peers_sees_open(peers),
        .missed = peers_missed(peers),
    };
    autofree char *text = make_text(&facts, groups);

    if (!text)
        return complain("cannot write", "it", -ENOMEM);
    peer_table(groups, stderr);
    return check_text(text) || write_text(text, options);
}

/* What was seen up to now becomes a file. */
static int conclude(const struct init_options *options, const struct peers *peers)
{
    struct address address, *management = NULL;
    struct peer_groups groups;
    autofree struct peer *list = NULL;
    size_t count;
    int result = peers_read(peers, &list, &count);

    if (!address_parse(options->management.host, options->management.port, &address))
        management = &address;
    if (!result)
        result = peer_groups_make(list, count, management, &groups);
    if (result)
        return complain("cannot read", "the peers", result);
    if (groups.count) {
        result = write_bootstrap(options, peers, &groups);
    } else {
        fprintf(stderr,
                "loadtap init: no connection was seen: is it the right cgroup (--cgroup), is "
                "there traffic, is it longer to be waited for (--seconds)?\n");
        result = 1;
    }
    peer_groups_clear(&groups);
    return result;
}

static int watch(const struct init_options *options)
{
    char error[PEERS_ERROR_MAX];
    struct peers *peers;
    sigset_t interrupt;
    int status;

    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, NULL);
    if (peers_open(options->cgroup, &peers, error)) {
        fprintf(stderr, "loadtap init: %s\n", error);
        return 1;
    }
    fprintf(stderr, "watching for %u s what %s dials ...\n", options->seconds,
            options->cgroup ? options->cgroup : "this machine");
    wait_for(options->seconds, &interrupt);
    sigprocmask(SIG_UNBLOCK, &interrupt, NULL);
    status = conclude(options, peers);
    peers_close(peers);
    return status;
}

static int run(int argc, char **argv)
{
    struct init_options options = {.seconds = SECONDS,
                                   .management = {.host = "127.0.0.1", .port = 18000}};
    char error[512], path[PATH_MAX];
    int failed = 0;

    if (flags_parse(&flags, argc, argv, &options, error, sizeof(error))) {
        fprintf(stderr, "loadtap init: %s\n", error);
        return 1;
    }
    if (options.help) {
        flags_print(&flags, stdout);
        return 0;
    }
    if (options.output)
        failed = whole_file_check(options.output, options.force);
    if (failed)
        return refuse_output(options.output, failed);
    if (options.cgroup && realpath(options.cgroup, path))
        options.cgroup = path; /* the daemon may be started elsewhere */
    return watch(&options);
}

const struct command init_command = {
    .name = "init",
    .summary = "watches what is dialled here, and writes a bootstrap for it",
    .run = run,
};
