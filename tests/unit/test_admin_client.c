#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "command/admin_client.h"

static char error[ADMIN_ERROR_MAX];

/* --- where ------------------------------------------------------------------------------------- */

static const char *target_text(const char *admin, const char *config)
{
    static struct admin_target target;
    const struct admin_where where = {.admin = admin, .config = config};

    error[0] = '\0';
    return admin_target_find(&where, &target, error) ? "" : target.text;
}

static void each_form(void **state)
{
    char long_path[200];

    (void)state;
    assert_string_equal(target_text(NULL, NULL), "unix:/run/loadtap/admin.sock");
    assert_string_equal(target_text("./a.sock", NULL), "unix:./a.sock");
    assert_string_equal(target_text("10.0.0.1:80", NULL), "10.0.0.1:80");
    assert_string_equal(target_text("[::1]:9901", NULL), "[::1]:9901");
    assert_string_equal(target_text("localhost:9901", "/nonexistent"), "127.0.0.1:9901");
    assert_string_equal(target_text("example:80", NULL), "");
    assert_non_null(strstr(error, "'example:80', expected the path of a socket"));
    assert_string_equal(target_text("10.0.0.1:0", NULL), "");
    assert_string_equal(target_text("9901", NULL), "");
    memset(long_path, '/', sizeof(long_path) - 1);
    long_path[sizeof(long_path) - 1] = '\0';
    assert_string_equal(target_text(long_path, NULL), "");
    assert_string_equal(target_text(NULL, "/nonexistent"), "");
    assert_non_null(strstr(error, "/nonexistent"));
    assert_non_null(
        strstr(error, "; --admin SOCKET asks without the file (/run/loadtap/admin.sock"));
}

/* A bootstrap that has `more` besides what each needs. */
static const char *configured(const char *more)
{
    char path[] = "/tmp/loadtap-admin-XXXXXX.json";
    int fd = mkstemps(path, 5);
    FILE *out = fdopen(fd, "w");
    const char *text;

    fprintf(
        out,
        "{\"node\": {\"id\": \"a\", \"cluster\": \"b\"}, \"static_resources\": {\"clusters\": "
        "[{\"name\": "
        "\"m\", \"type\": \"STATIC\", \"load_assignment\": {\"cluster_name\": \"m\", "
        "\"endpoints\": "
        "[{\"lb_endpoints\": [{\"endpoint\": {\"address\": {\"socket_address\": {\"address\": "
        "\"127.0.0.1\", \"port_value\": 1}}}}]}]}}]}, \"cluster_manager\": {\"load_stats_config\": "
        "{\"api_type\": \"GRPC\", \"grpc_services\": [{\"envoy_grpc\": {\"cluster_name\": "
        "\"m\"}}]}}%s}",
        more);
    fclose(out);
    text = target_text(NULL, path);
    unlink(path);
    return text;
}

#define SOCKET(path)                                                                               \
    ", \"bootstrap_extensions\": [{\"name\": \"loadtap\", \"typed_config\": {\"@type\": "          \
    "\"type.googleapis.com/loadtap.v1.Settings\", \"admin_socket\": \"" path "\"}}]"

static void by_the_bootstrap(void **state)
{
    (void)state;
    assert_string_equal(configured(""), "unix:/run/loadtap/admin.sock");
    assert_string_equal(configured(SOCKET("/x/y")), "unix:/x/y");
    assert_string_equal(configured(SOCKET("none")), "");
    assert_non_null(strstr(error, "has no admin interface"));
}

/* --- the exchange -------------------------------------------------------------------------------- */

static char request[512];

/* What one client gets; "" is nothing at all, until it goes. */
struct script {
    const char *answer;
    int listener;
};

static void *serve(void *arg)
{
    const struct script *script = arg;
    int fd = accept(script->listener, NULL, NULL);
    ssize_t length = read(fd, request, sizeof(request) - 1);

    request[length > 0 ? length : 0] = '\0';
    if (*script->answer)
        length = write(fd, script->answer, strlen(script->answer));
    else
        length = read(fd, request + length, 1);
    (void)length;
    close(fd);
    return NULL;
}

/* What admin_get() returns before such a server; the answer is dropped unless `out`. */
static int ask(const char *answer, json_t **out)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct script script = {answer, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct admin_where where = {.admin = name.sun_path};
    struct admin_target target;
    json_t *value = NULL;
    pthread_t thread;
    int result;

    snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/loadtap-admin-%d", (int)getpid());
    assert_int_equal(bind(script.listener, (struct sockaddr *)&name, sizeof(name)), 0);
    assert_int_equal(listen(script.listener, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, serve, &script), 0);
    assert_int_equal(admin_target_find(&where, &target, error), 0);
    result = admin_get(&target, "/clusters?format=json", *answer ? 10000 : 50, &value, error);
    pthread_join(thread, NULL);
    close(script.listener);
    unlink(name.sun_path);
    if (out)
        *out = value;
    else
        json_decref(value);
    return result;
}

static void an_answer(void **state)
{
    json_t *answer;

    (void)state;
    assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\n{\"a\": 1}\n", &answer), 0);
    assert_int_equal(json_integer_value(json_object_get(answer, "a")), 1);
    json_decref(answer);
    assert_string_equal(request, "GET /clusters?format=json HTTP/1.0\r\nHost: localhost\r\n\r\n");
}

static void no_answer(void **state)
{
    struct admin_where where = {.admin = "/nonexistent/socket"};
    struct admin_target target;
    json_t *answer;

    (void)state;
    assert_int_equal(ask("", NULL), -ETIMEDOUT);
    assert_non_null(strstr(error, "loadtap does not answer"));
    assert_int_equal(ask("220 ready\r\n", NULL), -EBADMSG);
    assert_non_null(strstr(error, "is not loadtap's admin interface"));
    assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\n<html>", NULL), -EBADMSG);
    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", NULL), -EBADMSG);
    assert_int_equal(ask("HTTP/1.1 404 Not Found\r\n\r\nNo such thing.\nmore", NULL), -ENOENT);
    assert_string_equal(error, "No such thing.");
    assert_int_equal(ask("HTTP/1.1 503 Busy\r\n\r\nLater.", NULL), -EPROTO);
    assert_string_equal(error, "Later.");
    assert_int_equal(admin_target_find(&where, &target, error), 0);
    assert_int_equal(admin_get(&target, "/", 1000, &answer, error), -ENOENT);
    assert_non_null(strstr(error, "does loadtap run?"));
}

static void names_in_a_query(void **state)
{
    autofree char *plain = admin_escape("a-Z_0.9~"), *other = admin_escape("a&b=c d\xc3\xa4/%");

    (void)state;
    assert_string_equal(plain, "a-Z_0.9~");
    assert_string_equal(other, "a%26b%3Dc%20d%C3%A4%2F%25");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form),        cmocka_unit_test(by_the_bootstrap),
        cmocka_unit_test(an_answer),        cmocka_unit_test(no_answer),
        cmocka_unit_test(names_in_a_query),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
