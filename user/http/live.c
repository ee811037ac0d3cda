#include "http/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "live_html.inc"

json_t *live_row_json(const struct live_row *row)
{
    return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I}", "name", row->name, "note",
                     row->note, "faint", row->faint, "issued", (json_int_t)row->issued, "success",
                     (json_int_t)row->success, "error", (json_int_t)row->error, "active",
                     (json_int_t)row->active, "connections", (json_int_t)row->connections);
}

void live_page(struct http_answer *out)
{
    const size_t length = sizeof(live_html);
    char *text = malloc(length);

    if (text)
        memcpy(text, live_html, length);
    out->body = http_body_new(text, length);
    out->status = out->body ? 200 : 503;
    out->type = "text/html; charset=utf-8";
    out->policy = LIVE_POLICY;
}

struct http_body *live_event(json_t *event)
{
    autofree char *json = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    char *text = NULL;
    int length = json ? asprintf(&text, "data: %s\n\n", json) : -1;

    json_decref(event);
    return length < 0 ? NULL : http_body_new(text, (size_t)length);
}
