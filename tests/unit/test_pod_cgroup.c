#include <errno.h>
#include <limits.h>
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

#include "base/mem.h"
#include "kernel/pod_cgroup.h"

#define UID "01234567-89ab-cdef-0123-456789abcdef"
#define SLICE_UID "01234567_89ab_cdef_0123_456789abcdef"
#define OTHER "fedcba98-89ab-cdef-0123-456789abcdef"
#define HASH "0123456789abcdef0123456789abcdef"
#define SYSTEMD "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" SLICE_UID ".slice"

static void names_of_kubelet(void **state)
{
    static const struct {
        const char *path, *pod;
    } rows[] = {
        {SYSTEMD "/cri-containerd-0123.scope", SYSTEMD},
        {SYSTEMD "/crio-0123.scope/container", SYSTEMD},
        {SYSTEMD, SYSTEMD},
        {"/kubepods.slice/kubepods-pod" SLICE_UID ".slice/x",
         "/kubepods.slice/kubepods-pod" SLICE_UID ".slice"},
        {"/kubepods/burstable/pod" UID "/0123", "/kubepods/burstable/pod" UID},
        {"/kubepods/pod" HASH "/0123", "/kubepods/pod" HASH},
        {"/kubelet-kubepods-pod" HASH ".slice/a", "/kubelet-kubepods-pod" HASH ".slice"},
        /* A cluster in a pod of another. */
        {"/kubepods/pod" UID "/0123/kubepods/pod" OTHER "/a",
         "/kubepods/pod" UID "/0123/kubepods/pod" OTHER},
        {"/", ""},
        {"", ""},
        {"/kubepods.slice/kubepods-burstable.slice", ""},
        {"/system.slice/podman-" UID ".scope", ""},
        {"/machine.slice/libpod-" HASH ".scope/container", ""},
        {"/user.slice/pod", ""},
        {"/kubepods/pod0123/a", ""},
        {"/kubepods/pod" UID ".scope/a", ""},
        {"/kubepods/xpod" UID "/a", ""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t length = pod_cgroup_length(rows[i].path);

        assert_int_equal(length, strlen(rows[i].pod));
        assert_memory_equal(rows[i].path, rows[i].pod, length);
    }
}

/* --- a tree that looks like a cgroup v2 mount ---------------------------------------------- */

static char tree[] = "/tmp/loadtap-pods-XXXXXX";

static void write_to(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make(const char *below, const char *processes)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s%s", tree, below);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s%s/cgroup.procs", tree, below);
    write_to(path, processes);
}

static int make_tree(void **state)
{
    (void)state;
    if (!mkdtemp(tree))
        return -1;
    make("/own", "1\n7\n");
    make("/host", "0\n0\n");
    make("/host/kubepods", "");
    make("/host/kubepods/pod" OTHER, "");
    make("/host/kubepods/pod" OTHER "/b", "0\n77\n");
    make("/host/kubepods/pod" UID, "");
    make("/host/kubepods/pod" UID "/a", "0\n");
    make("/host/kubepods/pod" UID "/b", "");
    make("/host/kubepods/pod" UID "/b/init", "1\n0\n7\n");
    make("/host/system", "8\n");
    return 0;
}

static int remove_tree(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof(command), "rm -r %s", tree);
    return system(command); /* NOLINT(cert-env33-c) */
}

static int find(pid_t pid, const char *first, const char *second, char *out, size_t size)
{
    char table[PATH_MAX], lines[2 * PATH_MAX];

    snprintf(table, sizeof(table), "%s/mountinfo", tree);
    snprintf(lines, sizeof(lines),
             "1 2 0:1 / %s%s rw - cgroup2 a rw\n1 2 0:1 /../.. %s%s rw - cgroup2 a rw\n", tree,
             first, tree, second);
    write_to(table, lines);
    return pod_cgroup_find(table, pid, out, size);
}

static void the_pod_of_a_process(void **state)
{
    char path[256], wanted[256];

    (void)state;
    snprintf(wanted, sizeof(wanted), "%s/host/kubepods/pod" UID, tree);
    assert_int_equal(find(7, "/own", "/host", path, sizeof(path)), 0);
    assert_string_equal(path, wanted);
    assert_int_equal(find(7, "/host", "/own", path, sizeof(path)), 0);
    assert_string_equal(path, wanted);
    assert_int_equal(find(7, "/own", "/host", path, strlen(wanted) + 1), 0);
    assert_int_equal(find(7, "/own", "/host", path, strlen(wanted)), -ENAMETOOLONG);
    snprintf(wanted, sizeof(wanted), "%s/host/kubepods/pod" OTHER, tree);
    assert_int_equal(find(77, "/own", "/host", path, sizeof(path)), 0);
    assert_string_equal(path, wanted);
}

static void processes_without_a_pod(void **state)
{
    char path[256];

    (void)state;
    assert_int_equal(find(7, "/own", "/nowhere", path, sizeof(path)), -ENOENT);
    assert_int_equal(find(8, "/own", "/host", path, sizeof(path)), -ENOENT);
    assert_int_equal(find(9, "/own", "/host", path, sizeof(path)), -ENOENT);
    assert_int_equal(pod_cgroup_find("/nonexistent", 1, path, sizeof(path)), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_kubelet),
        cmocka_unit_test(the_pod_of_a_process),
        cmocka_unit_test(processes_without_a_pod),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
