#include "doctor/trial.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/tap.h"
#include "upstream/estimate.h"

#define KIB 1024

/* MemAvailable; 0: not known. */
static uint64_t available_kib(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long long kib = 0;

    while (file && !kib && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) != 1)
            kib = 0;
    if (file)
        fclose(file);
    return kib;
}

static void check_memory(struct findings *findings, const struct tap *tap)
{
    uint64_t needed = tap_memory(tap) / KIB, available = available_kib();
    enum verdict verdict = available && needed > available / 2 ? VERDICT_WARN : VERDICT_OK;

    findings_add(findings, verdict, "memory",
                 verdict == VERDICT_OK ? NULL : "fewer endpoints, or more memory",
                 "the maps take %llu KiB, %llu KiB are available; each open connection takes %zu "
                 "bytes more",
                 (unsigned long long)needed, (unsigned long long)available,
                 tap_connection_memory(tap));
}

void trial_check(struct findings *findings, const struct bootstrap *bootstrap)
{
    const struct tap_options options = {
        .cgroup = bootstrap ? bootstrap->cgroup_path : NULL,
        .own_pod = bootstrap && bootstrap->pod_cgroup,
        .slots = bootstrap ? (uint32_t)estimate_hosts(&bootstrap->clusters) : 1,
        .checked = bootstrap ? (uint32_t)estimate_checked(&bootstrap->clusters) : 0,
    };
    char error[TAP_ERROR_MAX];
    struct tap *tap;

    if (tap_open(&options, &tap, error)) {
        findings_add(findings, VERDICT_FAIL, "programs", "what the line says, or an issue with it",
                     "%s", error);
        return;
    }
    findings_add(findings, tap_limits(tap) ? VERDICT_WARN : VERDICT_OK, "programs",
                 tap_limits(tap) ? "Linux 5.17 or later" : NULL, "%s",
                 tap_limits(tap) ? tap_limits(tap) : tap_description(tap));
    check_memory(findings, tap);
    tap_close(tap);
}
