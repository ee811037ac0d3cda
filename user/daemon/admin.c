#include "daemon/admin.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "daemon/cost.h"
#include "http/server.h"

struct admin {
    struct admin_options options;
    struct http_server *server;
    struct admin_cost cost;
    uint64_t reports; /* so many of the reporter's are in `cost` */
};

/* --- what is shown ----------------------------------------------------------------------------- */

static void read_row(void *arg, uint32_t slot, struct counters *out)
{
    const struct admin *admin = arg;

    tap_read(admin->options.tap, slot, out);
}

static const char *name_at(void *arg, const struct host *host, size_t i)
{
    const struct admin *admin = arg;
    const struct endpoint *endpoint = upstreams_name(admin->options.upstreams, host, i);

    return endpoint ? endpoint->host : NULL;
}

static struct admin_view view(struct admin *admin)
{
    const struct bootstrap *bootstrap = admin->options.bootstrap;

    return (struct admin_view){
        .clusters = &bootstrap->clusters,
        .hosts = admin->options.hosts,
        .reporter = admin->options.reporter,
        .lrs_target = bootstrap->lrs_host ? bootstrap->lrs_host
                                          : bootstrap->clusters.items[bootstrap->lrs_cluster].name,
        .now_us = admin->options.now_us(),
        .label_sets = bootstrap->metrics_label_sets,
        .read = read_row,
        .name = name_at,
        .arg = admin,
    };
}

static void on_request(void *arg, const struct http_request *request, struct http_answer *out)
{
    struct admin *admin = arg;
    const struct http_numbers http = http_server_numbers(admin->server);
    const struct admin_pages pages = {
        .view = view(admin),
        .cost = &admin->cost,
        .http = &http,
        .actions = admin->options.actions,
        .ready = true, /* the loop runs, so all of the start went well */
        .open_to_all = admin->options.bootstrap->admin_open_to_network,
    };

    cost_read(admin->options.tap, admin->options.hosts, &admin->cost);
    admin_answer(&pages, request, out);
}

void admin_ran(struct admin *admin, uint64_t took_us)
{
    struct reporter_status status;

    reporter_status(admin->options.reporter, &status);
    if (status.counts.reports == admin->reports)
        return;
    admin->reports = status.counts.reports;
    admin->cost.report_us += took_us;
    admin->cost.report_last_us = took_us;
}

/* --- the sockets ------------------------------------------------------------------------------- */

static void listen_at_address(struct admin *admin)
{
    const struct bootstrap *bootstrap = admin->options.bootstrap;
    char error[256], text[ADDRESS_TEXT_MAX];
    struct address where;

    if (!bootstrap->admin_host ||
        address_parse(bootstrap->admin_host, bootstrap->admin_port, &where))
        return;
    if (http_server_listen(admin->server, &where, error, sizeof(error))) {
        log_error("admin: %s; counting goes on without it", error);
        return;
    }
    http_server_address(admin->server, &where);
    log_info("admin: http://%s", address_text(&where, text));
}

static void listen_at_path(struct admin *admin)
{
    const char *path = admin->options.bootstrap->admin_socket;
    char error[256];

    if (!path)
        return;
    if (http_server_listen_unix(admin->server, path, error, sizeof(error)))
        log_error("admin: %s; counting goes on without it (admin_socket names another one)", error);
    else
        log_info("admin: unix:%s", path);
}

struct admin *admin_new(const struct admin_options *options)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    const struct http_handler handler = {.answer = on_request, .arg = admin};
    struct timespec now;

    if (!admin)
        return NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    admin->options = *options;
    admin->cost.started_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
    admin->server = http_server_new(options->base, &handler);
    if (!admin->server) {
        free(admin);
        return NULL;
    }
    listen_at_address(admin);
    listen_at_path(admin);
    return admin;
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    http_server_free(admin->server);
    free(admin);
}
