/* attach loadtap|empty CGROUP IP PORT...: attaches those programs to a cgroup, with each IP:PORT as
 * an endpoint, until stdin ends. Each line on stdin is a command, answered by one line of JSON:
 *   on, off   the kernel's statistics of BPF programs (BPF_ENABLE_STATS)
 *   read      per hook the runs, their nanoseconds and the program's id, and what was counted */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/mem.h"
#include "empty.skel.h"
#include "kernel/tap.h"

struct attached {
    int cgroup;
    int stats; /* open while the statistics are on, else -1 */
    struct tap *tap;
    struct empty_bpf *empty;
};

static bool attach_empty(struct attached *a)
{
    a->empty = empty_bpf__open_and_load();
    if (!a->empty)
        return false;
    a->empty->links.empty_sockops =
        bpf_program__attach_cgroup(a->empty->progs.empty_sockops, a->cgroup);
    a->empty->links.empty_egress =
        bpf_program__attach_cgroup(a->empty->progs.empty_egress, a->cgroup);
    a->empty->links.empty_ingress =
        bpf_program__attach_cgroup(a->empty->progs.empty_ingress, a->cgroup);
    return a->empty->links.empty_sockops && a->empty->links.empty_egress &&
           a->empty->links.empty_ingress;
}

/* All endpoints share one row of counters. */
static bool observe(struct attached *a, const char *ip, char **ports)
{
    static const struct cluster cluster = {.name = "bench"};
    struct address address;

    for (; *ports; ports++)
        if (address_parse(ip, (uint16_t)atoi(*ports), &address) ||
            tap_observe(a->tap, &address, 0, &cluster))
            return false;
    return true;
}

static bool attach_loadtap(struct attached *a, const char *cgroup, const char *ip, char **ports)
{
    /* As many slots as endpoints, because the map of endpoints has no more places. */
    struct tap_options options = {.cgroup = cgroup};
    char error[TAP_ERROR_MAX] = "bad address";

    while (ports[options.slots])
        options.slots++;
    if (!tap_open(&options, &a->tap, error) && observe(a, ip, ports))
        return true;
    fprintf(stderr, "attach: %s\n", error);
    return false;
}

/* What the kernel says of the program that is attached to the cgroup at this hook. */
static void print_hook(const struct attached *a, const char *name, enum bpf_attach_type type)
{
    struct bpf_prog_info info = {0};
    __u32 id = 0, count = 1, flags = 0, size = sizeof(info);
    int fd;

    if (bpf_prog_query(a->cgroup, type, 0, &flags, &id, &count) || count != 1)
        return;
    fd = bpf_prog_get_fd_by_id(id);
    if (fd < 0)
        return;
    if (!bpf_obj_get_info_by_fd(fd, &info, &size))
        printf("\"%s\": [%llu, %llu, %u], ", name, info.run_cnt, info.run_time_ns, id);
    close(fd);
}

static void print_state(const struct attached *a)
{
    struct counters c = {0};

    if (a->tap)
        tap_read(a->tap, 0, &c);
    printf("{");
    print_hook(a, "egress", BPF_CGROUP_INET_EGRESS);
    print_hook(a, "ingress", BPF_CGROUP_INET_INGRESS);
    print_hook(a, "sockops", BPF_CGROUP_SOCK_OPS);
    printf("\"opened\": %" PRIu64 ", \"established\": %" PRIu64 ", \"failed\": %" PRIu64
           ", \"closed\": %" PRIu64 ", ",
           c.cx_opened, c.cx_established, c.cx_failed, c.cx_closed);
    printf("\"issued\": %" PRIu64 ", \"success\": %" PRIu64 ", \"finished\": %" PRIu64
           ", \"unseen\": %" PRIu64 "}\n",
           c.rq_issued, c.rq_success, c.rq_finished,
           c.rq_unclassified + c.gap_bytes + c.cx_opaque + c.cx_untracked);
}

static void switch_stats(struct attached *a, bool on)
{
    if (a->stats >= 0)
        close(a->stats);
    a->stats = on ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
    printf("{\"stats\": %s}\n", a->stats >= 0 ? "true" : "false");
}

static void obey(struct attached *a)
{
    char line[64];

    setvbuf(stdout, NULL, _IOLBF, 0);
    print_state(a);
    while (fgets(line, sizeof(line), stdin)) {
        if (!strncmp(line, "read", 4))
            print_state(a);
        else
            switch_stats(a, !strncmp(line, "on", 2));
    }
}

int main(int argc, char **argv)
{
    struct attached a = {.cgroup = -1, .stats = -1};
    bool ready = false;

    if (argc >= 5)
        a.cgroup = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a.cgroup >= 0)
        ready = strcmp(argv[1], "loadtap") ? attach_empty(&a)
                                           : attach_loadtap(&a, argv[2], argv[3], argv + 4);
    if (ready)
        obey(&a);
    else
        fprintf(stderr, "attach: %s\n", strerror(errno));
    tap_close(a.tap);
    empty_bpf__destroy(a.empty);
    return ready ? 0 : 1;
}
