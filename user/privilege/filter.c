#include "privilege/filter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/mem.h"
#include "privilege/refused.h"

/* Allowed whatever the arguments are: with them the daemon can do to files, and to who listens somewhere,
 * what its user may, and no more. A machine lacks some of the calls, which is no error. */
static const int calls[] = {
    /* files and sockets that are open */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64),
    SCMP_SYS(pwrite64), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(lseek), SCMP_SYS(fcntl),
    SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fstat), SCMP_SYS(fstatfs),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(sendfile), SCMP_SYS(splice), SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    /* files by name: the configuration, certificates, /proc/self; at the end the own socket's is removed */
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(openat2), SCMP_SYS(stat), SCMP_SYS(lstat),
    SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(umask),
    SCMP_SYS(inotify_init1), SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch),
    /* sockets, of the families below */
    SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
    SCMP_SYS(shutdown), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(recvmsg),
    SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg), SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    /* the event loop, its timers and signals */
    SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(eventfd2), SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(signalfd4),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(pause),
    /* the time */
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday), SCMP_SYS(time),
    /* memory, but see below */
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mlock),
    SCMP_SYS(munlock), SCMP_SYS(msync), SCMP_SYS(mincore),
    /* itself: who it is, what it used, how it ends */
    SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
    SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
    SCMP_SYS(getgroups), SCMP_SYS(capget), SCMP_SYS(getrusage), SCMP_SYS(times),
    SCMP_SYS(getrlimit), SCMP_SYS(sysinfo), SCMP_SYS(uname), SCMP_SYS(getrandom), SCMP_SYS(getcpu),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(futex), SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list), SCMP_SYS(get_robust_list), SCMP_SYS(set_tid_address),
    SCMP_SYS(arch_prctl), SCMP_SYS(exit), SCMP_SYS(exit_group)};

/* Elements of its own maps, their fill, and another walk over the open sockets. Nothing is created. */
static const int bpf_commands[] = {
    BPF_MAP_LOOKUP_ELEM,  BPF_MAP_UPDATE_ELEM,    BPF_MAP_DELETE_ELEM,
    BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_BATCH,   BPF_MAP_UPDATE_BATCH,
    BPF_MAP_DELETE_BATCH, BPF_OBJ_GET_INFO_BY_FD, BPF_ITER_CREATE};
static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
static const int process_settings[] = {PR_GET_NAME, PR_SET_NAME,    PR_GET_DUMPABLE,
                                       PR_SET_VMA,  PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS};
/* How much can be read, and that nothing is waited for; whether the log is a terminal. */
static const int device_requests[] = {FIONREAD, FIONBIO, TCGETS, (int)TCGETS2};
static const int barriers[] = {MEMBARRIER_CMD_GLOBAL};
static const int programs[] = {SCMP_SYS(execve), SCMP_SYS(execveat)};

/* An int, of which the kernel looks at no more than 32 bits. */
static int allow_argument(scmp_filter_ctx filter, int call, unsigned argument, uint32_t value)
{
    const struct scmp_arg_cmp only = {
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX, .datum_b = value};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &only);
}

static int allow_arguments(scmp_filter_ctx filter, int call, unsigned argument, const int *values,
                           size_t count)
{
    int result = 0;

    for (size_t i = 0; i < count && !result; i++)
        result = allow_argument(filter, call, argument, (uint32_t)values[i]);
    return result;
}

/* Memory that is not to be executed. */
static int allow_data(scmp_filter_ctx filter, int call)
{
    const struct scmp_arg_cmp protection = {
        .arg = 2, .op = SCMP_CMP_MASKED_EQ, .datum_a = PROT_EXEC, .datum_b = 0};

    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &protection);
}

static int add_each(scmp_filter_ctx filter, uint32_t action, const int *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int result = seccomp_rule_add(filter, action, list[i], 0);

        if (result)
            return result;
    }
    return 0;
}

/* Itself, not others: signals, as raise() and abort() send them, and limits. */
static int allow_itself(scmp_filter_ctx filter)
{
    int result = allow_argument(filter, SCMP_SYS(kill), 0, (uint32_t)getpid());

    if (!result)
        result = allow_argument(filter, SCMP_SYS(tgkill), 0, (uint32_t)getpid());
    return result ? result : allow_argument(filter, SCMP_SYS(prlimit64), 0, 0);
}

static int add_by_argument(scmp_filter_ctx filter)
{
    const struct {
        int call;
        unsigned argument;
        const int *values;
        size_t count;
    } allowed[] = {
        {SCMP_SYS(bpf), 0, bpf_commands, ARRAY_SIZE(bpf_commands)},
        {SCMP_SYS(socket), 0, families, ARRAY_SIZE(families)},
        {SCMP_SYS(socketpair), 0, families, 1},
        {SCMP_SYS(ioctl), 1, device_requests, ARRAY_SIZE(device_requests)},
        {SCMP_SYS(prctl), 0, process_settings, ARRAY_SIZE(process_settings)},
        {SCMP_SYS(membarrier), 0, barriers, ARRAY_SIZE(barriers)},
    };
    int result = allow_itself(filter);

    for (size_t i = 0; i < ARRAY_SIZE(allowed) && !result; i++)
        result = allow_arguments(filter, allowed[i].call, allowed[i].argument, allowed[i].values,
                                 allowed[i].count);
    if (!result)
        result = allow_data(filter, SCMP_SYS(mmap));
    return result ? result : allow_data(filter, SCMP_SYS(mprotect));
}

static int build(scmp_filter_ctx filter)
{
    int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

    if (!result)
        result = add_each(filter, SCMP_ACT_ALLOW, calls, ARRAY_SIZE(calls));
    if (!result)
        result = add_each(filter, SCMP_ACT_KILL_PROCESS, programs, ARRAY_SIZE(programs));
    return result ? result : add_by_argument(filter);
}

int filter_install(void)
{
    int result = refused_catch();

    if (result)
        return result;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (!filter)
        return -ENOMEM;
    result = build(filter);
    if (!result)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result;
}

bool filter_next_refused(char *name, size_t size)
{
    int number = refused_next();

    if (number < 0)
        return false;
    autofree char *known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

    snprintf(name, size, "%s (%d)", known ? known : "unknown", number);
    return true;
}
