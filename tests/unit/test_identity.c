#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>

#include "privilege/identity.h"

static char passwd[] = "/tmp/loadtap-passwd-XXXXXX", group[] = "/tmp/loadtap-group-XXXXXX";

static void write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
    (void)state;
    int one = mkstemp(passwd), two = mkstemp(group);

    if (one < 0 || two < 0)
        return -1;
    close(one);
    close(two);
    write_to(group, "root:x:0:\nnogroup:x:65533:\nssl:x:40:web,loadtap\nweb:x:33:loadtap\n"
                    "loadtap:x:99:loadtap\nother:x:50:web\n");
    return 0;
}

static int remove_files(void **state)
{
    (void)state;
    return unlink(passwd) || unlink(group);
}

static struct identity found(const char *user)
{
    struct identity out;

    assert_int_equal(identity_find(user, passwd, group, &out), 0);
    return out;
}

static void test_named(void **state)
{
    (void)state;
    write_to(passwd, "root:x:0:0::/:/bin/sh\nloadtap:x:98:99::/:/bin/false\n");
    struct identity it = found("loadtap");

    assert_string_equal(it.name, "loadtap");
    assert_int_equal(it.uid, 98);
    assert_int_equal(it.gid, 99);
    assert_int_equal(it.group_count, 3);
    assert_int_equal(it.groups[0], 99);
    assert_int_equal(it.groups[1], 40);
    assert_int_equal(it.groups[2], 33);
}

static void test_default(void **state)
{
    (void)state;
    write_to(passwd, "root:x:0:0::/:/bin/sh\nnobody:x:7:8::/:/bin/false\n");
    assert_int_equal(found(NULL).uid, 7);
    write_to(passwd, "nobody:x:7:8::/:/bin/false\nloadtap:x:98:99::/:/bin/false\n");
    assert_int_equal(found(NULL).uid, 98);
    write_to(passwd, "root:x:0:0::/:/bin/sh\n");
    struct identity it = found(NULL);
    assert_int_equal(it.uid, 65534);
    assert_int_equal(it.gid, 65534);
    assert_int_equal(it.group_count, 1);
    assert_int_equal(it.groups[0], 65534);
}

static void test_numbers(void **state)
{
    (void)state;
    write_to(passwd, "loadtap:x:98:99::/:/bin/false\n");
    struct identity it = found("98");
    assert_string_equal(it.name, "loadtap");
    assert_int_equal(it.gid, 99);
    assert_int_equal(it.group_count, 3);
    it = found("1000");
    assert_string_equal(it.name, "1000");
    assert_int_equal(it.uid, 1000);
    assert_int_equal(it.gid, 1000);
    it = found("98:5");
    assert_int_equal(it.uid, 98);
    assert_int_equal(it.gid, 5);
    assert_int_equal(it.group_count, 1);
    assert_int_equal(it.groups[0], 5);
    it = found("4294967294:0");
    assert_int_equal(it.uid, 4294967294);
    assert_int_equal(it.gid, 0);
}

static void test_wrong(void **state)
{
    static const char *const wrong[] = {
        "1000:", "1:x", "5x", "1:2:3", "4294967295", "1:4294967295", "99999999999999999999"};
    struct identity out = {.uid = 3};

    (void)state;
    write_to(passwd, "loadtap:x:98:99::/:/bin/false\n");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        assert_int_equal(identity_find(wrong[i], passwd, group, &out), -EINVAL);
    assert_int_equal(identity_find("nobody", passwd, group, &out), -ENOENT);
    assert_int_equal(identity_find("nobody", "/nonexistent", group, &out), -ENOENT);
    assert_int_equal(out.uid, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_wrong),
    };

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
