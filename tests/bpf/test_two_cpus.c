/* The proxy closes on one CPU while its answer is being looked at on another. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "fixture.h"

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define CONNECTIONS 6000
#define ANSWERS 100

static char answers[1 << 16];
static size_t answers_size;

static void stay_on(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* Answers each connection with many small chunked responses: much to look at in one packet. */
static void *serve(void *arg)
{
    int listener = *(int *)arg;

    stay_on(1);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = accept_one(listener);
        char heard[4096];

        if (recv(fd, heard, sizeof(heard), 0) > 0)
            send(fd, answers, answers_size, MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void prepare_answers(void)
{
    const char *answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n";

    for (int i = 0; i < ANSWERS; i++) {
        memcpy(answers + answers_size, answer, strlen(answer));
        answers_size += strlen(answer);
    }
}

static void each_request_ends_once(void **state)
{
    static char requests[ANSWERS * sizeof(GET)];
    int listener = listen_on("127.0.0.1", FIXTURE_PORT);
    struct counters c;
    pthread_t server;

    (void)state;
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    prepare_answers();
    for (int i = 0; i < ANSWERS; i++)
        memcpy(requests + i * strlen(GET), GET, strlen(GET));
    assert_int_equal(pthread_create(&server, NULL, serve, &listener), 0);
    stay_on(0);
    for (int i = 0; i < CONNECTIONS; i++) {
        int fd = dial("127.0.0.1", FIXTURE_PORT);
        char byte;

        assert_true(fd >= 0);
        assert_int_equal(send(fd, requests, ANSWERS * strlen(GET), MSG_NOSIGNAL),
                         ANSWERS * strlen(GET));
        if (i % 3) /* sometimes at the first byte, sometimes a little before or after it */
            assert_int_equal(recv(fd, &byte, 1, 0), 1);
        for (volatile int spin = i % 1000; spin > 0; spin--)
            ;
        close(fd);
    }
    pthread_join(server, NULL);
    close(listener);
    usleep(100000);
    c = counted(SLOT_AUTO);
    assert_int_equal(c.cx_closed, CONNECTIONS);
    assert_int_equal(c.rq_issued, CONNECTIONS * ANSWERS);
    assert_int_equal(c.rq_finished, CONNECTIONS * ANSWERS);
    assert_true(adds_up(&c, 0));
    assert_int_equal(c.rq_unclassified, 0);
    assert_int_equal(c.rq_error, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_ends_once),
    };

    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
