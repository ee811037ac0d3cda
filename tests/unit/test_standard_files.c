#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/standard_files.h"

static bool is_null(int fd)
{
    struct stat null, file;

    return !stat("/dev/null", &null) && !fstat(fd, &file) && file.st_rdev == null.st_rdev;
}

/* In a child, whose 0 to 2 are a pipe's end where their bit of `closed` is not set: those stay, the
 * others are /dev/null, and the next file gets a number above. */
static int open_them(unsigned closed)
{
    int ends[2], failed = 0;

    if (pipe(ends))
        return 1;
    for (int fd = 0; fd < 3; fd++)
        dup2(ends[1], fd);
    for (int fd = 0; fd < 3; fd++)
        if (closed & 1u << fd)
            close(fd);
    failed |= standard_files_open() != 0;
    for (int fd = 0; fd < 3; fd++)
        failed |= is_null(fd) != !!(closed & 1u << fd);
    return failed | (dup(ends[0]) < 3);
}

static int open_none(void)
{
    const struct rlimit none = {0, 0};

    close(STDIN_FILENO);
    return setrlimit(RLIMIT_NOFILE, &none) || standard_files_open() != -EMFILE;
}

static void assert_child_succeeds(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void those_that_are_closed(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++) {
        pid_t child = fork();

        if (!child)
            _exit(open_them(closed));
        assert_child_succeeds(child);
    }
}

static void no_file_left(void **state)
{
    pid_t child = fork();

    (void)state;
    if (!child)
        _exit(open_none());
    assert_child_succeeds(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_are_closed),
        cmocka_unit_test(no_file_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
