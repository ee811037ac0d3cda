#include "doctor/doctor.h"

#include <unistd.h>

#include "doctor/certificates.h"
#include "doctor/dialled.h"
#include "doctor/handshake.h"
#include "doctor/machine.h"
#include "doctor/names.h"
#include "doctor/place.h"
#include "doctor/trial.h"

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

static void examine_machine(struct findings *findings, const struct bootstrap *bootstrap)
{
    bool able = machine_check(findings);
    int cgroup = place_check(findings, bootstrap ? bootstrap->cgroup_path : NULL);
    if (cgroup < 0)
        return;
    close(cgroup);
    if (able)
        trial_check(findings, bootstrap);
}

static void examine_network(struct findings *findings, const struct bootstrap *bootstrap)
{
    struct named_addresses addresses = {NULL, 0};

    certificates_examine(findings, bootstrap);
    if (names_check(findings, bootstrap, &addresses)) {
        findings_add(findings, VERDICT_FAIL, "dns", "more memory", "out of memory");
    } else {
        handshake_check(findings, bootstrap, &addresses);
        dialled_check(findings, bootstrap, &addresses);
    }
    named_addresses_clear(&addresses);
}

void doctor_examine(struct findings *findings, const struct bootstrap_source *source)
{
    struct bootstrap *bootstrap = source ? read_configuration(findings, source) : NULL;

    examine_machine(findings, bootstrap);
    if (bootstrap)
        examine_network(findings, bootstrap);
    bootstrap_free(bootstrap);
}
