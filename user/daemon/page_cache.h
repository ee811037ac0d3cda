/* Pages that are dear to make, for all who ask within a second: their number must not hold up the loop. */
#pragma once

#include <stdbool.h>

#include "http/server.h"

struct event_base;
struct page_cache;

struct page_cache *page_cache_new(struct event_base *base); /* NULL: no memory */
void page_cache_free(struct page_cache *cache);             /* NULL is fine */

/* Gives the page that was made for a request like this one, if there is one. */
bool page_cache_find(const struct page_cache *cache, const struct http_request *request,
                     struct http_answer *out);
/* Keeps an answer for a second, if it is one of the dear pages. */
void page_cache_keep(struct page_cache *cache, const struct http_request *request,
                     const struct http_answer *answer);
