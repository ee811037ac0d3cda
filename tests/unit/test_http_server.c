/* The HTTP server's clients, over loopback: what HEAD gets of a stream, and whose streams give way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "base/mem.h"
#include "http/server.h"

#define ROUNDS 2000 /* of the loop, a millisecond each, until what is awaited */

struct play {
    struct event_base *base;
    struct http_server *server;
    struct address where;
    char folder[64], path[96];
    size_t streams; /* as the handler was told */
};

static void answer(void *arg, const struct http_request *request, struct http_answer *out)
{
    (void)arg, (void)request;
    *out = (struct http_answer){.status = 200,
                                .type = "text/event-stream",
                                .body = http_body_new(strdup("first"), 5),
                                .goes_on = true};
}

static void on_streams(void *arg, size_t count)
{
    ((struct play *)arg)->streams = count;
}

static struct play *begin(void)
{
    struct play *play = calloc(1, sizeof(*play));
    const struct http_handler handler = {.answer = answer, .streams = on_streams, .arg = play};
    char error[256];

    assert_non_null(play);
    play->base = event_base_new();
    play->server = http_server_new(play->base, &handler);
    assert_int_equal(address_parse("127.0.0.1", 0, &play->where), 0);
    assert_int_equal(http_server_listen(play->server, &play->where, error, sizeof(error)), 0);
    assert_int_equal(http_server_address(play->server, &play->where), 0);
    strcpy(play->folder, "/tmp/loadtap-http-XXXXXX");
    assert_non_null(mkdtemp(play->folder));
    snprintf(play->path, sizeof(play->path), "%s/s", play->folder);
    assert_int_equal(http_server_listen_unix(play->server, play->path, error, sizeof(error)), 0);
    return play;
}

static void end(struct play *play)
{
    http_server_free(play->server);
    event_base_free(play->base);
    rmdir(play->folder);
    free(play);
}

static void go_on(const struct play *play)
{
    event_base_loop(play->base, EVLOOP_NONBLOCK);
    usleep(1000);
}

/* 127.0.0.`last`, or the Unix socket where that is 0. */
static int dial(const struct play *play, unsigned last, const char *method)
{
    struct sockaddr_storage to;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    socklen_t length = address_to_sockaddr(&play->where, &to);
    struct sockaddr_storage from;
    struct address own;
    char text[64];
    int fd = socket(last ? to.ss_family : AF_UNIX, SOCK_STREAM, 0);

    assert_true(fd >= 0);
    if (last) {
        snprintf(text, sizeof(text), "127.0.0.%u", last);
        assert_int_equal(address_parse(text, 0, &own), 0);
        assert_int_equal(bind(fd, (void *)&from, address_to_sockaddr(&own, &from)), 0);
        assert_int_equal(connect(fd, (void *)&to, length), 0);
    } else {
        strcpy(path.sun_path, play->path);
        assert_int_equal(connect(fd, (void *)&path, sizeof(path)), 0);
    }
    snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: localhost\r\n\r\n", method);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    return fd;
}

/* The status of the answer, once there is one. */
static int status_of(const struct play *play, int fd)
{
    char text[4096] = "";

    for (unsigned i = 0; i < ROUNDS; i++) {
        if (recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0)
            return atoi(text + strlen("HTTP/1.1 "));
        go_on(play);
    }
    fail_msg("no answer");
    return 0;
}

static int stream(const struct play *play, unsigned last, int expected)
{
    int fd = dial(play, last, "GET");

    assert_int_equal(status_of(play, fd), expected);
    return fd;
}

/* Was it closed by the server? It is given time where that is expected. */
static bool is_closed(const struct play *play, int fd, unsigned rounds)
{
    char text[4096];

    for (unsigned i = 0; i < rounds; i++) {
        if (recv(fd, text, sizeof(text), MSG_DONTWAIT) == 0)
            return true;
        go_on(play);
    }
    return false;
}

static void head_has_no_body(void **state)
{
    struct play *play = begin();
    int fd = dial(play, 1, "HEAD");
    char text[4096] = "";
    size_t length = 0;

    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        ssize_t more = recv(fd, text + length, sizeof(text) - 1 - length, MSG_DONTWAIT);

        if (more == 0)
            break;
        length += more > 0 ? (size_t)more : 0;
        go_on(play);
    }
    assert_non_null(strstr(text, "200 OK"));
    assert_null(strstr(text, "Content-Length"));
    assert_ptr_equal(strstr(text, "\r\n\r\n"), text + length - 4);
    assert_true(is_closed(play, fd, ROUNDS));
    assert_int_equal(play->streams, 0);
    close(fd);
    end(play);
}

static void one_address_takes_no_more_than_its_share(void **state)
{
    struct play *play = begin();
    int first[HTTP_STREAMS], second[HTTP_STREAMS];

    (void)state;
    for (unsigned i = 0; i < HTTP_STREAMS - 1; i++)
        first[i] = stream(play, 1, 200);
    close(stream(play, 1, 503));
    for (unsigned i = 0; i < 3; i++) {
        second[i] = stream(play, 2, 200);
        assert_true(is_closed(play, first[i], ROUNDS));
        assert_int_equal(play->streams, HTTP_STREAMS - 1);
    }
    close(stream(play, 2, 503)); /* four and three: neither takes from the other any more */
    close(stream(play, 1, 503));
    assert_false(is_closed(play, first[3], 20));
    for (unsigned i = 0; i < HTTP_STREAMS - 1; i++)
        close(first[i]);
    for (unsigned i = 0; i < 3; i++)
        close(second[i]);
    end(play);
}

static void the_unix_socket_has_a_place(void **state)
{
    struct play *play = begin();
    int fds[HTTP_STREAMS];

    (void)state;
    for (unsigned i = 0; i < HTTP_STREAMS - 1; i++)
        fds[i] = stream(play, i + 1, 200); /* each of another address */
    close(stream(play, 100, 503));
    fds[HTTP_STREAMS - 1] = stream(play, 0, 200);
    close(stream(play, 0, 503));
    assert_int_equal(play->streams, HTTP_STREAMS);
    for (unsigned i = 0; i < HTTP_STREAMS; i++)
        close(fds[i]);
    end(play);
}

/* Nobody from elsewhere ends those of the Unix socket. */
static void the_unix_socket_keeps_its_streams(void **state)
{
    struct play *play = begin();
    int fds[HTTP_STREAMS];

    (void)state;
    for (unsigned i = 0; i < HTTP_STREAMS; i++)
        fds[i] = stream(play, 0, 200);
    close(stream(play, 1, 503));
    assert_int_equal(play->streams, HTTP_STREAMS);
    for (unsigned i = 0; i < HTTP_STREAMS; i++)
        close(fds[i]);
    end(play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(one_address_takes_no_more_than_its_share),
        cmocka_unit_test(the_unix_socket_has_a_place),
        cmocka_unit_test(the_unix_socket_keeps_its_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
