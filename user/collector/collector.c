#include "collector/collector.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/log.h"
#include "base/mem.h"
#include "collector/server.h"
#include "collector/service.h"
#include "collector/settings.h"
#include "collector/tls.h"
#include "collector/web.h"

#define TOTALS_TEXT_MAX ((size_t)4 << 20) /* bytes of the label sets' names */
#define TOTALS_GAUGES_MAX 1000000         /* 24 MB of them */
#define TOTALS_AGAIN_MAX 1000000          /* 80 MB of them */

struct collector {
    const struct options *options;
    struct event_base *base;
    struct settings *settings;
    struct tls *tls;       /* NULL: plain TCP */
    struct totals *totals; /* NULL: no metrics */
    struct service service;
    struct server *server;
    struct web *web; /* NULL: no metrics */
    int end;         /* readable once SIGINT or SIGTERM came; -1: not yet */
    struct event *on_end, *on_hangup;
};

/* --- reading again ---------------------------------------------------------------------- */

static void reload_settings(struct collector *collector)
{
    struct settings *before = collector->settings;
    struct config_error error;

    if (settings_new(collector->options->settings, &collector->options->ask, &collector->settings,
                     &error)) {
        log_error("%s; the settings stay as they were", error.text);
        return;
    }
    collector->service.settings = collector->settings;
    server_ask_again(collector->server);
    settings_free(before);
    log_info("%s: read again", collector->options->settings);
}

static void reload_tls(struct collector *collector)
{
    char error[TLS_ERROR_MAX] = "out of memory";

    if (tls_reload(collector->tls, error))
        log_error("%s; what was read before stays in use", error);
    else
        log_info("TLS: files were read again");
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
    struct collector *collector = arg;

    (void)number, (void)what;
    if (collector->options->settings)
        reload_settings(collector);
    if (collector->tls)
        reload_tls(collector);
    if (!collector->options->settings && !collector->tls)
        log_info("SIGHUP: there is no file to read again");
}

/* --- the start ---------------------------------------------------------------------------- */

static int read_files(struct collector *collector)
{
    const struct options *options = collector->options;
    char tls_error[TLS_ERROR_MAX] = "out of memory";
    struct config_error error;
    int err = settings_new(options->settings, &options->ask, &collector->settings, &error);

    if (err) {
        log_error("%s", error.text);
        return err;
    }
    if (!options->tls.certificate)
        return 0;
    err = tls_new(&options->tls, &collector->tls, tls_error);
    if (err)
        log_error("%s", tls_error);
    return err;
}

static int open_service(struct collector *collector, FILE *output)
{
    const struct totals_limits limits = {
        .rows = collector->options->label_sets,
        .text = TOTALS_TEXT_MAX,
        .gauges = TOTALS_GAUGES_MAX,
        .again = TOTALS_AGAIN_MAX,
    };
    int err = service_init(&collector->service, output, collector->settings);

    if (!err && collector->options->has_metrics) {
        collector->totals = totals_new(&limits);
        err = collector->totals ? 0 : -ENOMEM;
    }
    collector->service.totals = collector->totals;
    return err;
}

/* A socket for each client, and some for files. */
static void allow_sockets(void)
{
    const rlim_t wanted = SERVER_CONNECTIONS + HTTP_CLIENTS + 64;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < wanted)
        log_warning("only %llu files may be open at once: clients beyond have to wait",
                    (unsigned long long)limit.rlim_cur);
}

static int open_sockets(struct collector *collector)
{
    const struct options *options = collector->options;
    struct address where = options->listen;
    char error[256], text[ADDRESS_TEXT_MAX];

    allow_sockets();
    collector->server = server_new(collector->base, &options->listen, &collector->service,
                                   collector->tls, error, sizeof(error));
    if (collector->server && options->has_metrics)
        collector->web = web_new(collector->base, &options->metrics, &collector->service,
                                 collector->server, options->ask.interval_us, error, sizeof(error));
    if (!collector->server || (options->has_metrics && !collector->web)) {
        log_error("%s", error);
        return -EIO;
    }
    server_address(collector->server, &where);
    log_info("listening on %s%s", address_text(&where, text), collector->tls ? ", TLS" : "");
    if (!collector->web)
        return 0;
    web_address(collector->web, &where);
    log_info("metrics on http://%s/metrics", address_text(&where, text));
    return 0;
}

/* --- the end -------------------------------------------------------------------------------- */

static void on_end(evutil_socket_t fd, short what, void *arg)
{
    const struct collector *collector = arg;
    sigset_t pending;

    (void)fd, (void)what;
    sigpending(&pending);
    log_info("%s: ending", sigismember(&pending, SIGTERM) ? "SIGTERM" : "SIGINT");
    server_end(collector->server);
}

/* By a descriptor that nothing is read from, so that the output, where it waits for a reader, sees the signal
 * too, and goes on to see it. */
static int await_end(struct collector *collector)
{
    sigset_t ending;

    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &ending, NULL))
        return -errno;
    collector->end = signalfd(-1, &ending, SFD_NONBLOCK | SFD_CLOEXEC);
    if (collector->end < 0)
        return -errno;
    output_ends_with(&collector->service.output, collector->end);
    collector->on_end = event_new(collector->base, collector->end, EV_READ, on_end, collector);
    return collector->on_end && !event_add(collector->on_end, NULL) ? 0 : -ENOMEM;
}

/* The event loop, until SIGINT or SIGTERM. */
static int loop(struct collector *collector)
{
    int err = await_end(collector);

    if (err)
        return err;
    collector->on_hangup = evsignal_new(collector->base, SIGHUP, on_hangup, collector);
    if (!collector->on_hangup || event_add(collector->on_hangup, NULL))
        return -ENOMEM;
    return event_base_dispatch(collector->base) < 0 ? -EIO : 0;
}

static int run(struct collector *collector, FILE *output)
{
    int err = read_files(collector);

    if (err)
        return err;
    collector->base = event_base_new();
    err = collector->base ? open_service(collector, output) : -ENOMEM;
    if (!err)
        err = open_sockets(collector);
    return err ? err : loop(collector);
}

static void clear(struct collector *collector)
{
    if (collector->on_end)
        event_free(collector->on_end);
    if (collector->on_hangup)
        event_free(collector->on_hangup);
    if (collector->end >= 0)
        close(collector->end);
    web_free(collector->web);
    server_free(collector->server);
    service_clear(&collector->service);
    totals_free(collector->totals);
    if (collector->base)
        event_base_free(collector->base);
    tls_free(collector->tls);
    settings_free(collector->settings);
}

int collector_run(const struct options *options, FILE *output)
{
    struct collector collector = {.options = options, .end = -1};
    int err = run(&collector, output);

    if (err)
        log_error("ended: %s", strerror(-err));
    else
        err = service_finish(&collector.service); /* which says what it could not write */
    clear(&collector);
    return err;
}
