/* What the collector shows over HTTP: /metrics, and /live with all nodes. [libevent] */
#pragma once

#include <stddef.h>

#include "base/address.h"
#include "collector/server.h"
#include "collector/service.h"
#include "http/server.h"

struct event_base;
struct web;

#define WEB_PAGE_MS 1000 /* for so long a page is shown to all who ask */

/* NULL with one line in `error`. `service`, which has totals, and `server` must outlive it.
 * `interval_us`: how often most nodes report. */
struct web *web_new(struct event_base *base, const struct address *listen,
                    const struct service *service, const struct server *server,
                    uint64_t interval_us, char *error, size_t error_size);
int web_address(const struct web *web, struct address *out); /* 0 or -errno */
void web_free(struct web *web);                              /* NULL is fine */
