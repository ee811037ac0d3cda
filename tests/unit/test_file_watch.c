/* Files that change in every way; each time the test waits for what the watch says. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "daemon/file_watch.h"

static char start[4096], folder[64];
static struct event_base *base;
static struct file_watch *watch;
static unsigned changes;

static void on_change(void *arg)
{
    assert_ptr_equal(arg, &changes);
    changes++;
}

/* --- what happens to files --- */

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void make_folder(const char *path)
{
    assert_int_equal(mkdir(path, 0755), 0);
}

static void link_to(const char *target, const char *path)
{
    assert_int_equal(symlink(target, path), 0);
}

static void move(const char *from, const char *to)
{
    assert_int_equal(rename(from, to), 0);
}

static void put_beside_and_move(const char *path, const char *text)
{
    char beside[256];

    snprintf(beside, sizeof(beside), "%s~", path);
    put(beside, text);
    move(beside, path);
}

/* --- the watch --- */

static void begin(const char *path)
{
    assert_int_equal(file_watch_new(base, path, on_change, &changes, &watch), 0);
}

static void end_loop(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
    event_base_loopbreak(base);
}

static void run_for(long milliseconds)
{
    const struct timeval wait = {.tv_sec = milliseconds / 1000,
                                 .tv_usec = milliseconds % 1000 * 1000};
    struct event *end = evtimer_new(base, end_loop, NULL);

    event_add(end, &wait);
    event_base_dispatch(base);
    event_free(end);
}

static void expect_change(void)
{
    for (unsigned i = 0; i < 500 && !changes; i++)
        run_for(10);
    assert_int_equal(changes, 1);
    changes = 0;
}

static void expect_none(void)
{
    run_for(500);
    assert_int_equal(changes, 0);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/file-watch-XXXXXX");
    if (!getcwd(start, sizeof(start)) || !mkdtemp(folder) || chdir(folder))
        return -1;
    base = event_base_new();
    changes = 0;
    return base ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    file_watch_free(watch);
    watch = NULL;
    event_base_free(base);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return chdir(start) || system(command) ? -1 : 0;
}

/* --- tests --- */

static void written_in_place(void **state)
{
    (void)state;
    put("f", "a");
    begin("f");
    expect_none();
    put("f", "b");
    expect_change();
    put("f", "c");
    expect_change();
}

static void replaced_by_an_editor(void **state)
{
    (void)state;
    put("f", "a");
    begin("f");
    put_beside_and_move("f", "b");
    expect_change();
    put_beside_and_move("f", "c");
    expect_change();
    put("f", "d");
    expect_change();
}

static void gone_and_back(void **state)
{
    (void)state;
    put("f", "a");
    begin("f");
    assert_int_equal(unlink("f"), 0);
    expect_change();
    put("f", "b");
    expect_change();
}

static void not_there_at_first(void **state)
{
    (void)state;
    begin("f");
    put("f", "a");
    expect_change();
}

static void many_changes_are_one(void **state)
{
    (void)state;
    put("f", "a");
    begin("f");
    for (unsigned i = 0; i < 50; i++)
        put("f", "b");
    expect_change();
    expect_none();
}

static void other_files_are_passed_over(void **state)
{
    (void)state;
    put("f", "a");
    put("g", "a");
    begin("f");
    put("g", "b");
    put("h", "b");
    make_folder("i");
    expect_none();
}

/* As kubelet: f -> ..data/f, ..data -> ..1; then ..data -> ..2 by rename, and ..1 is removed. */
static void a_config_map(void **state)
{
    char path[128];

    (void)state;
    make_folder("mounted");
    make_folder("mounted/..1");
    put("mounted/..1/f", "a");
    link_to("..1", "mounted/..data");
    link_to("..data/f", "mounted/f");
    snprintf(path, sizeof(path), "%s/mounted/f", folder);
    begin(path);
    for (char number = '2'; number < '5'; number++) {
        char to[] = "mounted/..2", file[] = "mounted/..2/f", before[] = "mounted/..1/f",
             empty[] = "mounted/..1";

        to[10] = file[10] = number;
        before[10] = empty[10] = (char)(number - 1);
        make_folder(to);
        put(file, "b");
        link_to(to + 8, "mounted/..data_tmp");
        move("mounted/..data_tmp", "mounted/..data");
        unlink(before);
        rmdir(empty);
        expect_change();
    }
}

static void a_link_to_elsewhere(void **state)
{
    char target[128];

    (void)state;
    make_folder("there");
    make_folder("here");
    put("there/g", "a");
    snprintf(target, sizeof(target), "%s/there/g", folder);
    link_to(target, "here/f");
    begin("./here/../here/f");
    put("there/g", "b");
    expect_change();
    put_beside_and_move("there/g", "c");
    expect_change();
    put("there/h", "d");
    link_to("../there/h", "here/f~");
    move("here/f~", "here/f");
    expect_change();
    put("there/h", "e");
    expect_change();
    put("there/g", "f"); /* no longer on the way */
    expect_none();
}

static void its_folder_is_replaced(void **state)
{
    (void)state;
    make_folder("a");
    make_folder("b");
    put("a/f", "1");
    put("b/f", "2");
    begin("a/f");
    move("a", "c");
    expect_change();
    move("b", "a");
    expect_change();
    put("a/f", "3");
    expect_change();
}

static void what_cannot_be_watched(void **state)
{
    struct file_watch *none = NULL;
    char name[300];

    (void)state;
    link_to("f", "f");
    assert_int_equal(file_watch_new(base, "f", on_change, &changes, &none), -ELOOP);
    assert_int_equal(file_watch_new(base, "/", on_change, &changes, &none), -EISDIR);
    put("g", "a");
    assert_int_equal(file_watch_new(base, "g/h", on_change, &changes, &none), -ENOTDIR);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(file_watch_new(base, name, on_change, &changes, &none), -ENAMETOOLONG);
    assert_null(none);
    file_watch_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(written_in_place),       TEST(replaced_by_an_editor),
        TEST(gone_and_back),          TEST(not_there_at_first),
        TEST(many_changes_are_one),   TEST(other_files_are_passed_over),
        TEST(a_config_map),           TEST(a_link_to_elsewhere),
        TEST(its_folder_is_replaced), TEST(what_cannot_be_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
