#include <errno.h>
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

static void unified_and_hybrid(void **state)
{
    char root[64];

    (void)state;
    assert_int_equal(root_in("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", root, sizeof(root)), 0);
    assert_string_equal(root, "/sys/fs/cgroup");
    assert_int_equal(root_in("tmpfs /sys/fs/cgroup tmpfs rw 0 0\n"
                             "cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n"
                             "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
                             root, sizeof(root)),
                     0);
    assert_string_equal(root, "/sys/fs/cgroup/unified");
}

static void the_first_of_several_and_escaped_names(void **state)
{
    char root[64];

    (void)state;
    assert_int_equal(
        root_in("none /a\\040b cgroup2 rw 0 0\nnone /c cgroup2 rw 0 0\n", root, sizeof(root)), 0);
    assert_string_equal(root, "/a b");
}

static void none_too_long_no_table(void **state)
{
    char root[8];

    (void)state;
    assert_int_equal(root_in("cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", root, sizeof(root)),
                     -ENOENT);
    assert_int_equal(root_in("none /1234567 cgroup2 rw 0 0\n", root, sizeof(root)), -ENAMETOOLONG);
    assert_int_equal(root_in("none /123456 cgroup2 rw 0 0\n", root, sizeof(root)), 0);
    assert_int_equal(cgroup_root("/nonexistent", root, sizeof(root)), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unified_and_hybrid),
        cmocka_unit_test(the_first_of_several_and_escaped_names),
        cmocka_unit_test(none_too_long_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
