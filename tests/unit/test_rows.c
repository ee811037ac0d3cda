#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/rows.h"

#define COUNT (2 * ROWS_AT_ONCE + 100)

/* A file takes the map's place: both are mapped in the same way. */
static int file_of_rows(struct counters **written)
{
    size_t size = COUNT * sizeof(struct counters);
    int fd = memfd_create("rows", MFD_CLOEXEC);

    assert_return_code(ftruncate(fd, (off_t)size), errno);
    *written = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(*written, MAP_FAILED);
    return fd;
}

/* Over what was there, so that each counter is one that was read. */
static struct counters read_row(struct rows *rows, uint32_t slot)
{
    struct counters row;

    memset(&row, 0xff, sizeof(row));
    rows_read(rows, slot, 1, &row);
    return row;
}

static void every_row_is_seen_in_any_order(void **state)
{
    struct counters *written;
    int fd = file_of_rows(&written);
    struct rows *rows;
    unsigned seed = 3;

    (void)state;
    assert_int_equal(rows_open(fd, COUNT, &rows), 0);
    for (uint32_t slot = 0; slot < COUNT; slot++) {
        struct counters row;

        written[slot].rq_issued = slot + 1;
        row = read_row(rows, slot);
        assert_memory_equal(&row, &written[slot], sizeof(row));
    }
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = (uint32_t)rand_r(&seed) % COUNT;

        written[slot].rq_success++;
        assert_int_equal(read_row(rows, slot).rq_issued, slot + 1);
        assert_int_equal(read_row(rows, slot).rq_success, written[slot].rq_success);
    }
    rows_close(rows);
    munmap(written, COUNT * sizeof(struct counters));
    close(fd);
}

static struct counters *copied_from;
static unsigned refused; /* so many copies from now on */
static unsigned copies;

int bpf_map_lookup_elem(int fd, const void *slot, void *out)
{
    (void)fd;
    if (refused) {
        refused--;
        return -ENOMEM;
    }
    *(struct counters *)out = copied_from[*(const uint32_t *)slot];
    ((struct counters *)out)->rq_probes = ++copies;
    ((struct counters *)out)->overruns = copies;
    return 0;
}

/* A descriptor of what cannot be mapped, in the place of the map's, is an error as good as any. */
static void what_can_no_longer_be_mapped_is_copied(void **state)
{
    int fd = file_of_rows(&copied_from), map = dup(fd), ends[2];
    struct rows *rows;
    struct counters row;

    (void)state;
    copied_from[1].rq_issued = 1;
    copied_from[ROWS_AT_ONCE + 2].rq_issued = 2;
    assert_int_equal(rows_open(fd, COUNT, &rows), 0);
    assert_int_equal(pipe(ends), 0);
    assert_return_code(dup2(ends[0], fd), errno);
    refused = 2;
    row = read_row(rows, ROWS_AT_ONCE + 2);
    assert_int_equal(row.rq_issued, 2);
    assert_int_equal(refused, 0);
    assert_true(row.rq_probes < row.overruns);   /* each counter of a copy of its own */
    copied_from[ROWS_AT_ONCE + 2].rq_issued = 3; /* as it is at each call */
    assert_int_equal(read_row(rows, ROWS_AT_ONCE + 2).rq_issued, 3);
    copies = 0;
    assert_int_equal(read_row(rows, 1).rq_issued, 1); /* of the view that was there */
    assert_int_equal(copies, 0);
    assert_return_code(dup2(map, fd), errno);
    refused = 1;
    assert_int_equal(read_row(rows, ROWS_AT_ONCE + 2).rq_issued, 3);
    assert_int_equal(refused, 1); /* by a view again */
    rows_close(rows);
    munmap(copied_from, COUNT * sizeof(struct counters));
    close(fd);
    close(map);
    close(ends[0]);
    close(ends[1]);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
    struct rows *rows = NULL;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(rows_open(ends[0], 1, &rows), -ENODEV);
    assert_null(rows);
    rows_close(rows);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_seen_in_any_order),
        cmocka_unit_test(what_can_no_longer_be_mapped_is_copied),
        cmocka_unit_test(what_cannot_be_mapped_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
