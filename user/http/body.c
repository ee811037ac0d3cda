#include "http/body.h"

#include <stdlib.h>

struct http_body *http_body_new(char *text, size_t length)
{
    struct http_body *body = text ? malloc(sizeof(*body)) : NULL;

    if (!body) {
        free(text);
        return NULL;
    }
    *body = (struct http_body){.holders = 1, .length = length, .text = text};
    return body;
}

struct http_body *http_body_hold(struct http_body *body)
{
    body->holders++;
    return body;
}

void http_body_drop(struct http_body *body)
{
    if (!body || --body->holders > 0)
        return;
    free(body->text);
    free(body);
}
