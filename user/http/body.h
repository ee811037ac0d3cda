/* The text of an answer, shared by all who are still taking it, however slowly. */
#pragma once

#include <stddef.h>

struct http_body {
    size_t holders;
    size_t length;
    char *text;
};

/* Takes over `text`, from malloc. Held once. NULL where text is NULL, or without memory (text is freed). */
struct http_body *http_body_new(char *text, size_t length);
struct http_body *http_body_hold(struct http_body *body); /* returns it */
void http_body_drop(struct http_body *body);              /* NULL is fine */
