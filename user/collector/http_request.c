#include "collector/http_request.h"

#include <stdbool.h>
#include <string.h>

struct word {
    const char *at;
    size_t length;
};

/* Up to the next space, and past it; all that is left where there is none. */
static struct word take_word(struct word *line)
{
    const char *space = memchr(line->at, ' ', line->length);
    struct word word = {line->at, space ? (size_t)(space - line->at) : line->length};
    size_t taken = word.length + (space ? 1 : 0);

    line->at += taken;
    line->length -= taken;
    return word;
}

static bool is(struct word word, const char *text)
{
    return word.length == strlen(text) && !memcmp(word.at, text, word.length);
}

static int line_status(struct word line)
{
    struct word method = take_word(&line), target = take_word(&line), version = take_word(&line);
    const char *query = memchr(target.at, '?', target.length);

    if (line.length > 0 || (!is(version, "HTTP/1.1") && !is(version, "HTTP/1.0")))
        return 400;
    if (query)
        target.length = (size_t)(query - target.at);
    if (!is(target, "/metrics"))
        return 404;
    return is(method, "GET") ? 200 : 405;
}

int http_request_status(const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\r', length);

    if (memmem(bytes, length < HTTP_REQUEST_MAX ? length : HTTP_REQUEST_MAX, "\r\n\r\n", 4))
        return line_status((struct word){bytes, (size_t)(end - bytes)});
    return length < HTTP_REQUEST_MAX ? 0 : 431;
}

const char *http_status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 431:
        return "Request Header Fields Too Large";
    default:
        return "Bad Request";
    }
}
