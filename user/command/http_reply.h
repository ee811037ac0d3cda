/* The bytes of an HTTP/1 answer that ends with its connection -> status and body. Pure. */
#pragma once

#include <stddef.h>

struct http_reply {
    int status;
    const char *body; /* inside the text, to its end */
    size_t length;
};

/* `text`: the whole answer to an HTTP/1.0 request. 0; -EBADMSG: it is none, or cut short. */
int http_reply_read(const char *text, size_t length, struct http_reply *out);
