#include "kernel/load_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void load_error_text(int code, bool locks_all, bool has_btf, char *text, size_t size)
{
    const char *why = strerror(-code);

    if (code == -EPERM)
        snprintf(text, size,
                 "the kernel refuses to load BPF programs%s: run as root of the machine (not of a "
                 "user namespace), or with its CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
                 locks_all
                     ? ""
                     : ", before Linux 5.11 for the limit of locked memory (ulimit -l unlimited; "
                       "LimitMEMLOCK=infinity; CAP_SYS_RESOURCE)");
    else if (code == -EMFILE || code == -ENFILE)
        snprintf(text, size, "cannot load the BPF programs: %s: raise the limit (ulimit -n)", why);
    else if (code == -ENOMEM)
        snprintf(text, size, "cannot load the BPF programs: %s (ulimit -v, the cgroup's limit)",
                 why);
    else if (code == -ESRCH && has_btf)
        snprintf(text, size,
                 "cannot load the BPF programs: the kernel's types in " LOAD_ERROR_BTF
                 " are not usable (why is above), or memory is short (ulimit -v, the cgroup's "
                 "limit)");
    else
        snprintf(text, size,
                 "the kernel refuses the BPF programs: %s (why is above; needs Linux 5.10 or later "
                 "with BTF)",
                 code == -ESRCH ? "it does not show its types in " LOAD_ERROR_BTF : why);
}

void load_error_explain(int code, char *text, size_t size)
{
    struct rlimit locked;
    bool locks_all = !getrlimit(RLIMIT_MEMLOCK, &locked) && locked.rlim_cur == RLIM_INFINITY;

    load_error_text(code, locks_all, !access(LOAD_ERROR_BTF, R_OK), text, size);
}

bool load_error_needs_words(int code)
{
    return code != -EPERM && code != -EMFILE && code != -ENFILE && code != -ENOMEM;
}
