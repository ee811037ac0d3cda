/* connections PROTOCOL serve IP PORT: answers every request, until it is ended
 * connections PROTOCOL hold IP PORT COUNT: opens them, one request on each, keeps them until stdin ends
 * connections PROTOCOL churn IP PORT RATE SECONDS: so many new ones a second, one request on each
 *
 * PROTOCOL is http1 or http2: request and answer are the same bytes each time.
 * `hold` and `churn` print one line of JSON: how many connections had their answer, and the seconds.
 * A process may have too few descriptors for them all, so some share the work, each with a source
 * address of its own, for there are not enough ports either. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 8
#define SECOND 1000000000ll

struct protocol {
    const char *name;
    const char *request, *response;
    size_t request_length, response_length;
};
#define PROTOCOL(name, request, response)                                                          \
    {                                                                                              \
        name, request, response, sizeof(request) - 1, sizeof(response) - 1                         \
    }

#define SETTINGS "\0\0\0\4\0\0\0\0\0"

static const struct protocol protocols[] = {
    PROTOCOL("http1", "GET / HTTP/1.1\r\nHost: upstream\r\n\r\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"),
    /* GET, http, /, authority; :status 200. Both sides end the stream with their HEADERS. */
    PROTOCOL("http2",
             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" SETTINGS
             "\0\0\15\1\5\0\0\0\1\x82\x86\x84\x41\x08upstream",
             SETTINGS "\0\0\1\1\5\0\0\0\1\x88"),
};
#define ANSWER_MAX 64

struct job {
    const struct protocol *protocol;
    struct sockaddr_in server;
    int number; /* of this process, from 0 */
    long count;
    long long pause; /* ns from one connection to the next; 0: no pause, and they stay open */
};

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "connections: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

static void sleep_until(long long moment)
{
    const struct timespec t = {.tv_sec = moment / SECOND, .tv_nsec = moment % SECOND};

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* --- server ------------------------------------------------------------------------------------ */

static int listen_at(const struct sockaddr_in *address)
{
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    check(fd >= 0, "socket");
    /* All processes listen; the kernel spreads the connections evenly. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    check(!bind(fd, (const struct sockaddr *)address, sizeof(*address)), "bind");
    check(!listen(fd, 4096), "listen");
    return fd;
}

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    check(!epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
}

static void answer(const struct protocol *p, int fd)
{
    char request[512];
    ssize_t got = read(fd, request, sizeof(request));

    if (got <= 0 || write(fd, p->response, p->response_length) < 0)
        close(fd);
}

static void serve(const struct job *job)
{
    struct epoll_event events[256];
    int listener = listen_at(&job->server), poll = epoll_create1(0);

    watch(poll, listener);
    for (;;) {
        int count = epoll_wait(poll, events, 256, -1);

        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd, accepted;

            if (fd != listener) {
                answer(job->protocol, fd);
                continue;
            }
            while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
                watch(poll, accepted);
            check(errno == EAGAIN, "accept");
        }
    }
}

/* --- clients ----------------------------------------------------------------------------------- */

static int open_one(const struct job *job)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    const struct linger reset = {.l_onoff = 1};
    const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    check(fd >= 0, "socket");
    if (!job->pause) /* so that they leave nothing in TIME_WAIT for the next measurement */
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    source.sin_addr.s_addr =
        htonl(0x7f000000u + (job->pause ? 0x20000u : 0x10000u) + 1u + (unsigned)job->number);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    check(!bind(fd, (struct sockaddr *)&source, sizeof(source)), "bind");
    check(!connect(fd, (const struct sockaddr *)&job->server, sizeof(job->server)), "connect");
    return fd;
}

static void ask(const struct protocol *p, int fd)
{
    char response[ANSWER_MAX];

    check(write(fd, p->request, p->request_length) == (ssize_t)p->request_length, "request");
    check(recv(fd, response, p->response_length, MSG_WAITALL) == (ssize_t)p->response_length,
          "response");
}

static void open_all(const struct job *job)
{
    const long long start = now();

    for (long i = 0; i < job->count; i++) {
        int fd;

        if (job->pause)
            sleep_until(start + i * job->pause);
        fd = open_one(job);
        ask(job->protocol, fd);
        if (job->pause)
            close(fd);
    }
}

/* --- processes --------------------------------------------------------------------------------- */

/* Each tells on `done` when it is through. */
static void work(void (*run)(const struct job *), const struct job *job, int done)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(job);
    check(write(done, "", 1) == 1, "pipe");
    pause();
    exit(0);
}

static void start_all(void (*run)(const struct job *), struct job job, pid_t *children, int done)
{
    for (job.number = 0; job.number < PROCESSES; job.number++) {
        children[job.number] = fork();
        check(children[job.number] >= 0, "fork");
        if (!children[job.number])
            work(run, &job, done);
    }
}

/* How many processes got through; the others have said why not. */
static int wait_all(int done)
{
    int through = 0;
    char byte;

    while (through < PROCESSES && read(done, &byte, 1) == 1)
        through++;
    return through;
}

static void end_all(const pid_t *children)
{
    for (int i = 0; i < PROCESSES; i++)
        kill(children[i], SIGKILL);
    while (wait(NULL) > 0)
        ;
}

static int run_clients(const struct job *job)
{
    const long long start = now();
    pid_t children[PROCESSES];
    int done[2], through;
    char byte;

    check(!pipe(done), "pipe");
    start_all(open_all, *job, children, done[1]);
    close(done[1]);
    through = wait_all(done[0]);
    printf("{\"connections\": %ld, \"seconds\": %.2f}\n", through * job->count,
           (double)(now() - start) / SECOND);
    fflush(stdout);
    while (!job->pause && read(STDIN_FILENO, &byte, 1) > 0)
        ;
    end_all(children);
    return through == PROCESSES ? 0 : 1;
}

static int run_servers(const struct job *job)
{
    pid_t children[PROCESSES];

    start_all(serve, *job, children, -1);
    wait(NULL); /* none of them ends by itself */
    end_all(children);
    return 1;
}

/* Reads the arguments; false: they make no sense. */
static bool read_job(struct job *job, int argc, char **argv)
{
    for (size_t i = 0; argc >= 5 && i < sizeof(protocols) / sizeof(*protocols); i++)
        if (!strcmp(argv[1], protocols[i].name))
            job->protocol = &protocols[i];
    if (!job->protocol || inet_pton(AF_INET, argv[3], &job->server.sin_addr) != 1)
        return false;
    job->server.sin_port = htons((unsigned short)atoi(argv[4]));
    if (!strcmp(argv[2], "hold") && argc == 6) {
        job->count = atol(argv[5]) / PROCESSES;
    } else if (!strcmp(argv[2], "churn") && argc == 7 && atol(argv[5]) > 0) {
        job->count = atol(argv[5]) * atol(argv[6]) / PROCESSES;
        job->pause = SECOND * PROCESSES / atol(argv[5]);
    }
    return job->count || !strcmp(argv[2], "serve");
}

int main(int argc, char **argv)
{
    struct job job = {.server.sin_family = AF_INET};
    struct rlimit files;

    if (!read_job(&job, argc, argv)) {
        fprintf(stderr, "see the head of %s\n", __FILE__);
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return job.count ? run_clients(&job) : run_servers(&job);
}
