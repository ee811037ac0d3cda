#include "daemon/retreat.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/certificates.h"
#include "privilege/privilege.h"

static void make_folder(const struct bootstrap *bootstrap)
{
    autofree char *folder = bootstrap->admin_socket ? strdup(bootstrap->admin_socket) : NULL;
    char *slash = folder ? strrchr(folder, '/') : NULL;

    if (!slash || slash == folder)
        return;
    *slash = 0;
    privilege_make_folder(bootstrap->run_as_user, folder);
}

int retreat_prepare(const struct bootstrap *bootstrap)
{
    char error[PRIVILEGE_TEXT_MAX];
    int result = privilege_check(error);

    if (result)
        log_error("%s (run as root, or with these as ambient capabilities)", error);
    if (result)
        return result;
    result = privilege_user(bootstrap->run_as_user, error);
    if (result)
        log_error("%s", error);
    else
        make_folder(bootstrap);
    return result;
}

static int use_kernel(void *arg)
{
    return tap_try(arg);
}

int retreat(const struct bootstrap *bootstrap, struct tap *tap)
{
    const struct privilege_options options = {bootstrap->run_as_user, use_kernel, tap};
    char text[PRIVILEGE_TEXT_MAX], error[CERTIFICATES_ERROR_MAX];
    int result = privilege_drop(&options, text);

    if (result) {
        log_error("%s", text);
        return result;
    }
    log_info("%s", text);
    result = certificates_check(bootstrap, error);
    if (result)
        log_error("%s: let this user read it, or set run_as_user to one that may", error);
    return result;
}

void retreat_tell_refused(void)
{
    char name[64];

    while (privilege_next_refused(name, sizeof(name)))
        log_warning(
            "system call %s was refused by the seccomp filter: a library that is newer than "
            "loadtap, or somebody who has broken in",
            name);
}
