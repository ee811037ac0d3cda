/* pump BEGUN ENDED SIDE ROWS: for each line on stdin, counts a request and a connection at the first ROWS
 * rows of the daemon's counters, as if so many endpoints had been used; answers with a line. The first three
 * are the ids of the maps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <linux/types.h>

#include "abi.h"

static void *map_rows(const char *id, size_t size)
{
    int fd = bpf_map_get_fd_by_id((unsigned)strtoul(id, NULL, 10));
    void *mapped =
        fd < 0 ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return mapped == MAP_FAILED ? NULL : mapped;
}

int main(int argc, char **argv)
{
    size_t rows = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    struct begun_counters *begun = rows ? map_rows(argv[1], rows * sizeof(*begun)) : NULL;
    struct ended_counters *ended = rows ? map_rows(argv[2], rows * sizeof(*ended)) : NULL;
    struct side_counters *side = rows ? map_rows(argv[3], rows * sizeof(*side)) : NULL;
    char line[16];

    if (!begun || !ended || !side) {
        perror("pump BEGUN ENDED SIDE ROWS");
        return 1;
    }
    while (fgets(line, sizeof(line), stdin)) {
        for (size_t i = 0; i < rows; i++) {
            __atomic_fetch_add(&side[i].cx_opened, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&begun[i].rq_issued, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&begun[i].cx_established, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&ended[i].rq_success, 1, __ATOMIC_RELAXED);
            __atomic_fetch_add(&ended[i].rq_finished, 1, __ATOMIC_RELAXED);
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
