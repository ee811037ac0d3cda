#include "collector/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "collector/metrics_page.h"
#include "http/metric.h"

struct web {
    struct http_server *server;
    const struct service *service;
    const struct server *streams;
    struct http_body *metrics; /* NULL: none yet */
    int64_t metrics_ms;        /* when it was made */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* NULL: no memory. */
static struct http_body *current_metrics(struct web *web)
{
    const struct server_numbers numbers = server_numbers(web->streams);
    int64_t now = now_ms();
    struct http_body *made;
    size_t length = 0;

    if (web->metrics && now - web->metrics_ms < WEB_PAGE_MS)
        return web->metrics;
    char *text = metrics_page(web->service, &numbers, &length);

    made = http_body_new(text, length);
    if (!made)
        return NULL;
    http_body_drop(web->metrics);
    web->metrics = made;
    web->metrics_ms = now;
    return made;
}

static void on_request(void *arg, const struct http_request *request, struct http_answer *out)
{
    struct web *web = arg;
    struct http_body *page;

    if (strcmp(request->path, "/metrics"))
        return;
    if (request->method != HTTP_METHOD_GET) {
        out->status = 405;
        out->allow = "GET, HEAD";
        return;
    }
    page = current_metrics(web);
    out->status = page ? 200 : 503;
    out->type = METRIC_TYPE;
    out->body = page ? http_body_hold(page) : NULL;
}

struct web *web_new(struct event_base *base, const struct address *listen,
                    const struct service *service, const struct server *server, char *error,
                    size_t error_size)
{
    struct web *web = calloc(1, sizeof(*web));
    const struct http_handler handler = {.answer = on_request, .arg = web};

    if (web)
        web->server = http_server_new(base, &handler);
    if (!web || !web->server) {
        snprintf(error, error_size, "out of memory");
        free(web);
        return NULL;
    }
    web->service = service;
    web->streams = server;
    if (http_server_listen(web->server, listen, error, error_size)) {
        web_free(web);
        return NULL;
    }
    return web;
}

int web_address(const struct web *web, struct address *out)
{
    return http_server_address(web->server, out);
}

void web_free(struct web *web)
{
    if (!web)
        return;
    http_server_free(web->server);
    http_body_drop(web->metrics);
    free(web);
}
