/* Dear pages are made once a second, for requests that want the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/mem.h"
#include "daemon/page_cache.h"

static struct http_request request(const char *path, const char *query)
{
    return (struct http_request){.way = HTTP_WAY_LOOPBACK, .path = path, .query = query};
}

static void keep(struct page_cache *cache, const struct http_request *wanted, const char *text)
{
    struct http_answer answer = {.status = 200, .body = http_body_new(strdup(text), strlen(text))};

    page_cache_keep(cache, wanted, &answer);
    http_body_drop(answer.body);
}

static bool has(const struct page_cache *cache, const struct http_request *wanted, const char *text)
{
    struct http_answer answer = {0};
    bool found = page_cache_find(cache, wanted, &answer);

    found = found && !memcmp(answer.body->text, text, strlen(text));
    http_body_drop(answer.body);
    return found;
}

static void one_for_all(void **state)
{
    struct event_base *base = event_base_new();
    struct page_cache *cache = page_cache_new(base);
    const struct http_request text = request("/clusters", ""), odd = request("/clusters", "x=1"),
                              json = request("/clusters", "format=json"),
                              other = request("/config_dump", ""),
                              metrics = request("/metrics", "");
    struct http_request post = text, near = text;

    (void)state;
    post.method = HTTP_METHOD_POST;
    near.way = HTTP_WAY_UNIX;
    keep(cache, &text, "text");
    keep(cache, &json, "json");
    keep(cache, &other, "other");
    keep(cache, &odd, "odd");
    assert_true(has(cache, &text, "text"));
    assert_true(has(cache, &odd, "text"));
    assert_true(has(cache, &json, "json"));
    assert_false(has(cache, &other, "other"));
    assert_false(has(cache, &metrics, ""));
    assert_false(has(cache, &post, "text"));
    assert_false(has(cache, &near, "text"));
    event_base_dispatch(base); /* until nothing is to come any more: a second */
    assert_false(has(cache, &text, "text"));
    keep(cache, &text, "again");
    assert_true(has(cache, &text, "again"));
    page_cache_free(cache);
    event_base_free(base);
}

static void only_what_is_good(void **state)
{
    struct event_base *base = event_base_new();
    struct page_cache *cache = page_cache_new(base);
    const struct http_request wanted = request("/metrics", "");
    const struct http_answer failed = {.status = 503};

    (void)state;
    page_cache_keep(cache, &wanted, &failed);
    assert_false(has(cache, &wanted, ""));
    page_cache_free(cache);
    event_base_free(base);
}

/* What a page's maker looks at makes it another page, and nothing else does. */
static void by_what_is_looked_at(void **state)
{
    struct event_base *base = event_base_new();
    struct page_cache *cache = page_cache_new(base);
    const struct http_request text = request("/clusters", "format=x"),
                              other = request("/clusters", "format=a-format-without-an-end"),
                              stats = request("/stats", "format=prometheus&x"),
                              metrics = request("/metrics", "y"), lrs = request("/lrs", "next"),
                              next = request("/lrs", "a=b&next=1&format=json"),
                              state_of = request("/lrs", "format=json"),
                              explain = request("/explain", "cluster=a");

    (void)state;
    keep(cache, &text, "text");
    keep(cache, &stats, "metrics");
    keep(cache, &lrs, "next");
    keep(cache, &explain, "explain");
    keep(cache, &state_of, "state");
    assert_true(has(cache, &text, "text"));
    assert_true(has(cache, &other, "text"));
    assert_true(has(cache, &metrics, "metrics"));
    assert_true(has(cache, &next, "next"));
    assert_false(has(cache, &explain, ""));
    assert_false(has(cache, &state_of, ""));
    page_cache_free(cache);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_for_all),
        cmocka_unit_test(only_what_is_good),
        cmocka_unit_test(by_what_is_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
