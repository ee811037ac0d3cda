#include "kernel/load_error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void load_error_text(int code, bool has_btf, char *text, size_t size)
{
    const char *why = strerror(-code);

    if (code == -EPERM)
        snprintf(text, size,
                 "the kernel refuses to load BPF programs: run as root, or with CAP_BPF, "
                 "CAP_NET_ADMIN and CAP_PERFMON");
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

bool load_error_needs_words(int code)
{
    return code != -EPERM && code != -EMFILE && code != -ENFILE && code != -ENOMEM;
}
