/* Who may ask for which page: of all that there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/pages.h"
#include "base/mem.h"

static const char *const for_all[] = {"/ready", "/livez"},
                         *const for_scrapers[] = {"/metrics", "/stats/prometheus"},
                         *const for_own[] = {"/",      "/live",        "/clusters",
                                             "/lrs",   "/explain",     "/live/events",
                                             "/stats", "/server_info", "/certs"},
                         *const for_local[] = {"/config_dump"},
                         *const posts[] = {"/logging", "/reload", "/quitquitquit"};

/* 0: it would be answered. */
static int refusal(const struct http_request *request, bool open_to_all)
{
    struct http_answer answer = {.status = 404};
    int status = admin_accepts(request, open_to_all, &answer) ? 0 : answer.status;

    http_body_drop(answer.body);
    return status;
}

static void expect(const char *const *paths, size_t count, struct http_request request,
                   bool open_to_all, int status)
{
    for (size_t i = 0; i < count; i++) {
        request.path = paths[i];
        if (refusal(&request, open_to_all) != status)
            fail_msg("%s: %d", paths[i], refusal(&request, open_to_all));
    }
}

#define EXPECT(paths, request, open, status) expect(paths, ARRAY_SIZE(paths), request, open, status)

/* A name that its owner made lead here: what a browser sends for a page that asks its own origin. */
static void rebound(void **state)
{
    const struct http_request get = {
        .way = HTTP_WAY_LOOPBACK, .query = "", .host = "evil.example:9901", .language = "en"};
    struct http_request post = get;

    (void)state;
    post.method = HTTP_METHOD_POST;
    post.origin = "http://evil.example:9901";
    EXPECT(for_all, get, true, 0);
    EXPECT(for_scrapers, get, true, 403);
    EXPECT(for_own, get, true, 403);
    EXPECT(for_local, get, true, 403);
    EXPECT(posts, post, true, 403);
}

static void scraper_by_name(void **state)
{
    const struct http_request get = {
        .way = HTTP_WAY_NETWORK, .query = "", .host = "loadtap.monitoring.svc.cluster.local:9901"};

    (void)state;
    EXPECT(for_all, get, false, 0);
    EXPECT(for_scrapers, get, false, 0);
    EXPECT(for_own, get, false, 403);
}

static void from_the_network(void **state)
{
    const struct http_request get = {.way = HTTP_WAY_NETWORK, .query = "", .host = "10.0.0.1:9901"};
    struct http_request post = get;

    (void)state;
    post.method = HTTP_METHOD_POST;
    EXPECT(for_own, get, false, 0);
    EXPECT(for_local, get, false, 403);
    EXPECT(for_local, get, true, 0);
    EXPECT(posts, post, false, 403);
    EXPECT(posts, post, true, 0);
}

static void not_there(void **state)
{
    struct http_request request = {.way = HTTP_WAY_UNIX, .query = ""};

    (void)state;
    EXPECT(posts, request, true, 405);
    request.path = "/nothing";
    assert_int_equal(refusal(&request, true), 404);
    request.method = HTTP_METHOD_POST;
    EXPECT(for_own, request, true, 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rebound),
        cmocka_unit_test(scraper_by_name),
        cmocka_unit_test(from_the_network),
        cmocka_unit_test(not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
