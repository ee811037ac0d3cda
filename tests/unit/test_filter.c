/* The seccomp filter, in a process of its own for each case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "privilege/filter.h"

/* Exits with 0 if `good` returns true behind the filter; the wait status. */
static int behind(bool (*good)(void))
{
    pid_t child = fork();
    int status;

    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        _exit(filter_install() ? 3 : !good());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool refused(long result)
{
    return result == -1 && errno == ENOSYS;
}

static bool next_is(const char *name)
{
    char text[64];

    return filter_next_refused(text, sizeof(text)) && !strncmp(text, name, strlen(name)) &&
           text[strlen(name)] == ' ';
}

static bool works(void)
{
    char byte, text[64];
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.map_fd = (uint32_t)-1;
    return file >= 0 && read(file, &byte, 1) == 1 && data != MAP_FAILED &&
           !mprotect(data, 4096, PROT_READ) && socket(AF_INET, SOCK_STREAM, 0) >= 0 &&
           socket(AF_INET6, SOCK_DGRAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
           syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)) < 0 && errno != ENOSYS &&
           syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) <= 0 &&
           !filter_next_refused(text, sizeof(text));
}

static void test_works(void **state)
{
    (void)state;
    assert_int_equal(behind(works), 0);
}

/* Each is told once, however often it is made. */
static bool tells(void)
{
    char text[64];

    return refused(unshare(CLONE_NEWNET)) && refused(unshare(CLONE_NEWNET)) &&
           refused(syscall(SYS_mount, "a", "b", "c", 0, NULL)) && next_is("mount") &&
           next_is("unshare") && !filter_next_refused(text, sizeof(text)) &&
           refused(unshare(CLONE_NEWNET)) && !filter_next_refused(text, sizeof(text));
}

static void test_tells(void **state)
{
    (void)state;
    assert_int_equal(behind(tells), 0);
}

static bool refuses_by_argument(void)
{
    void *data = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    return refused(socket(AF_PACKET, SOCK_RAW, 0)) && refused(socket(AF_NETLINK, SOCK_RAW, 0)) &&
           refused(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr))) &&
           refused(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr))) &&
           refused(syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr))) &&
           refused(mprotect(data, 4096, PROT_READ | PROT_EXEC)) &&
           mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
           refused(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) && refused(fork());
}

/* Neither other processes, nor what ioctl() can do to terminals and devices, nor files' names and modes. */
static bool refuses_to_touch_others(void)
{
    struct rlimit limit;
    int pid = getpid();
    char character = 'x';

    return refused(kill(getppid(), 0)) && refused(kill(-1, 0)) && refused(kill(0, 0)) &&
           refused(syscall(SYS_tgkill, getppid(), getppid(), 0)) && !kill(pid, 0) &&
           !syscall(SYS_tgkill, pid, pid, 0) && !getrlimit(RLIMIT_NOFILE, &limit) &&
           refused(syscall(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &limit)) &&
           refused(ioctl(0, TIOCSTI, &character)) && refused(chmod("/nowhere", 0)) &&
           refused(rename("/nowhere", "/nowhere else")) && refused(mkdir("/nowhere/at all", 0));
}

static bool asks_descriptors(void)
{
    int ends[2], count = 0, on = 1;

    return !socketpair(AF_UNIX, SOCK_STREAM, 0, ends) && write(ends[0], "ab", 2) == 2 &&
           !ioctl(ends[1], FIONREAD, &count) && count == 2 && !ioctl(ends[1], FIONBIO, &on) &&
           !isatty(ends[1]) && errno == ENOTTY;
}

static void test_refuses_to_touch_others(void **state)
{
    (void)state;
    assert_int_equal(behind(refuses_to_touch_others), 0);
    assert_int_equal(behind(asks_descriptors), 0);
}

static void test_refuses_by_argument(void **state)
{
    (void)state;
    assert_int_equal(behind(refuses_by_argument), 0);
}

static bool starts_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
    return true;
}

static void test_ends_who_starts_programs(void **state)
{
    int status = behind(starts_program);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_works),
        cmocka_unit_test(test_tells),
        cmocka_unit_test(test_refuses_by_argument),
        cmocka_unit_test(test_refuses_to_touch_others),
        cmocka_unit_test(test_ends_who_starts_programs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
