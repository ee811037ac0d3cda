#include "privilege/privilege.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "privilege/capabilities.h"
#include "privilege/filter.h"
#include "privilege/identity.h"

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"

#define BPF CAPABILITY(CAP_BPF)
#define PERFMON CAPABILITY(CAP_PERFMON)
#define NET_ADMIN CAPABILITY(CAP_NET_ADMIN)
#define SYS_ADMIN CAPABILITY(CAP_SYS_ADMIN)
#define CHANGE_USER (CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID))

struct need {
    uint64_t capability, or ; /* either will do */
    const char *feature;
};

static const struct need needs[] = {
    {BPF, SYS_ADMIN, "loading the BPF programs and creating their maps"},
    {PERFMON, SYS_ADMIN,
     "the programs' direct reading of packets and sockets, and finding open connections"},
    {NET_ADMIN, 0, "attaching the programs to the sockets of a cgroup"},
};

/* What may have to stay, the least first: the first that works does. */
static const uint64_t stays[] = {0, BPF, BPF | PERFMON, BPF | PERFMON | NET_ADMIN};

static int failure(char *text, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int failure(char *text, int code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(text, PRIVILEGE_TEXT_MAX, format, args);
    va_end(args);
    return code;
}

int privilege_check(char *text)
{
    uint64_t effective = capabilities_effective(), used = 0;
    size_t length = 0;

    for (size_t i = 0; i < ARRAY_SIZE(needs) && length < PRIVILEGE_TEXT_MAX; i++) {
        char name[64];

        used |= effective & (effective & needs[i].capability ? needs[i].capability : needs[i].or);
        if (effective & (needs[i].capability | needs[i].or))
            continue;
        capabilities_text(needs[i].capability, name, sizeof(name));
        length +=
            (size_t)snprintf(text + length, PRIVILEGE_TEXT_MAX - length, "%s%s is missing, for %s",
                             length ? "; " : "", name, needs[i].feature);
    }
    if (length)
        return -EPERM;
    capabilities_text(used, text, PRIVILEGE_TEXT_MAX);
    return 0;
}

/* `*changes`: whether there is a user to become. */
static int choose_user(const char *user, struct identity *out, bool *changes, char *text)
{
    bool can = (capabilities_effective() & CHANGE_USER) == CHANGE_USER;

    *changes = false;
    if (user && !strcmp(user, "root") && !geteuid())
        return 0;
    if (!user && (geteuid() || !can))
        return 0;
    int result = identity_find(user, PASSWD, GROUP, out);
    if (result)
        return failure(text, result,
                       "run_as_user: found \"%.64s\", expected a user of " PASSWD
                       ", a number, or \"number:number\"",
                       user);
    *changes = out->uid != geteuid() || out->gid != getegid();
    if (*changes && !can)
        return failure(text, -EPERM,
                       "CAP_SETUID or CAP_SETGID is missing, for run_as_user: give it, or start as "
                       "that user with ambient capabilities and leave run_as_user away");
    return 0;
}

static void describe_user(const struct identity *identity, char *text, size_t size)
{
    snprintf(text, size, "%s%suser %u, group %u", identity->name, *identity->name ? ", " : "",
             (unsigned)identity->uid, (unsigned)identity->gid);
}

int privilege_user(const char *user, char *text)
{
    struct identity identity = {.uid = geteuid(), .gid = getegid()};
    bool changes;
    int result = choose_user(user, &identity, &changes, text);

    if (!result)
        describe_user(&identity, text, PRIVILEGE_TEXT_MAX);
    return result;
}

/* What has to stay in effect. What this kernel wants is found by trying, as vendors port features back. */
static int choose_capabilities(const struct privilege_options *options, uint64_t *out, char *text)
{
    uint64_t effective = capabilities_effective();
    int result = -EPERM;

    for (size_t i = 0; i < ARRAY_SIZE(stays) && result; i++) {
        /* SYS_ADMIN stands for those that it contains where it is all that there is. */
        uint64_t left = stays[i] & ~effective ? SYS_ADMIN : 0;

        *out = (stays[i] | left) & effective;
        result = capabilities_limit(*out);
        if (!result)
            result = options->works(options->arg);
    }
    if (result)
        return failure(text, result, "the BPF maps cannot be used any more: %s", strerror(-result));
    return 0;
}

/* False: this kernel has no filters. */
static int confine(bool *filtered, char *text)
{
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failure(text, -errno, "no_new_privs: %s", strerror(errno));
    int result = filter_install();

    *filtered = !result;
    return result && result != -EINVAL
               ? failure(text, result, "seccomp filter: %s", strerror(-result))
               : 0;
}

int privilege_drop(const struct privilege_options *options, char *text)
{
    struct identity identity = {.uid = geteuid(), .gid = getegid()};
    char who[IDENTITY_NAME_MAX + 64], kept[128];
    uint64_t stay = 0;
    bool changes, filtered = false;
    int result = choose_user(options->user, &identity, &changes, text);

    if (!result)
        result = choose_capabilities(options, &stay, text);
    if (result)
        return result;
    result = capabilities_drop(stay, changes ? &identity : NULL);
    if (result)
        return failure(text, result, "cannot give away what is not needed any more: %s",
                       strerror(-result));
    result = confine(&filtered, text);
    if (result)
        return result;
    describe_user(&identity, who, sizeof(who));
    capabilities_text(stay, kept, sizeof(kept));
    snprintf(text, PRIVILEGE_TEXT_MAX, "runs as %s; capabilities: %s; %s", who, kept,
             filtered ? "system calls are filtered"
                      : "this kernel has no seccomp filters, system calls are not limited");
    return 0;
}

void privilege_make_folder(const char *user, const char *path)
{
    struct identity identity;
    char text[PRIVILEGE_TEXT_MAX];
    bool changes;

    if (choose_user(user, &identity, &changes, text) || mkdir(path, 0755) || !changes)
        return;
    /* Where that is not allowed the socket stays at the end, and is replaced at the next start. */
    (void)!chown(path, identity.uid, identity.gid);
}

int privilege_become(const char *user, char *text)
{
    struct identity identity;
    bool changes;
    int result = choose_user(user, &identity, &changes, text);

    if (!result && capabilities_drop(0, changes ? &identity : NULL))
        result = failure(text, -EPERM, "cannot become another user");
    return result;
}

bool privilege_next_refused(char *name, size_t size)
{
    return filter_next_refused(name, size);
}
