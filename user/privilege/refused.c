#include "privilege/refused.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

#define CALLS_MAX 1024 /* more than any kernel has */
#define WORD 64

/* Written by the handler, hence global. */
static uint64_t seen[CALLS_MAX / WORD], told[CALLS_MAX / WORD];

/* What the caller sees: as of a kernel that does not have the call, so that the C library falls back to an
 * older one where it can. */
static void return_unknown(ucontext_t *context)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#elif defined(__aarch64__)
    context->uc_mcontext.regs[0] = (uint64_t)-ENOSYS;
#else
#error "where does this machine return the result of a system call?"
#endif
}

static void on_refused(int number, siginfo_t *info, void *context)
{
    unsigned call = (unsigned)info->si_syscall % CALLS_MAX;

    (void)number;
    __atomic_fetch_or(&seen[call / WORD], 1ull << call % WORD, __ATOMIC_RELAXED);
    return_unknown(context);
}

int refused_catch(void)
{
    struct sigaction action = {.sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER};

    sigemptyset(&action.sa_mask);
    return sigaction(SIGSYS, &action, NULL) ? -errno : 0;
}

int refused_next(void)
{
    for (unsigned i = 0; i < CALLS_MAX / WORD; i++) {
        uint64_t fresh = __atomic_load_n(&seen[i], __ATOMIC_RELAXED) & ~told[i];

        if (!fresh)
            continue;
        unsigned bit = (unsigned)__builtin_ctzll(fresh);

        told[i] |= 1ull << bit;
        return (int)(i * WORD + bit);
    }
    return -1;
}
