#include "admin/pages.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/clusters_page.h"
#include "admin/explain_page.h"
#include "admin/lrs_page.h"
#include "admin/metrics_page.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/metric.h"

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

static bool wants_json(const struct http_request *request)
{
    char format[8];

    return http_query(request, "format", format, sizeof(format)) && !strcmp(format, "json");
}

/* --- pages ------------------------------------------------------------------------------------- */

static void ready_page(const struct admin_pages *pages, const struct http_request *request,
                       struct http_answer *out)
{
    (void)request;
    if (pages->ready)
        say(out, 200, "LIVE\n");
    else
        say(out, 503, "INITIALIZING\n");
}

static void live_page(const struct admin_pages *pages, const struct http_request *request,
                      struct http_answer *out)
{
    (void)pages, (void)request;
    say(out, 200, "OK\n");
}

static void clusters_page(const struct admin_pages *pages, const struct http_request *request,
                          struct http_answer *out)
{
    size_t length = 0;

    if (wants_json(request)) {
        give_json(out, clusters_json(&pages->view));
        return;
    }
    char *text = clusters_text(&pages->view, &length);

    give(out, TEXT, text, length);
}

static void lrs_page(const struct admin_pages *pages, const struct http_request *request,
                     struct http_answer *out)
{
    size_t length = 0;
    char next[2];

    if (http_query(request, "next", next, sizeof(next))) {
        give_json(out, lrs_next_json(&pages->view, NULL));
    } else if (wants_json(request)) {
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

static const struct page {
    const char *path;
    enum http_method method;
    bool
        is_guarded; /* from the network only where that is allowed, and not from foreign web pages */
    page_fn *answer;
    const char *help;
} pages_table[] = {
    {"/ready", HTTP_METHOD_GET, false, ready_page, "200 when the programs are attached"},
    {"/livez", HTTP_METHOD_GET, false, live_page, "200 while the daemon works"},
    {"/clusters", HTTP_METHOD_GET, false, clusters_page,
     "every cluster, locality and endpoint with its numbers; ?format=json"},
    {"/lrs", HTTP_METHOD_GET, false, lrs_page,
     "the stream to the management server; ?format=json; ?next, the next report"},
    {"/explain", HTTP_METHOD_GET, false, explain_page,
     "?cluster=NAME or ?address=IP:PORT: where it belongs and why, and its next report"},
    {"/metrics", HTTP_METHOD_GET, false, metrics_answer, "for Prometheus"},
    {"/stats/prometheus", HTTP_METHOD_GET, false, metrics_answer, "the same"},
};

static const struct page *find_page(const char *path)
{
    for (size_t i = 0; i < ARRAY_SIZE(pages_table); i++)
        if (!strcmp(pages_table[i].path, path))
            return &pages_table[i];
    return NULL;
}

void admin_answer(const struct admin_pages *pages, const struct http_request *request,
                  struct http_answer *out)
{
    const struct page *page = find_page(request->path);

    if (!page) {
        say(out, 404, "No such page; / lists them.\n");
        return;
    }
    if (page->method != request->method) {
        out->allow = page->method == HTTP_METHOD_POST ? "POST" : "GET, HEAD";
        say(out, 405, "%s takes %s.\n", page->path, out->allow);
        return;
    }
    page->answer(pages, request, out);
}
