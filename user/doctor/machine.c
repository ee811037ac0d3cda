#include "doctor/machine.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel/features.h"
#include "kernel/load_error.h"
#include "privilege/privilege.h"

/* False: nothing can be tried. */
static bool check_capabilities(struct findings *findings)
{
    char text[PRIVILEGE_TEXT_MAX];

    if (privilege_check(text)) {
        findings_add(findings, VERDICT_FAIL, "capabilities",
                     "run as root, or give these as ambient capabilities "
                     "(configs/systemd/loadtap.service)",
                     "%s", text);
        return false;
    }
    findings_ok(findings, "capabilities", "%s are there", text);
    return true;
}

static void check_user(struct findings *findings, const char *run_as_user)
{
    char text[PRIVILEGE_TEXT_MAX];

    if (privilege_user(run_as_user, text))
        findings_add(findings, VERDICT_FAIL, "user", "name another one, or leave run_as_user away",
                     "%s", text);
    else
        findings_ok(findings, "user", "once attached, loadtap is %s", text);
}

static void check_types(struct findings *findings)
{
    if (access(LOAD_ERROR_BTF, R_OK))
        findings_add(findings, VERDICT_FAIL, "btf",
                     "a kernel with CONFIG_DEBUG_INFO_BTF=y; in a container, one that sees /sys",
                     "cannot read the kernel's types, " LOAD_ERROR_BTF ": %s", strerror(errno));
    else
        findings_ok(findings, "btf", "the kernel's types are in " LOAD_ERROR_BTF);
}

static void check_features(struct findings *findings, const char *release)
{
    struct features features;

    features_find(&features);
    if (!features.results || !features.loops)
        findings_add(findings, VERDICT_WARN, "kernel", "Linux 5.17 or later",
                     "Linux %s: HTTP/2 and gRPC are opaque, and connections that are open already "
                     "are not seen: it has %s",
                     release, features.results ? "no bpf_loop" : "no atomics with a result");
    else if (!features.cookies)
        findings_add(findings, VERDICT_WARN, "kernel", "Linux 5.15 or later",
                     "Linux %s: a loopback endpoint counts in every network namespace: it has no "
                     "network namespace cookies",
                     release);
    else
        findings_ok(findings, "kernel",
                    "Linux %s: atomics with a result, bpf_loop, network namespace cookies",
                    release);
}

bool machine_check(struct findings *findings, const char *run_as_user)
{
    struct utsname name;
    bool able = check_capabilities(findings);

    check_user(findings, run_as_user);
    uname(&name);
    if (able)
        check_features(findings, name.release);
    else
        findings_add(findings, VERDICT_WARN, "kernel", "the capabilities above",
                     "Linux %s: what its BPF can do was not tried", name.release);
    check_types(findings);
    return able;
}
