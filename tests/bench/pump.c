/* pump MAP_ID ROWS: for each line on stdin, counts a request and a connection at the first ROWS rows of
 * the daemon's counters, as if so many endpoints had been used; answers with a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <linux/types.h>

#include "abi.h"

static char *map_rows(unsigned id, size_t rows)
{
    int fd = bpf_map_get_fd_by_id(id);
    void *mapped = fd < 0 ? MAP_FAILED
                          : mmap(NULL, rows * ROW_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

int main(int argc, char **argv)
{
    size_t rows = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    char *mapped = rows ? map_rows((unsigned)strtoul(argv[1], NULL, 10), rows) : NULL;
    char line[16];

    if (!mapped) {
        perror("pump MAP_ID ROWS");
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        for (size_t i = 0; i < rows; i++) {
            struct counters *row = (void *)(mapped + i * ROW_SIZE);

            __atomic_fetch_add(&row->rq_issued, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&row->rq_success, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&row->rq_finished, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&row->cx_opened, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&row->cx_established, 1, __ATOMIC_RELAXED);
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
