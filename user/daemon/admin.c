#include "daemon/admin.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "admin/live_event.h"
#include "admin/page_kind.h"
#include "base/log.h"
#include "daemon/cost.h"
#include "daemon/page_budget.h"
#include "daemon/page_cache.h"
#include "http/live.h"
#include "http/server.h"

struct admin {
    struct admin_options options;
    struct http_server *server;
    char *socket; /* its path, while the server listens there; NULL: it does not */
    struct page_cache *cache;
    struct page_budget budget;
    struct event *quit;   /* when who asked for it has the answer */
    struct event *second; /* while the live page is shown somewhere */
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
    const struct endpoint *endpoint = upstreams_name(*admin->options.upstreams, host, i);

    return endpoint ? endpoint->host : NULL;
}

static bool is_undialled(void *arg, const struct host *host)
{
    const struct admin *admin = arg;

    return lookout_is_undialled(admin->options.lookout, host);
}

static int tell_certificates(void *arg, tls_certificate_fn *each, void *each_arg)
{
    const struct admin *admin = arg;
    const struct tls_settings *settings = admin->options.bootstrap->lrs_tls;

    return settings ? tls_certificates(settings, each, each_arg) : 0;
}

static struct admin_view view(struct admin *admin)
{
    const struct bootstrap *bootstrap = admin->options.bootstrap;

    return (struct admin_view){
        .bootstrap = bootstrap,
        .clusters = &bootstrap->clusters,
        .hosts = admin->options.hosts,
        .reporter = admin->options.reporter,
        .lrs_target = bootstrap->lrs_host ? bootstrap->lrs_host
                                          : bootstrap->clusters.items[bootstrap->lrs_cluster].name,
        .now_us = admin->options.now_us(),
        .wall_us = admin->options.wall_us(),
        .read = read_row,
        .name = name_at,
        .undialled = is_undialled,
        .certificates = tell_certificates,
        .arg = admin,
    };
}

static void on_quit_timer(evutil_socket_t fd, short what, void *arg)
{
    const struct admin *admin = arg;

    (void)fd, (void)what;
    admin->options.actions.quit(admin->options.actions.arg);
}

static void quit_soon(void *arg)
{
    static const struct timeval soon = {.tv_usec = 100000};
    const struct admin *admin = arg;

    event_add(admin->quit, &soon);
}

static int on_reload(void *arg, char *text, size_t size)
{
    const struct admin *admin = arg;
    const struct admin_actions *actions = &admin->options.actions;

    return actions->reload(actions->arg, text, size);
}

/* Pages that encode a whole report each, for whom we need not trust. */
static bool is_budgeted(const struct http_request *request)
{
    enum page_kind kind = page_kind(request);

    return request->way != HTTP_WAY_UNIX && (kind == PAGE_EXPLAIN || kind == PAGE_LRS_NEXT);
}

static void make_page(struct admin *admin, const struct http_request *request,
                      struct http_answer *out)
{
    const struct http_numbers http = http_server_numbers(admin->server);
    const struct admin_pages pages = {
        .view = view(admin),
        .cost = &admin->cost,
        .http = &http,
        .actions = {quit_soon, on_reload, admin},
    };

    cost_read(admin->options.tap, admin->options.hosts, &admin->cost);
    admin->cost.loaded_us = reload_loaded_us(*admin->options.reload);
    admin_answer(&pages, request, out);
    page_cache_keep(admin->cache, request, out);
}

static void on_request(void *arg, const struct http_request *request, struct http_answer *out)
{
    struct admin *admin = arg;
    uint64_t begin = admin->options.now_us();

    if (!admin_accepts(request, admin->options.bootstrap->admin_open_to_network, out) ||
        page_cache_find(admin->cache, request, out))
        return;
    if (!is_budgeted(request)) {
        make_page(admin, request, out);
    } else if (page_budget_allows(&admin->budget, begin)) {
        make_page(admin, request, out);
        page_budget_spend(&admin->budget, admin->options.now_us() - begin);
    } else {
        admin_postpone(request, out);
    }
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
    struct admin *admin = arg;
    const struct admin_view shown = view(admin);
    struct http_body *event = live_event(live_event_json(&shown));

    (void)fd, (void)what;
    if (event)
        http_server_push(admin->server, event);
    http_body_drop(event);
}

static void on_streams(void *arg, size_t count)
{
    static const struct timeval second = {.tv_sec = 1};
    struct admin *admin = arg;

    if (!count)
        event_del(admin->second);
    else if (!event_pending(admin->second, EV_TIMEOUT, NULL))
        event_add(admin->second, &second);
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

/* A warning, as most did not ask for it: a container with a root that is only read has no place for it. */
static void listen_at_path(struct admin *admin)
{
    const char *path = admin->options.bootstrap->admin_socket; /* until another is loaded */
    char error[256] = "out of memory";

    if (!path)
        return;
    admin->socket = strdup(path);
    if (!admin->socket ||
        http_server_listen_unix(admin->server, admin->socket, error, sizeof(error)))
        log_warning(
            "admin: %s; counting goes on without it (admin_socket names another one, or none)",
            error);
    else
        log_info("admin: unix:%s", path);
}

struct admin *admin_new(const struct admin_options *options)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    const struct http_handler handler = {.answer = on_request, .streams = on_streams, .arg = admin};

    if (!admin)
        return NULL;
    admin->options = *options;
    admin->cost.started_us = options->wall_us();
    admin->server = http_server_new(options->base, &handler);
    admin->second = event_new(options->base, -1, EV_PERSIST, on_second, admin);
    admin->quit = evtimer_new(options->base, on_quit_timer, admin);
    admin->cache = page_cache_new(options->base);
    if (!admin->server || !admin->second || !admin->quit || !admin->cache) {
        admin_free(admin);
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
    free(admin->socket);
    page_cache_free(admin->cache);
    if (admin->second)
        event_free(admin->second);
    if (admin->quit)
        event_free(admin->quit);
    free(admin);
}
