#include "doctor/processes.h"

#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_MAX_BYTES 32

/* Whether to go on. */
static bool read_procs(const char *folder, bool (*visit)(void *arg, pid_t pid), void *arg)
{
    char path[4096], line[LINE_MAX_BYTES];
    bool more = true;
    FILE *file;

    snprintf(path, sizeof(path), "%.4000s/cgroup.procs", folder);
    file = fopen(path, "re");
    while (file && more && fgets(line, sizeof(line), file))
        more = visit(arg, (pid_t)strtol(line, NULL, 10));
    if (file)
        fclose(file);
    return more;
}

int processes_visit(const char *cgroup, bool (*visit)(void *arg, pid_t pid), void *arg)
{
    char *const roots[] = {(char *)cgroup, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
    bool more = true;
    FTSENT *entry;

    if (!tree)
        return -errno;
    while (more && (entry = fts_read(tree)))
        if (entry->fts_info == FTS_D)
            more = read_procs(entry->fts_path, visit, arg);
    fts_close(tree);
    return 0;
}
