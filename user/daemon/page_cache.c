#include "daemon/page_cache.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* What makes one page another: nothing else of a query does. */
static const struct {
    const char *path, *format; /* format: NULL where it does not matter */
} kinds[] = {
    {"/metrics", NULL}, {"/stats/prometheus", NULL}, {"/stats", "prometheus"},
    {"/stats", ""},     {"/clusters", "json"},       {"/clusters", ""},
};

struct page_cache {
    struct http_answer pages[ARRAY_SIZE(kinds)]; /* body NULL: there is none */
    struct event *over;
};

/* ARRAY_SIZE(kinds): it is none of them. */
static size_t kind_of(const struct http_request *request)
{
    char format[16] = "";
    size_t kind;

    http_query(request, "format", format, sizeof(format));
    for (kind = 0; kind < ARRAY_SIZE(kinds); kind++)
        if (!strcmp(kinds[kind].path, request->path) &&
            (!kinds[kind].format || !strcmp(kinds[kind].format, format)))
            break;
    /* Who may open the socket is one of us, and looks as often as there is something to see. */
    return request->method == HTTP_METHOD_GET && request->way != HTTP_WAY_UNIX ? kind
                                                                               : ARRAY_SIZE(kinds);
}

static void forget(struct page_cache *cache)
{
    for (size_t i = 0; i < ARRAY_SIZE(cache->pages); i++)
        http_body_drop(TAKE(cache->pages[i].body));
}

static void on_over(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    forget(arg);
}

bool page_cache_find(const struct page_cache *cache, const struct http_request *request,
                     struct http_answer *out)
{
    size_t kind = kind_of(request);

    if (kind == ARRAY_SIZE(kinds) || !cache->pages[kind].body)
        return false;
    *out = cache->pages[kind];
    http_body_hold(out->body);
    return true;
}

/* All are forgotten a second after the first of them was made. */
void page_cache_keep(struct page_cache *cache, const struct http_request *request,
                     const struct http_answer *answer)
{
    static const struct timeval second = {.tv_sec = 1};
    size_t kind = kind_of(request);

    if (kind == ARRAY_SIZE(kinds) || answer->status != 200 || cache->pages[kind].body)
        return;
    cache->pages[kind] = *answer;
    http_body_hold(answer->body);
    if (!event_pending(cache->over, EV_TIMEOUT, NULL))
        event_add(cache->over, &second);
}

struct page_cache *page_cache_new(struct event_base *base)
{
    struct page_cache *cache = calloc(1, sizeof(*cache));

    if (!cache)
        return NULL;
    cache->over = evtimer_new(base, on_over, cache);
    if (!cache->over)
        free(TAKE(cache));
    return cache;
}

void page_cache_free(struct page_cache *cache)
{
    if (!cache)
        return;
    forget(cache);
    event_free(cache->over);
    free(cache);
}
