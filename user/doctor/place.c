#include "doctor/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "doctor/processes.h"
#include "kernel/cgroup.h"
#include "kernel/hooks.h"

static bool note(void *arg, pid_t pid)
{
    size_t *count = arg;

    (void)pid;
    ++*count;
    return true;
}

static void check_processes(struct findings *findings, const char *path)
{
    size_t count = 0;
    int result = processes_visit(path, note, &count);

    if (count)
        findings_ok(findings, "cgroup", "%s: %zu processes", path, count);
    else if (result)
        findings_add(findings, VERDICT_WARN, "cgroup",
                     "run it as who may read cgroup.procs there and below",
                     "%s: what processes are in it is not known: %s", path, strerror(-result));
    else
        findings_add(findings, VERDICT_WARN, "cgroup",
                     "start the proxy inside of it, or set cgroup_path to where it runs (cat "
                     "/proc/PID/cgroup)",
                     "%s: no process is in it: nothing would be counted", path);
}

/* "id 12 (sd_fw_egress) at egress, ..." */
static void list_users(const struct hook_user *users, size_t count, char *out, size_t size)
{
    size_t length = 0;

    *out = 0;
    for (size_t i = 0; i < count && length < size; i++)
        length += (size_t)snprintf(out + length, size - length, "%sid %u%s%s%s at %s",
                                   i ? ", " : "", users[i].id, *users[i].name ? " (" : "",
                                   users[i].name, *users[i].name ? ")" : "", users[i].hook);
}

static void check_hooks(struct findings *findings, int fd)
{
    struct hook_user users[HOOK_USERS_MAX];
    char text[FINDING_TEXT_MAX / 2];
    size_t count;
    int result = hooks_list(fd, true, users, &count);

    if (result) {
        findings_add(findings, VERDICT_WARN, "hooks", "CAP_NET_ADMIN and CAP_BPF",
                     "who else is attached to the cgroup is not known: %s", strerror(-result));
        return;
    }
    list_users(users, count, text, sizeof(text));
    if (hooks_have_loadtap(users, count))
        findings_add(findings, VERDICT_WARN, "hooks",
                     "no harm, if it is meant; two of one node report each request twice",
                     "another loadtap is attached: %s", text);
    else if (count)
        findings_ok(findings, "hooks", "also attached: %s; they do not disturb each other", text);
    else
        findings_ok(findings, "hooks", "nobody else is attached to the cgroup");
}

bool place_check(struct findings *findings, const struct bootstrap *bootstrap, char *out,
                 size_t size)
{
    char error[FINDING_TEXT_MAX];
    int fd = cgroup_open(bootstrap ? bootstrap->cgroup_path : NULL,
                         bootstrap && bootstrap->pod_cgroup, out, size, error, sizeof(error));

    if (fd < 0) {
        findings_add(findings, VERDICT_FAIL, "cgroup",
                     "set cgroup_path to a folder of that hierarchy", "%s", error);
        return false;
    }
    check_processes(findings, out);
    check_hooks(findings, fd);
    close(fd);
    return true;
}
