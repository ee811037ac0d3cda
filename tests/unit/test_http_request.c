/* Queries, and whether a request can be a foreign web page's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "http/request.h"

static void queries(void **state)
{
    static const struct {
        const char *query, *name, *value; /* NULL: it is not there */
    } cases[] = {
        {"a=1", "a", "1"},
        {"a=1&b=2", "b", "2"},
        {"a=1&b=2", "a", "1"},
        {"a", "a", ""},
        {"a&b", "a", ""},
        {"", "a", NULL},
        {"ab=1", "a", NULL},
        {"a=1", "ab", NULL},
        {"a=x%20y+z", "a", "x y z"},
        {"a=%5B::1%5d", "a", "[::1]"},
        {"a=%", "a", "%"},
        {"a=%4", "a", "%4"},
        {"a=%zz", "a", "%zz"},
        {"a=%00b", "a", NULL},
        {"a=12345678", "a", NULL},
        {"a=1234567", "a", "1234567"},
        {"&&a=1", "a", "1"},
        {"a=b=c", "a", "b=c"},
        {"b=a=1", "a", NULL},
        {"a=1&a=2", "a", "1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct http_request request = {.query = cases[i].query};
        char value[8];
        bool found = http_query(&request, cases[i].name, value, sizeof(value));

        if (found != (cases[i].value != NULL) || (found && strcmp(value, cases[i].value) != 0))
            fail_msg("%s in \"%s\"", cases[i].name, cases[i].query);
    }
}

static void foreign(void **state)
{
    static const struct {
        bool is_foreign;
        enum http_way way;
        const char *host, *origin, *site;
    } cases[] = {
        {false, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "127.0.0.1", NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "localhost:9901", NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "LOCALHOST", NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "[::1]:9901", NULL, NULL},
        {false, HTTP_WAY_NETWORK, "10.0.0.1:9901", NULL, NULL},
        {false, HTTP_WAY_UNIX, "anything", "http://evil.example", "cross-site"},
        {false, HTTP_WAY_UNIX, NULL, NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "http://127.0.0.1:9901", "same-origin"},
        {false, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, "none"},
        {true, HTTP_WAY_LOOPBACK, NULL, NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "evil.example", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "evil.example:9901", "http://evil.example:9901", "same-origin"},
        {true, HTTP_WAY_LOOPBACK, "localhost.evil.example", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1.evil.example", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901x", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:evil", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "[::1", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "[evil.example]", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "http://evil.example", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "null", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "http://127.0.0.1:80", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "https://127.0.0.1:9901", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "http://127.0.0.1:9901.evil.example", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, "cross-site"},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, "same-site"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct http_request request = {.way = cases[i].way,
                                             .host = cases[i].host,
                                             .origin = cases[i].origin,
                                             .fetch_site = cases[i].site};

        if (http_request_is_foreign(&request) != cases[i].is_foreign)
            fail_msg("case %zu: host %s", i, cases[i].host ? cases[i].host : "none");
    }
}

/* What is asked for by a name of ours, by whom. */
static void scrapes(void **state)
{
    static const struct {
        bool is_foreign;
        enum http_way way;
        const char *host, *origin, *site, *language;
    } cases[] = {
        {false, HTTP_WAY_NETWORK, "loadtap.monitoring.svc:9901", NULL, NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "myhost:9901", NULL, NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, NULL, NULL, NULL, NULL},
        {false, HTTP_WAY_NETWORK, "10.0.0.1:9901", NULL, NULL, NULL},
        {false, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, "none", "de"},
        {false, HTTP_WAY_UNIX, "evil.example", "http://evil.example", "cross-site", "de"},
        {true, HTTP_WAY_LOOPBACK, "evil.example:9901", NULL, NULL, "de"},
        {true, HTTP_WAY_LOOPBACK, "evil.example:9901", NULL, NULL, ""},
        {true, HTTP_WAY_LOOPBACK, "evil.example", "http://evil.example", NULL, NULL},
        {true, HTTP_WAY_LOOPBACK, "evil.example", NULL, "same-origin", NULL},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", NULL, "cross-site", "de"},
        {true, HTTP_WAY_LOOPBACK, "127.0.0.1:9901", "http://evil.example", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct http_request request = {.way = cases[i].way,
                                             .host = cases[i].host,
                                             .origin = cases[i].origin,
                                             .fetch_site = cases[i].site,
                                             .language = cases[i].language};

        if (http_scrape_is_foreign(&request) != cases[i].is_foreign)
            fail_msg("case %zu: host %s", i, cases[i].host ? cases[i].host : "none");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries),
        cmocka_unit_test(foreign),
        cmocka_unit_test(scrapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
