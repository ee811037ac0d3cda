/* The daemon's pages: which path shows what, and who may ask for it. Pure. */
#pragma once

#include "admin/cost.h"
#include "admin/view.h"
#include "http/server.h"

/* What a POST may do. */
struct admin_actions {
    void (*quit)(void *arg);
    /* Reads the configuration again. 0 or -errno; `text` says what has changed, or what is wrong. */
    int (*reload)(void *arg, char *text, size_t size);
    void *arg;
};

struct admin_pages {
    struct admin_view view;
    const struct admin_cost *cost;
    const struct http_numbers *http;
    struct admin_actions actions;
};

/* False: it was answered, for there is no such page, it takes another method, or not who asks. open_to_all:
 * admin_open_to_network. */
bool admin_accepts(const struct http_request *request, bool open_to_all, struct http_answer *out);
/* In the place of a page that there is no time for. */
void admin_postpone(const struct http_request *request, struct http_answer *out);
/* Of a request that was accepted. */
void admin_answer(const struct admin_pages *pages, const struct http_request *request,
                  struct http_answer *out);
