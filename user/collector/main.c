/* loadtap-collector: a management server for load reports.
 *
 *   socket ─► connection ─► http2 ─► load_stream ─► service ─► output (lines)
 *                                                      └─────► sums (lines at the end) */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "base/address.h"
#include "base/log.h"
#include "base/version.h"
#include "collector/options.h"
#include "collector/server.h"
#include "collector/service.h"

static void on_signal(evutil_socket_t signal_number, short what, void *arg)
{
    (void)what;
    log_info("%s: ending", signal_number == SIGINT ? "SIGINT" : "SIGTERM");
    server_end(arg);
}

/* The event loop, until SIGINT or SIGTERM. */
static int run(struct event_base *base, struct server *server)
{
    struct event *interrupt = evsignal_new(base, SIGINT, on_signal, server);
    struct event *terminate = evsignal_new(base, SIGTERM, on_signal, server);
    int err = -ENOMEM;

    if (interrupt && terminate && !event_add(interrupt, NULL) && !event_add(terminate, NULL))
        err = event_base_dispatch(base) < 0 ? -EIO : 0;
    if (interrupt)
        event_free(interrupt);
    if (terminate)
        event_free(terminate);
    return err;
}

static int serve(struct event_base *base, const struct options *options, struct service *service)
{
    char error[256], text[ADDRESS_TEXT_MAX];
    struct server *server = server_new(base, &options->listen, service, error, sizeof(error));
    struct address where = options->listen;
    int err;

    if (!server) {
        log_error("%s", error);
        return -EIO;
    }
    server_address(server, &where);
    log_info("listening on %s", address_text(&where, text));
    err = run(base, server);
    server_free(server);
    return err;
}

static int collect(const struct options *options, FILE *output)
{
    const struct service_settings settings = {
        .interval_us = options->interval_us,
        .clusters = options->clusters,
        .cluster_count = options->cluster_count,
        .endpoints = options->endpoints,
    };
    struct event_base *base = event_base_new();
    struct service service;
    int err = base ? service_init(&service, output, &settings) : -ENOMEM;

    if (!err) {
        err = serve(base, options, &service);
        if (!err)
            err = service_finish(&service);
        service_clear(&service);
    }
    if (base)
        event_base_free(base);
    if (err)
        log_error("ended: %s", strerror(-err));
    return err;
}

static int collect_to(const struct options *options)
{
    FILE *output = options->output ? fopen(options->output, "ae") : stdout;
    int err;

    if (!output) {
        err = -errno;
        log_error("%s: %s", options->output, strerror(-err));
        return err;
    }
    err = collect(options, output);
    if (output != stdout)
        fclose(output);
    return err;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[256] = "out of memory";
    int err = options_parse(argc, argv, &options, error, sizeof(error));

    if (err) {
        fprintf(stderr, "loadtap-collector: %s\n(--help lists the flags)\n", error);
        return EXIT_FAILURE;
    }
    if (options.action == OPTIONS_HELP) {
        fputs(options_help, stdout);
    } else if (options.action == OPTIONS_VERSION) {
        puts("loadtap-collector " VERSION);
    } else {
        log_set_level(options.level);
        signal(SIGPIPE, SIG_IGN);
        err = collect_to(&options);
    }
    options_clear(&options);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
