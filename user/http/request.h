/* What a handler needs to know of a request, and whom to believe. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum http_method {
    HTTP_METHOD_GET, /* HEAD too: the server leaves the body out */
    HTTP_METHOD_POST,
    HTTP_METHOD_OTHER,
};

/* By which way it came. */
enum http_way {
    HTTP_WAY_UNIX,     /* a Unix socket: the file's mode says who may */
    HTTP_WAY_LOOPBACK, /* from a loopback address */
    HTTP_WAY_NETWORK,
};

/* Lives as long as the handler's call. */
struct http_request {
    enum http_method method;
    enum http_way way;
    const char *path;                                  /* as it came, "/…" */
    const char *query;                                 /* behind the "?"; "" */
    const char *host, *origin, *fetch_site, *language; /* headers; NULL where absent */
};

/* Copies the query's value of `name`, decoded; "" where it has no "=". False: it is not there, or does
 * not fit. */
bool http_query(const struct http_request *request, const char *name, char *out, size_t size);

/* Can it have been made by a web page of someone else, in the browser of a person who may reach us? Such a
 * request must not change or disclose anything but whether we are there. A page cannot
 * - connect to a Unix socket;
 * - leave out or forge Origin in a POST, or Sec-Fetch-Site (Fetch standard, forbidden header names), so a
 *   request that has one of them must say that it comes from our own page;
 * - forge Host: a name that its owner made point here (DNS rebinding) shows there. So Host must be an IP
 *   address or localhost, which nobody else can own.
 * Programs such as curl send no Origin, and Host as it was typed. */
bool http_request_is_foreign(const struct http_request *request);
/* The same for what programs ask for by a name of ours, as a scraper does by that of a Kubernetes service. We
 * cannot tell it from a name that was made to lead here, so under a name only what no browser made is not
 * foreign: all browsers send Accept-Language, which a page may change, but not leave out. */
bool http_scrape_is_foreign(const struct http_request *request);

#define HTTP_FOREIGN_TEXT                                                                          \
    "This is not for web pages of others: Host has to be an IP address or localhost, and Origin, " \
    "where there is one, the same.\n"
