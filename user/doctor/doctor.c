#include "doctor/doctor.h"

#include "doctor/certificates.h"
#include "doctor/dialled.h"
#include "doctor/handshake.h"
#include "doctor/machine.h"
#include "doctor/names.h"
#include "doctor/place.h"
#include "doctor/trial.h"
#include "kernel/cgroup_mounts.h"

static struct bootstrap *read_configuration(struct findings *findings,
                                            const struct bootstrap_source *source)
{
    struct bootstrap *bootstrap = NULL;
    struct config_error error;

    if (bootstrap_load(source, &bootstrap, &error))
        findings_add(findings, VERDICT_FAIL, "configuration", "configs/README.md has what is read",
                     "%s", error.text);
    else
        findings_ok(findings, "configuration", "%zu clusters", bootstrap->clusters.count);
    return bootstrap;
}

/* Whether there is a cgroup; its path in `cgroup`. */
static bool examine_machine(struct findings *findings, const struct bootstrap *bootstrap,
                            char *cgroup)
{
    bool able = machine_check(findings, bootstrap ? bootstrap->run_as_user : NULL);
    bool placed = place_check(findings, bootstrap, cgroup, CGROUP_PATH_MAX);

    if (able && placed)
        trial_check(findings, bootstrap);
    return placed;
}

/* `cgroup`: NULL: there is none. */
static void examine_network(struct findings *findings, const struct bootstrap *bootstrap,
                            const char *cgroup)
{
    struct named_addresses addresses = {NULL, 0};

    certificates_examine(findings, bootstrap);
    if (names_check(findings, bootstrap, &addresses)) {
        findings_add(findings, VERDICT_FAIL, "dns", "more memory", "out of memory");
    } else {
        handshake_check(findings, bootstrap, &addresses);
        if (cgroup)
            dialled_check(findings, bootstrap, &addresses, cgroup);
    }
    named_addresses_clear(&addresses);
}

void doctor_examine(struct findings *findings, const struct bootstrap_source *source)
{
    struct bootstrap *bootstrap = source ? read_configuration(findings, source) : NULL;
    char cgroup[CGROUP_PATH_MAX];
    bool placed = examine_machine(findings, bootstrap, cgroup);

    if (bootstrap)
        examine_network(findings, bootstrap, placed ? cgroup : NULL);
    bootstrap_free(bootstrap);
}
