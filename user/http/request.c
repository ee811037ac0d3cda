#include "http/request.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"

/* application/x-www-form-urlencoded. What is no escape stays as it is. */
static bool decode(const char *from, size_t length, char *out, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char c = from[i];

        if (c == '+') {
            c = ' ';
        } else if (c == '%' && i + 2 < length && isxdigit((unsigned char)from[i + 1]) &&
                   isxdigit((unsigned char)from[i + 2])) {
            const char digits[] = {from[i + 1], from[i + 2], 0};

            c = (char)strtoul(digits, NULL, 16);
            i += 2;
        }
        if (!c || used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = 0;
    return true;
}

bool http_query(const struct http_request *request, const char *name, char *out, size_t size)
{
    size_t length = strlen(name);

    for (const char *at = request->query; *at; at += strspn(at, "&")) {
        size_t whole = strcspn(at, "&"), key = strcspn(at, "=&");

        if (key == length && memcmp(at, name, length) == 0)
            return decode(at + key + (key < whole), whole - key - (key < whole), out, size);
        at += whole;
    }
    return false;
}

/* Host without its port, and without the brackets of an IPv6 address. */
static bool split_host(const char *host, char *out, size_t size)
{
    bool bracketed = *host == '[';
    const char *begin = host + bracketed;
    size_t length = strcspn(begin, bracketed ? "]" : ":");
    const char *rest = begin + length;

    if ((bracketed && *rest++ != ']') || length >= size)
        return false;
    if (*rest == ':')
        rest += 1 + strspn(rest + 1, "0123456789");
    memcpy(out, begin, length);
    out[length] = 0;
    return !*rest;
}

static bool is_nobodys_name(const char *host)
{
    struct address ignored;
    char name[64];

    if (!split_host(host, name, sizeof(name)))
        return false;
    return !strcasecmp(name, "localhost") || !address_parse(name, 0, &ignored);
}

static bool is_own_origin(const struct http_request *request)
{
    static const char scheme[] = "http://";
    const char *origin = request->origin;

    return !strncasecmp(origin, scheme, strlen(scheme)) &&
           !strcasecmp(origin + strlen(scheme), request->host);
}

bool http_request_is_foreign(const struct http_request *request)
{
    if (request->way == HTTP_WAY_UNIX)
        return false;
    if (!request->host || !is_nobodys_name(request->host))
        return true;
    if (request->origin && !is_own_origin(request))
        return true;
    return request->fetch_site && strcasecmp(request->fetch_site, "same-origin") &&
           strcasecmp(request->fetch_site, "none");
}

bool http_scrape_is_foreign(const struct http_request *request)
{
    bool is_named = !request->host || !is_nobodys_name(request->host);

    if (request->way != HTTP_WAY_UNIX && is_named)
        return request->origin || request->fetch_site || request->language;
    return http_request_is_foreign(request);
}
