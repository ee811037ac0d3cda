/* /metrics over HTTP/1, one request a connection. libevent's own server has neither a bound on
 * connections nor a deadline for a request as a whole; here both are needed, as streams are served
 * from the same loop. [libevent] */
#pragma once

#include <stddef.h>

#include "base/address.h"
#include "collector/server.h"
#include "collector/service.h"

struct event_base;
struct metrics_server;

#define METRICS_CLIENTS 16    /* at once; one more takes the place of the oldest */
#define METRICS_DEADLINE_S 10 /* for a request and its answer */
#define METRICS_PAGE_MS 1000  /* for so long a page is shown to all who ask */

/* NULL with one line in `error`. `service`, which has totals, and `server` must outlive it. */
struct metrics_server *metrics_server_new(struct event_base *base, const struct address *listen,
                                          const struct service *service,
                                          const struct server *server, char *error,
                                          size_t error_size);
int metrics_server_address(const struct metrics_server *metrics, struct address *out);
void metrics_server_free(struct metrics_server *metrics); /* NULL is fine */
