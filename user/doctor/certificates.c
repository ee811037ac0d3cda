#include "doctor/certificates.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "privilege/privilege.h"
#include "stream/tls.h"

/* 0, or -errno with `error`. */
static int try_files(const struct bootstrap *bootstrap, char *error)
{
    struct tls *tls = NULL;
    int result;

    snprintf(error, TLS_ERROR_MAX, "out of memory");
    result = tls_new(bootstrap->lrs_tls, &tls, error);
    tls_free(tls);
    return result;
}

static _Noreturn void be_another(const struct bootstrap *bootstrap, int out)
{
    char error[TLS_ERROR_MAX];

    _Static_assert(TLS_ERROR_MAX >= PRIVILEGE_TEXT_MAX, "it holds either error");
    if (!privilege_become(bootstrap->run_as_user, error) && !try_files(bootstrap, error))
        *error = 0;
    _exit(write(out, error, strlen(error)) < 0);
}

/* The same in a process that is whom the daemon becomes: its error, or "". */
static void try_as_another(const struct bootstrap *bootstrap, char *error)
{
    int ends[2];
    ssize_t length = 0;

    snprintf(error, TLS_ERROR_MAX, "another process could not be asked");
    if (pipe(ends))
        return;
    pid_t child = fork();
    if (child == 0)
        be_another(bootstrap, ends[1]);
    close(ends[1]);
    if (child > 0) {
        length = read(ends[0], error, TLS_ERROR_MAX - 1);
        waitpid(child, NULL, 0);
    }
    close(ends[0]);
    if (child > 0 && length >= 0)
        error[length] = 0;
}

void certificates_examine(struct findings *findings, const struct bootstrap *bootstrap)
{
    char error[TLS_ERROR_MAX];

    if (!bootstrap->lrs_tls) {
        findings_ok(findings, "tls", "the management server is spoken to without TLS");
        return;
    }
    if (try_files(bootstrap, error)) {
        findings_add(findings, VERDICT_FAIL, "tls", "mend the file, or its name", "%s", error);
        return;
    }
    try_as_another(bootstrap, error);
    if (*error)
        findings_add(findings, VERDICT_FAIL, "tls",
                     "let the user that loadtap becomes read it, or set run_as_user", "%s", error);
    else
        findings_ok(findings, "tls",
                    "certificates and key can be read, also by whom loadtap becomes");
}
