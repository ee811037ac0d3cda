#include "command/http_reply.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH_FIELD "content-length:"

/* What Content-Length says in the head's lines, up to `end`. False: it is not there. */
static bool find_length(const char *head, const char *end, size_t *out)
{
    const char *line = head;

    while (line && line < end) {
        if ((size_t)(end - line) > strlen(LENGTH_FIELD) &&
            strncasecmp(line, LENGTH_FIELD, strlen(LENGTH_FIELD)) == 0) {
            *out = strtoull(line + strlen(LENGTH_FIELD), NULL, 10);
            return true;
        }
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    return false;
}

int http_reply_read(const char *text, size_t length, struct http_reply *out)
{
    const char *end = memmem(text, length, "\r\n\r\n", 4);
    struct http_reply reply;
    size_t promised;

    if (!end || length < 12 || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ' ||
        strspn(text + 9, "0123456789") != 3)
        return -EBADMSG;
    reply.status = atoi(text + 9);
    reply.body = end + 4;
    reply.length = length - (size_t)(reply.body - text);
    if (find_length(text, end, &promised) && reply.length < promised)
        return -EBADMSG;
    *out = reply;
    return 0;
}
