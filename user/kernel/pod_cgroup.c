#include "kernel/pod_cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "kernel/cgroup_mounts.h"

/* As text 32 hexadecimal digits, in groups or not (those of static pods are hashes). */
#define UID_DIGITS 32
#define UID_CHARACTERS "0123456789abcdef-_"

/* Of kubelet's names for a pod's cgroup, what follows "pod" up to the name's end is the UID. */
static bool is_pod(const char *name, size_t size)
{
    static const char slice[] = ".slice";
    const size_t slice_size = sizeof(slice) - 1;
    const char *uid = NULL;

    if (size > slice_size && strncmp(name + size - slice_size, slice, slice_size) == 0)
        size -= slice_size;
    for (size_t at = 0; at + 3 < size; at++)
        if ((at == 0 || name[at - 1] == '-') && strncmp(name + at, "pod", 3) == 0)
            uid = name + at + 3;
    if (!uid)
        return false;
    size_t length = (size_t)(name + size - uid);
    return length >= UID_DIGITS && strspn(uid, UID_CHARACTERS) >= length;
}

size_t pod_cgroup_length(const char *path)
{
    size_t found = 0;

    for (size_t at = 0; path[at];) {
        size_t size = strcspn(path + at, "/");

        if (is_pod(path + at, size))
            found = at + size;
        at += size + (path[at + size] == '/');
    }
    return found;
}

/* Has the cgroup whose directory this is the process among its own? */
static bool has_process(int directory, pid_t pid)
{
    int fd = openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    bool found = false;
    char line[32];

    if (!file) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    while (!found && fgets(line, sizeof(line), file))
        found = strtol(line, NULL, 10) == pid;
    fclose(file);
    return found;
}

/* The process' cgroup at or below `path`, which becomes its path. 1: found, 0: not; -ENAMETOOLONG. What
 * cannot be read, or has just gone, is not its own. */
static int search(char *path, size_t length, size_t size, pid_t pid)
{
    DIR *directory = opendir(path);
    const struct dirent *entry;
    int found = 0;

    if (!directory)
        return 0;
    found = has_process(dirfd(directory), pid);
    while (!found && (entry = readdir(directory))) {
        if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        int more = snprintf(path + length, size - length, "/%s", entry->d_name);
        found = (size_t)more < size - length ? search(path, length + (size_t)more, size, pid)
                                             : -ENAMETOOLONG;
    }
    closedir(directory);
    if (!found)
        path[length] = '\0';
    return found;
}

static int find_in_mount(const char *point, pid_t pid, char *out, size_t size)
{
    char path[CGROUP_PATH_MAX];
    int found;

    snprintf(path, sizeof(path), "%s", point);
    found = search(path, strlen(path), sizeof(path), pid);
    if (found < 0)
        return found;
    size_t length = found ? pod_cgroup_length(path + strlen(point)) : 0;
    if (!length)
        return -ENOENT;
    length += strlen(point);
    if (length >= size)
        return -ENAMETOOLONG;
    memcpy(out, path, length);
    out[length] = '\0';
    return 0;
}

int pod_cgroup_find(const char *mountinfo, pid_t pid, char *out, size_t size)
{
    FILE *table = fopen(mountinfo, "re");
    struct cgroup_mount mount;
    int result = -ENOENT;

    if (!table)
        return -errno;
    while (result == -ENOENT && cgroup_mounts_next(table, &mount))
        result = find_in_mount(mount.point, pid, out, size);
    fclose(table);
    return result;
}
