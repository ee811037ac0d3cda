#include "admin/pages.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/clusters_page.h"
#include "admin/config_page.h"
#include "admin/explain_page.h"
#include "admin/live_event.h"
#include "admin/lrs_page.h"
#include "admin/metrics_page.h"
#include "admin/page_audience.h"
#include "admin/page_kind.h"
#include "admin/server_state.h"
#include "admin/stats_page.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/version.h"
#include "http/live.h"
#include "http/metric.h"
#include "message/message_json.h"

#define TEXT "text/plain; charset=utf-8"
#define JSON "application/json"

typedef void page_fn(const struct admin_pages *pages, const struct http_request *request,
                     struct http_answer *out);

/* --- answers ---------------------------------------------------------------------------------- */

/* Takes over `text`; NULL: there was no memory for it. */
static void give(struct http_answer *out, const char *type, char *text, size_t length)
{
    out->body = http_body_new(text, length);
    out->type = type;
    out->status = out->body ? 200 : 503;
}

static void say(struct http_answer *out, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct http_answer *out, int status, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    int length;

    va_start(args, format);
    length = vasprintf(&text, format, args);
    va_end(args);
    give(out, TEXT, length < 0 ? NULL : text, (size_t)length);
    out->status = status;
}

/* Takes over `object`; NULL: there was no memory for it. */
static void give_json(struct http_answer *out, json_t *object)
{
    char *text = object ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    size_t length = text ? strlen(text) : 0;

    json_decref(object);
    if (text)
        text[length++] = '\n'; /* in the place of the NUL */
    give(out, JSON, text, length);
}

/* --- pages ------------------------------------------------------------------------------------- */

static void ready_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out)
{
    enum server_state state = server_state(&pages->view);

    (void)request;
    say(out, state == SERVER_LIVE ? 200 : 503, "%s\n", server_state_text(state));
}

static void livez_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out)
{
    (void)pages, (void)request;
    say(out, 200, "OK\n");
}

static void clusters_page(const struct admin_pages *pages, const struct http_request *request,
                          struct http_answer *out)
{
    size_t length = 0;

    if (page_kind(request) == PAGE_CLUSTERS_JSON) {
        give_json(out, clusters_json(&pages->view));
        return;
    }
    char *text = clusters_text(&pages->view, &length);

    give(out, TEXT, text, length);
}

static void lrs_page(const struct admin_pages *pages, const struct http_request *request,
                     struct http_answer *out)
{
    enum page_kind kind = page_kind(request);
    size_t length = 0;

    if (kind == PAGE_LRS_NEXT) {
        give_json(out, lrs_next_json(&pages->view, NULL));
    } else if (kind == PAGE_LRS_JSON) {
        give_json(out, lrs_json(&pages->view));
    } else {
        char *text = lrs_text(&pages->view, &length);

        give(out, TEXT, text, length);
    }
}

static void metrics_answer(const struct admin_pages *pages, const struct http_request *request,
                           struct http_answer *out)
{
    size_t length = 0;
    char *text = metrics_page(&pages->view, pages->cost, pages->http, &length);

    (void)request;
    give(out, METRIC_TYPE, text, length);
}

static void stats_answer(const struct admin_pages *pages, const struct http_request *request,
                         struct http_answer *out)
{
    size_t length = 0;

    if (page_kind(request) == PAGE_METRICS) {
        metrics_answer(pages, request, out);
        return;
    }
    char *text = stats_page(&pages->view, pages->cost, pages->http, &length);

    give(out, TEXT, text, length);
}

static void server_info_page(const struct admin_pages *pages, const struct http_request *request,
                             struct http_answer *out)
{
    size_t unknown = 0;
    char uptime[32];

    (void)request;
    snprintf(uptime, sizeof(uptime), "%" PRIu64 "s",
             (pages->view.wall_us - pages->cost->started_us) / 1000000);
    give_json(out,
              json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "version", "loadtap/" VERSION, "state",
                        server_state_text(server_state(&pages->view)), "hot_restart_version",
                        "disabled", "uptime_current_epoch", uptime, "uptime_all_epochs", uptime,
                        "node", message_json(&pages->view.bootstrap->node->base, NULL, &unknown)));
}

static void config_page(const struct admin_pages *pages, const struct http_request *request,
                        struct http_answer *out)
{
    (void)request;
    give_json(out, config_dump_json(pages->view.bootstrap, pages->cost->loaded_us));
}

struct certificates {
    json_t *all;
    int64_t now;
};

static void add_certificate(void *arg, const struct tls_certificate *certificate)
{
    const struct certificates *to = arg;

    certificates_add(to->all, certificate, to->now);
}

static void certs_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out)
{
    struct certificates to = {certificates_begin(), (int64_t)(pages->view.wall_us / 1000000)};
    int result = pages->view.certificates(pages->view.arg, add_certificate, &to);

    (void)request;
    if (result)
        json_object_set_new(to.all, "error", json_string(strerror(-result)));
    give_json(out, to.all);
}

/* --- changes ------------------------------------------------------------------------------------ */

static void logging_page(const struct admin_pages *pages, const struct http_request *request,
                         struct http_answer *out)
{
    enum log_level level;
    char name[16];

    (void)pages;
    if (!http_query(request, "level", name, sizeof(name)) || log_level_parse(name, &level)) {
        say(out, 400,
            "Expected ?level= with trace, debug, info, warning, error, critical or off.\n");
        return;
    }
    log_info("/logging: the level is %s from now on", name);
    log_set_level(level);
    say(out, 200, "level: %s\n", name);
}

static void quit_page(const struct admin_pages *pages, const struct http_request *request,
                      struct http_answer *out)
{
    (void)request;
    pages->actions.quit(pages->actions.arg);
    say(out, 200, "OK\n");
}

static void reload_page(const struct admin_pages *pages, const struct http_request *request,
                        struct http_answer *out)
{
    char text[2048] = "";
    int result;

    (void)request;
    result = pages->actions.reload(pages->actions.arg, text, sizeof(text));
    say(out, result ? 400 : 200, "%s\n", text);
}

static void live_answer(const struct admin_pages *pages, const struct http_request *request,
                        struct http_answer *out)
{
    (void)pages, (void)request;
    live_page(out);
}

/* The first event at once, the others by http_server_push(). */
static void events_answer(const struct admin_pages *pages, const struct http_request *request,
                          struct http_answer *out)
{
    (void)request;
    out->body = live_event(live_event_json(&pages->view));
    out->type = LIVE_EVENTS_TYPE;
    out->status = out->body ? 200 : 503;
    out->goes_on = out->body;
}

static void explain_named(const struct admin_pages *pages, const char *name,
                          struct http_answer *out)
{
    const struct cluster *cluster = clusters_find(pages->view.clusters, name);

    if (cluster)
        give_json(out,
                  explain_cluster(&pages->view, (uint32_t)(cluster - pages->view.clusters->items)));
    else
        say(out, 404, "No cluster is called %s; /clusters lists them.\n", name);
}

static void explain_page(const struct admin_pages *pages, const struct http_request *request,
                         struct http_answer *out)
{
    char name[1024], text[ADDRESS_TEXT_MAX];
    struct address address;

    if (http_query(request, "cluster", name, sizeof(name)))
        explain_named(pages, name, out);
    else if (!http_query(request, "address", text, sizeof(text)))
        say(out, 400, "Expected ?cluster=NAME or ?address=IP:PORT.\n");
    else if (address_parse_text(text, &address))
        say(out, 400, "Found address %s, expected IP:PORT, as 127.0.0.1:80 or [::1]:80.\n", text);
    else
        give_json(out, explain_address(&pages->view, &address));
}

/* --- the table --------------------------------------------------------------------------------- */

static void index_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out);

static const struct page {
    const char *path;
    enum http_method method;
    enum page_audience audience;
    page_fn *answer;
    const char *help;
} pages_table[] = {
    {"/", HTTP_METHOD_GET, FOR_OWN, index_page, "this page"},
    {"/live", HTTP_METHOD_GET, FOR_OWN, live_answer, "all of it, live, as charts"},
    {"/ready", HTTP_METHOD_GET, FOR_ALL, ready_page, "200 when all is counted"},
    {"/livez", HTTP_METHOD_GET, FOR_ALL, livez_page, "200 while the daemon works"},
    {"/clusters", HTTP_METHOD_GET, FOR_OWN, clusters_page,
     "every cluster, locality and endpoint with its numbers; ?format=json"},
    {"/lrs", HTTP_METHOD_GET, FOR_OWN, lrs_page,
     "the stream to the management server; ?format=json; ?next, the next report"},
    {"/explain", HTTP_METHOD_GET, FOR_OWN, explain_page,
     "?cluster=NAME or ?address=IP:PORT: where it belongs and why, and its next report"},
    {"/live/events", HTTP_METHOD_GET, FOR_OWN, events_answer,
     "what it shows, for programs: an event a second"},
    {"/metrics", HTTP_METHOD_GET, FOR_SCRAPERS, metrics_answer, "for Prometheus"},
    {"/stats/prometheus", HTTP_METHOD_GET, FOR_SCRAPERS, metrics_answer, "the same"},
    {"/stats", HTTP_METHOD_GET, FOR_OWN, stats_answer,
     "the numbers of each cluster, and loadtap's own"},
    {"/server_info", HTTP_METHOD_GET, FOR_OWN, server_info_page, "version, uptime, node"},
    {"/config_dump", HTTP_METHOD_GET, FOR_LOCAL, config_page,
     "the configuration, without its secrets"},
    {"/certs", HTTP_METHOD_GET, FOR_OWN, certs_page, "the certificates for the management server"},
    {"/logging", HTTP_METHOD_POST, FOR_LOCAL, logging_page, "?level=: how much is logged"},
    {"/reload", HTTP_METHOD_POST, FOR_LOCAL, reload_page, "reads the configuration again"},
    {"/quitquitquit", HTTP_METHOD_POST, FOR_LOCAL, quit_page, "sends the last report, and ends"},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(pages_table); i++)
        if (!strcmp(pages_table[i].path, path))
            return &pages_table[i];
    return NULL;
}

static void refuse(const char *path, enum page_refusal why, struct http_answer *out)
{
    if (why == REFUSED_FOREIGN)
        say(out, 403, "%s: %s", path, HTTP_FOREIGN_TEXT);
    else
        say(out, 403,
            "%s is for clients on this machine: by the Unix socket, or from a loopback address. "
            "admin_open_to_network: true (loadtap.v1.Settings) opens it to all who get here.\n",
            path);
}

bool admin_accepts(const struct http_request *request, bool open_to_all, struct http_answer *out)
{
    const struct page *page = find_page(request->path);
    enum page_refusal why;

    if (!page) {
        say(out, 404, "No such page; / lists them.\n");
        return false;
    }
    if (page->method != request->method) {
        out->allow = page->method == HTTP_METHOD_POST ? "POST" : "GET, HEAD";
        say(out, 405, "%s takes %s.\n", page->path, out->allow);
        return false;
    }
    why = page_audience_refuses(page->audience, request, open_to_all);
    if (why)
        refuse(page->path, why, out);
    return !why;
}

void admin_postpone(const struct http_request *request, struct http_answer *out)
{
    say(out, 503,
        "%s takes long to make, and was asked for too often: ask again in some seconds, or by the "
        "Unix socket.\n",
        request->path);
}

void admin_answer(const struct admin_pages *pages, const struct http_request *request,
                  struct http_answer *out)
{
    find_page(request->path)->answer(pages, request, out);
}

/* --- the page of links --------------------------------------------------------------------------- */

#define INDEX_STYLE                                                                                \
    "<!doctype html><html lang=en><meta charset=utf-8><title>loadtap</title>"                      \
    "<meta name=viewport content='width=device-width'>"                                            \
    "<style>:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}"                     \
    "body{max-width:46rem;margin:2rem auto;padding:0 1rem}"                                        \
    "td{padding:.2rem 1rem .2rem 0;vertical-align:top}code{font-size:.95em}</style>"               \
    "<h1>loadtap</h1>"
#define INDEX_POLICY "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

/* POST pages are named only: a link would make a GET. */
static void write_index(FILE *out)
{
    fputs(INDEX_STYLE "<table>", out);
    for (size_t i = 1; i < ARRAY_SIZE(pages_table); i++) {
        const struct page *page = &pages_table[i];
        const char *path = page->path;

        if (page->method == HTTP_METHOD_POST)
            fprintf(out, "<tr><td><code>POST %s</code><td>%s", path, page->help);
        else
            fprintf(out, "<tr><td><a href='%s'>%s</a><td>%s", path, path, page->help);
    }
    fputs("</table>\n", out);
}

static void index_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out)
{
    char *text = NULL;
    size_t length = 0;
    FILE *page = open_memstream(&text, &length);

    (void)pages, (void)request;
    if (page) {
        write_index(page);
        fclose(page);
    }
    give(out, "text/html; charset=utf-8", text, length);
    out->policy = INDEX_POLICY;
}
