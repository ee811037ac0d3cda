/* The processes of a cgroup, for which a folder of the test's own stands in. */
#include <errno.h>
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

#include "doctor/processes.h"

static char folder[] = "/tmp/loadtap_processes_XXXXXX";
static unsigned visited, stop_at;
static pid_t sum;

static bool note(void *arg, pid_t pid)
{
    (void)arg;
    visited++;
    sum += pid;
    return visited != stop_at;
}

static int visit(void)
{
    visited = 0;
    sum = 0;
    return processes_visit(folder, note, NULL);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    stop_at = 0;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("below", 0755), 0);
    put("cgroup.procs", "1\n20\n");
    put("below/cgroup.procs", "300\n");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink("cgroup.procs");
    unlink("below/cgroup.procs");
    rmdir("below");
    rmdir(folder);
    strcpy(folder + strlen(folder) - strlen("XXXXXX"), "XXXXXX");
    return 0;
}

static void all_below_are_visited(void **state)
{
    (void)state;
    assert_int_equal(visit(), 0);
    assert_int_equal(sum, 321);
    stop_at = 1;
    assert_int_equal(visit(), 0);
    assert_int_equal(visited, 1);
}

/* By a link to itself, which not even root can read. */
static void what_cannot_be_read_is_not_empty(void **state)
{
    (void)state;
    assert_int_equal(unlink("below/cgroup.procs"), 0);
    assert_int_equal(visit(), 0); /* as of a cgroup that has gone meanwhile */
    assert_int_equal(sum, 21);
    assert_int_equal(symlink("cgroup.procs", "below/cgroup.procs"), 0);
    assert_int_equal(visit(), -ELOOP);
    assert_int_equal(sum, 21);
    assert_int_equal(unlink("cgroup.procs"), 0);
    assert_int_equal(visit(), -ENOENT);
    assert_int_equal(processes_visit("/no/such/cgroup", note, NULL), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_below_are_visited, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_not_empty, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
