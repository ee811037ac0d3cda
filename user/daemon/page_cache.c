#include "daemon/page_cache.h"

#include <event2/event.h>
#include <stdlib.h>

#include "admin/page_kind.h"
#include "base/mem.h"

static const bool is_dear[PAGE_KINDS] = {
    [PAGE_METRICS] = true,       [PAGE_STATS] = true,    [PAGE_CLUSTERS] = true,
    [PAGE_CLUSTERS_JSON] = true, [PAGE_LRS_NEXT] = true,
};

struct page_cache {
    struct http_answer pages[PAGE_KINDS]; /* body NULL: there is none */
    struct event *over;
};

/* PAGE_OTHER: it is none that is kept. */
static enum page_kind kept_kind(const struct http_request *request)
{
    enum page_kind kind = page_kind(request);

    /* Who may open the socket is one of us, and looks as often as there is something to see. */
    return request->method == HTTP_METHOD_GET && request->way != HTTP_WAY_UNIX && is_dear[kind]
               ? kind
               : PAGE_OTHER;
}

static void forget(struct page_cache *cache)
{
    for (size_t i = 0; i < PAGE_KINDS; i++)
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
    enum page_kind kind = kept_kind(request);

    if (kind == PAGE_OTHER || !cache->pages[kind].body)
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
    enum page_kind kind = kept_kind(request);

    if (kind == PAGE_OTHER || answer->status != 200 || cache->pages[kind].body)
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
