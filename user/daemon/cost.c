#include "daemon/cost.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* The second number of statm (proc_pid_statm(5)). */
static uint64_t resident_bytes(void)
{
    FILE *statm = fopen("/proc/self/statm", "re");
    unsigned long long pages = 0;

    if (!statm)
        return 0;
    if (fscanf(statm, "%*u %llu", &pages) != 1)
        pages = 0;
    fclose(statm);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void cost_read(const struct tap *tap, const struct hosts *hosts, struct admin_cost *out)
{
    struct rusage usage;
    uint64_t run_ns = 0;

    if (!getrusage(RUSAGE_SELF, &usage))
        out->cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
    out->resident_bytes = resident_bytes();
    out->has_bpf = tap_cost(tap, &run_ns, &out->bpf_runs);
    out->bpf_us = run_ns / 1000;
    out->slots = tap_slots(tap);
    out->slots_used = 0;
    for (uint32_t slot = 0; slot < hosts_count(hosts); slot++)
        out->slots_used += hosts_at(hosts, slot) != NULL;
}
