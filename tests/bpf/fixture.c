#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "abi.h"
#include "base/mem.h"
#include "kernel/cgroup.h"

#define TAP_SLOTS 5000

static char cgroup_path[4096];
static bool early, was_early;
static char home_path[4096]; /* where the test came from */
static struct tap *tap;
static struct counters last[SLOTS];
static uint64_t last_doubts[SLOTS];

static struct health_check checks[] = {{"/healthz", ""}};
static const struct cluster clusters[SLOTS] = {
    [SLOT_AUTO] = {.name = "auto"},
    [SLOT_TCP] = {.name = "tcp", .protocol = PROTOCOL_TCP},
    [SLOT_V6] = {.name = "v6"},
    [SLOT_CHECKED] = {.name = "checked", .health_checks = checks, .health_check_count = 1},
    [SLOT_REFUSED] = {.name = "refused"},
    [SLOT_FAR] = {.name = "far"},
    [SLOT_OPAQUE] = {.name = "opaque", .protocol = PROTOCOL_OPAQUE},
};
static const char *const addresses[SLOTS] = {"127.0.0.1", "127.0.0.2", "::1",      "127.0.0.3",
                                             "127.0.0.4", "192.0.2.1", "127.0.0.5"};

/* Slots as the tap has them: the last one behind those that its maps have unless told otherwise. */
static uint32_t tap_slot(uint32_t slot)
{
    return slot == SLOT_OPAQUE ? TAP_SLOTS - 1 : slot;
}

static void enter(const char *cgroup)
{
    char path[5000];
    FILE *procs;

    snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
    procs = fopen(path, "w");
    if (!procs)
        return;
    fprintf(procs, "0\n");
    fclose(procs);
}

/* The line "0::/path" of /proc/self/cgroup names the cgroup v2 of a process. */
static void remember_home(const char *root)
{
    char line[4096];
    FILE *own = fopen("/proc/self/cgroup", "r");

    snprintf(home_path, sizeof(home_path), "%s", root);
    while (own && fgets(line, sizeof(line), own)) {
        if (strncmp(line, "0::", 3))
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(home_path, sizeof(home_path), "%.2000s%.2000s", root, line + 3);
    }
    if (own)
        fclose(own);
}

int fixture_enter(void **state)
{
    char root[2000];

    (void)state;
    if (cgroup_root("/proc/self/mountinfo", root, sizeof(root)))
        return -1;
    remember_home(root);
    /* Not by process id: that is the same in every process namespace. */
    snprintf(cgroup_path, sizeof(cgroup_path), "%s/loadtap-test-XXXXXX", root);
    if (!mkdtemp(cgroup_path))
        return -1;
    enter(cgroup_path);
    return 0;
}

void fixture_leave(void)
{
    enter(home_path);
}

int fixture_attach(void)
{
    struct tap_options options = {
        .cgroup = cgroup_path, .slots = TAP_SLOTS, .checked = 4, .early = early};
    char error[TAP_ERROR_MAX];

    memset(last, 0, sizeof(last));
    memset(last_doubts, 0, sizeof(last_doubts));
    if (tap_open(&options, &tap, error)) {
        print_error("%s\n", error);
        return -1;
    }
    was_early = !tap_reads_http2(tap);
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct address address;

        if (address_parse(addresses[slot], FIXTURE_PORT, &address) ||
            tap_observe(tap, &address, tap_slot(slot), &clusters[slot]))
            return -1;
    }
    return 0;
}

int fixture_setup(void **state)
{
    int result = fixture_enter(state);

    return result ? result : fixture_attach();
}

int fixture_setup_early(void **state)
{
    early = true;
    return fixture_setup(state);
}

bool fixture_was_early(void)
{
    return was_early;
}

bool fixture_skips(bool (*has)(const struct tap *), const char *reason)
{
    bool skips = !fixture_setup(NULL) && !has(tap);

    if (skips)
        printf("1..0 # SKIP %s\n", reason);
    fixture_teardown(NULL);
    return skips;
}

int fixture_teardown(void **state)
{
    (void)state;
    tap_close(TAKE(tap));
    enter(home_path);
    rmdir(cgroup_path);
    return 0;
}

struct tap *fixture_tap(void)
{
    return tap;
}

int listen_on(const char *ip, uint16_t port)
{
    struct sockaddr_storage name;
    struct address address;
    int one = 1, fd;

    assert_int_equal(address_parse(ip, port, &address), 0);
    socklen_t length = address_to_sockaddr(&address, &name);
    fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    assert_int_equal(bind(fd, (struct sockaddr *)&name, length), 0);
    assert_int_equal(listen(fd, 128), 0);
    return fd;
}

static void limit_waiting(int fd)
{
    const struct timeval limit = {.tv_sec = 10};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

int dial(const char *ip, uint16_t port)
{
    struct sockaddr_storage name;
    struct address address;
    int fd;

    assert_int_equal(address_parse(ip, port, &address), 0);
    socklen_t length = address_to_sockaddr(&address, &name);
    fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    limit_waiting(fd);
    if (!connect(fd, (struct sockaddr *)&name, length))
        return fd;
    int result = -errno;

    close(fd);
    return result;
}

int accept_one(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    assert_true(fd >= 0);
    limit_waiting(fd);
    return fd;
}

void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

void hear(int fd, const char *text)
{
    size_t length = strlen(text);
    autofree char *heard = calloc(1, length + 1);

    assert_int_equal(recv(fd, heard, length, MSG_WAITALL), length);
    assert_string_equal(heard, text);
}

void abort_connection(int fd)
{
    const struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

/* The tap's map, among what this process has open. */
static int begun_map(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct bpf_map_info info = {0};
        __u32 size = sizeof(info);

        if (!bpf_obj_get_info_by_fd(fd, &info, &size) && !strcmp(info.name, "begun_counters"))
            return fd;
    }
    fail_msg("no map of begun counters");
    return -1;
}

/* A report looks at the error bound only where the kernel says that there is one, so that has to move
 * whenever a counter of it does (each but those that never do so alone: abi.h). */
static void assert_doubted(uint32_t slot, const struct counters *now)
{
    const struct counters *then = &last[slot];
    const uint32_t at = tap_slot(slot);
    struct begun_counters begun;

    assert_int_equal(bpf_map_lookup_elem(begun_map(), &at, &begun), 0);
    if (now->rq_unclassified != then->rq_unclassified || now->gap_bytes != then->gap_bytes ||
        now->cx_opaque != then->cx_opaque || now->cx_joined != then->cx_joined ||
        now->cx_untracked != then->cx_untracked)
        assert_int_not_equal(begun.doubts, last_doubts[slot]);
    last_doubts[slot] = begun.doubts;
}

/* While nothing moves, a report sees what there is. */
static void read_slot(uint32_t slot, struct counters *now)
{
    struct counters before, reported;

    do {
        tap_read(tap, tap_slot(slot), &before);
        tap_read_rows(tap, tap_slot(slot), 1, &reported);
        tap_read(tap, tap_slot(slot), now);
    } while (memcmp(&before, now, sizeof(before)));
    assert_memory_equal(&reported, now, offsetof(struct counters, cx_opened));
    assert_doubted(slot, now);
}

struct counters counted(uint32_t slot)
{
    struct counters now, delta;
    const uint64_t *a = (const uint64_t *)&now, *b = (const uint64_t *)&last[slot];
    uint64_t *d = (uint64_t *)&delta;

    read_slot(slot, &now);
    for (size_t i = 0; i < sizeof(now) / sizeof(*a); i++)
        d[i] = a[i] - b[i];
    last[slot] = now;
    return delta;
}

bool adds_up(const struct counters *c, uint64_t awaiting)
{
    return c->rq_issued + c->cx_failed_error ==
           c->rq_success + c->rq_error + c->rq_unclassified + c->rq_no_result + awaiting;
}
