/* A file is there whole, or what it was before. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/whole_file.h"

static char folder[64], path[96], other[96];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/loadtap-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/it", folder);
    snprintf(other, sizeof(other), "%s/other", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(folder); /* fails where anything was left behind */
}

static int put(const char *text, bool replaces)
{
    return whole_file_write(path, text, strlen(text), 0644, replaces);
}

static void holds(const char *name, const char *text)
{
    char found[64] = "";
    int fd = open(name, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
    close(fd);
    assert_string_equal(found, text);
}

static unsigned mode_of(const char *name)
{
    struct stat stat;

    assert_int_equal(lstat(name, &stat), 0);
    return stat.st_mode & 07777;
}

static void a_new_one(void **state)
{
    mode_t mask = umask(027);

    (void)state;
    assert_int_equal(put("first", false), 0);
    umask(mask);
    holds(path, "first");
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(put("second", false), -EEXIST);
    holds(path, "first");
}

/* Who has the old one open goes on reading the old one. */
static void another_in_its_place(void **state)
{
    char found[8] = "";
    int fd;

    (void)state;
    assert_int_equal(put("first", false), 0);
    assert_int_equal(chmod(path, 0604), 0);
    fd = open(path, O_RDONLY);
    assert_int_equal(put("second", true), 0);
    assert_int_equal(read(fd, found, sizeof(found) - 1), 5);
    close(fd);
    assert_string_equal(found, "first");
    holds(path, "second");
    assert_int_equal(mode_of(path), 0604);
}

static void where_a_link_leads(void **state)
{
    struct stat stat;

    (void)state;
    assert_int_equal(put("first", false), 0);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink("other", path), 0);
    assert_int_equal(put("second", true), 0);
    holds(other, "second");
    assert_int_equal(lstat(path, &stat), 0);
    assert_true(S_ISLNK(stat.st_mode));
}

/* As on a disk that is full. */
static void what_was_there_stays(void **state)
{
    struct rlimit before, small;

    (void)state;
    assert_int_equal(put("first", false), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 3, .rlim_max = before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int result = put("second", true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, -EFBIG);
    holds(path, "first");
}

static void where_there_is_no_folder(void **state)
{
    (void)state;
    assert_int_equal(whole_file_write("/dev/null", "x", 1, 0644, true), -EINVAL);
    assert_int_equal(whole_file_write("/tmp/loadtap-no-such-folder/it", "x", 1, 0644, true),
                     -ENOENT);
}

static void what_is_known_before(void **state)
{
    (void)state;
    assert_int_equal(whole_file_check(path, false), 0);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(put("first", false), 0);
    assert_int_equal(whole_file_check(path, false), -EEXIST);
    assert_int_equal(whole_file_check(path, true), 0);
    holds(path, "first");
    assert_int_equal(whole_file_check("/dev/null", true), -EINVAL);
    assert_int_equal(whole_file_check("/tmp/loadtap-no-such-folder/it", true), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_one),
        TEST(another_in_its_place),
        TEST(where_a_link_leads),
        TEST(what_was_there_stays),
        TEST(where_there_is_no_folder),
        TEST(what_is_known_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
