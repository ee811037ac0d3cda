/* The live page, one file in the binary, and the events that it shows: one JSON a second, by server-sent
 * events (HTML standard, 9.2). [jansson]
 *
 * An event: what counts is as large as it is, a rate is the page's to make.
 *
 *   {"title": "loadtap", "subtitle": "…", "links": ["/clusters", …], "time": 1.5,    // seconds
 *    "spread": 0,                              // seconds that numbers come late, and all at once
 *    "status": {"text": "connected", "good": true, "detail": "…",
 *               "next": 0.7, "next_label": "next report", "interval": 2},     // seconds; next may be absent
 *    "facts": [["stream", "1"], …], "row_title": "endpoint",
 *    "cards": [{"name": "backend", "tags": ["http1"],
 *               "groups": [{"label": "a place, or empty", "rows": [LIVE_ROW]}]}],
 *    "more": 0}                                                           // rows that it leaves out
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "http/server.h"

#define LIVE_ROWS 500 /* of an event; a browser draws a chart for each */

struct live_row {
    const char *name, *note;         /* note: "", or a line below the name */
    bool faint;                      /* going, or counted elsewhere */
    uint64_t issued, success, error; /* grow */
    uint64_t active, connections;    /* now */
};

/* A new reference; NULL: no memory. */
json_t *live_row_json(const struct live_row *row);

/* The page as answer. */
void live_page(struct http_answer *out);
/* The type of the stream, and an event in it; takes over `event`. NULL: no memory, or `event` was NULL. */
#define LIVE_EVENTS_TYPE "text/event-stream"
struct http_body *live_event(json_t *event);
