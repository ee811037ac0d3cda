#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/cgroup.h"

/* A line of /proc/self/mountinfo. */
#define MOUNT(root, point, type)                                                                   \
    "41 31 0:38 " root " " point " rw,relatime shared:1 - " type " none rw\n"

static int root_in(const char *table, char *out, size_t size)
{
    char path[] = "/tmp/loadtap-mounts-XXXXXX";
    int fd = mkstemp(path), result;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, table, strlen(table)), strlen(table));
    close(fd);
    result = cgroup_root(path, out, size);
    unlink(path);
    return result;
}

static void expect_root(const char *table, const char *wanted)
{
    char root[64] = "";

    assert_int_equal(root_in(table, root, sizeof(root)), 0);
    assert_string_equal(root, wanted);
}

static void unified_and_hybrid(void **state)
{
    (void)state;
    expect_root(MOUNT("/", "/sys/fs/cgroup", "cgroup2"), "/sys/fs/cgroup");
    expect_root(MOUNT("/", "/sys/fs/cgroup", "tmpfs") MOUNT("/", "/sys/fs/cgroup/cpu", "cgroup")
                    MOUNT("/", "/sys/fs/cgroup/unified", "cgroup2"),
                "/sys/fs/cgroup/unified");
    expect_root("41 31 0:38 / /no-optional-fields rw - cgroup2 cgroup2 rw\n",
                "/no-optional-fields");
}

static void the_mount_that_shows_most(void **state)
{
    (void)state;
    expect_root(MOUNT("/", "/own", "cgroup2") MOUNT("/../..", "/host", "cgroup2"), "/host");
    expect_root(MOUNT("/../..", "/host", "cgroup2") MOUNT("/", "/own", "cgroup2"), "/host");
    expect_root(MOUNT("/..", "/one", "cgroup2") MOUNT("/../..", "/two", "cgroup2"), "/two");
    expect_root(MOUNT("/below", "/part", "cgroup2") MOUNT("/", "/own", "cgroup2"), "/own");
    expect_root(MOUNT("/../beside", "/part", "cgroup2") MOUNT("/", "/own", "cgroup2"), "/own");
    expect_root(MOUNT("/a/b", "/less", "cgroup2") MOUNT("/..a", "/more", "cgroup2"), "/more");
}

static void the_first_of_equal_ones_and_escaped_names(void **state)
{
    (void)state;
    expect_root(MOUNT("/", "/a\\040b\\134", "cgroup2") MOUNT("/", "/c", "cgroup2"), "/a b\\");
}

static void none_too_long_no_table(void **state)
{
    char root[8];

    (void)state;
    assert_int_equal(root_in(MOUNT("/", "/sys/fs/cgroup/cpu", "cgroup"), root, sizeof(root)),
                     -ENOENT);
    assert_int_equal(root_in("no table - cgroup2 \n", root, sizeof(root)), -ENOENT);
    assert_int_equal(root_in(MOUNT("/", "/1234567", "cgroup2"), root, sizeof(root)), -ENAMETOOLONG);
    assert_int_equal(root_in(MOUNT("/", "/123456", "cgroup2"), root, sizeof(root)), 0);
    assert_int_equal(cgroup_root("/nonexistent", root, sizeof(root)), -ENOENT);
}

static void what_cannot_be_opened(void **state)
{
    char path[64], error[512];

    (void)state;
    assert_int_equal(cgroup_open("/nowhere", false, path, sizeof(path), error, sizeof(error)),
                     -ENOENT);
    assert_non_null(strstr(error, "cannot open cgroup /nowhere: No such file"));
    assert_int_equal(cgroup_open("/tmp", false, path, sizeof(path), error, sizeof(error)), -EINVAL);
    assert_non_null(strstr(error, "/tmp is no cgroup v2 directory (cgroup v2 is mounted at "));
    assert_int_equal(cgroup_open("/tmp", false, path, 4, error, sizeof(error)), -ENAMETOOLONG);
    /* No test runs in a pod's cgroup. */
    assert_int_equal(cgroup_open(NULL, true, path, sizeof(path), error, sizeof(error)), -ENOENT);
    assert_non_null(strstr(error, "have the host's /sys/fs/cgroup mounted too"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unified_and_hybrid),
        cmocka_unit_test(the_mount_that_shows_most),
        cmocka_unit_test(the_first_of_equal_ones_and_escaped_names),
        cmocka_unit_test(none_too_long_no_table),
        cmocka_unit_test(what_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
