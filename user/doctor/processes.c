#include "doctor/processes.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 32

struct visitor {
    bool (*visit)(void *arg, pid_t pid);
    void *arg;
    bool stops;
};

static int read_procs(const char *folder, struct visitor *visitor)
{
    char path[4096], line[LINE_MAX_BYTES];
    FILE *file;

    snprintf(path, sizeof(path), "%.4000s/cgroup.procs", folder);
    file = fopen(path, "re");
    if (!file)
        return -errno;
    while (!visitor->stops && fgets(line, sizeof(line), file))
        visitor->stops = !visitor->visit(visitor->arg, (pid_t)strtol(line, NULL, 10));
    fclose(file);
    return 0;
}

/* A cgroup that has gone meanwhile has no processes. */
static int look_at(const FTSENT *entry, struct visitor *visitor)
{
    int result = 0;

    if (entry->fts_info == FTS_D)
        result = read_procs(entry->fts_path, visitor);
    else if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)
        result = -entry->fts_errno;
    return entry->fts_level > FTS_ROOTLEVEL && (result == -ENOENT || result == -ENODEV) ? 0
                                                                                        : result;
}

int processes_visit(const char *cgroup, bool (*visit)(void *arg, pid_t pid), void *arg)
{
    char *const roots[] = {(char *)cgroup, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    struct visitor visitor = {visit, arg, false};
    const FTSENT *entry;
    int result = 0;

    if (!tree)
        return -errno;
    while (!visitor.stops && (entry = fts_read(tree))) {
        int failed = look_at(entry, &visitor);

        result = result ? result : failed;
    }
    fts_close(tree);
    return result;
}
