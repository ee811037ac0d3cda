#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/rows.h"

#define COUNT (2 * ROWS_AT_ONCE + 100)

/* Files take the maps' place: both are mapped in the same way. */
struct file {
    int fd;
    char *written;
};

static struct file counters, side;

static struct file file_of_rows(size_t row_size)
{
    size_t size = COUNT * row_size;
    struct file file = {.fd = memfd_create("rows", MFD_CLOEXEC)};

    assert_return_code(ftruncate(file.fd, (off_t)size), errno);
    file.written = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd, 0);
    assert_ptr_not_equal(file.written, MAP_FAILED);
    return file;
}

static void close_file(const struct file *file, size_t row_size)
{
    munmap(file->written, COUNT * row_size);
    close(file->fd);
}

static int set_up(void **state)
{
    (void)state;
    counters = file_of_rows(ROW_SIZE);
    side = file_of_rows(sizeof(struct side_counters));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_file(&counters, ROW_SIZE);
    close_file(&side, sizeof(struct side_counters));
    return 0;
}

static struct counters *counters_at(uint32_t slot)
{
    return (void *)(counters.written + slot * ROW_SIZE);
}

static struct side_counters *side_at(uint32_t slot)
{
    return (struct side_counters *)side.written + slot;
}

/* Over what was there, so that each counter is one that was read. */
static struct counters read_row(struct rows *rows, uint32_t slot)
{
    struct counters row;

    memset(&row, 0xff, sizeof(row));
    rows_read_side(rows, slot, &row.side);
    rows_read(rows, slot, 1, &row);
    return row;
}

static void every_row_is_seen_in_any_order(void **state)
{
    struct rows *rows;
    unsigned seed = 3;

    (void)state;
    assert_int_equal(rows_open(counters.fd, side.fd, COUNT, &rows), 0);
    for (uint32_t slot = 0; slot < COUNT; slot++) {
        struct counters row;

        counters_at(slot)->rq_issued = slot + 1;
        side_at(slot)->rq_probes = slot + 2;
        row = read_row(rows, slot);
        assert_memory_equal(&row, counters_at(slot), ROW_SIZE);
        assert_memory_equal(&row.side, side_at(slot), sizeof(row.side));
    }
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = (uint32_t)rand_r(&seed) % COUNT;

        counters_at(slot)->rq_success++;
        side_at(slot)->rq_no_result++;
        assert_int_equal(read_row(rows, slot).rq_issued, slot + 1);
        assert_int_equal(read_row(rows, slot).rq_success, counters_at(slot)->rq_success);
        assert_int_equal(read_row(rows, slot).side.rq_no_result, side_at(slot)->rq_no_result);
    }
    rows_close(rows);
}

/* Over the boundary of two views, and nothing but what is asked for. */
static void rows_side_by_side_are_read_at_once(void **state)
{
    struct rows *rows;
    struct counters row[5];

    (void)state;
    assert_int_equal(rows_open(counters.fd, side.fd, COUNT, &rows), 0);
    memset(row, 0xff, sizeof(row));
    for (uint32_t i = 0; i < 4; i++)
        counters_at(ROWS_AT_ONCE - 2 + i)->rq_issued = i + 1;
    rows_read(rows, ROWS_AT_ONCE - 2, 4, row);
    for (uint32_t i = 0; i < 4; i++) {
        assert_memory_equal(&row[i], counters_at(ROWS_AT_ONCE - 2 + i), ROW_SIZE);
        assert_true(row[i].side.cx_sessions == UINT64_MAX);
    }
    assert_true(row[4].rq_success == UINT64_MAX);
    rows_close(rows);
}

static unsigned refused; /* so many copies from now on */
static unsigned copies;

int bpf_map_lookup_elem(int fd, const void *slot, void *out)
{
    if (refused) {
        refused--;
        return -ENOMEM;
    }
    if (fd == side.fd) {
        *(struct side_counters *)out = *side_at(*(const uint32_t *)slot);
        return 0;
    }
    memcpy(out, counters_at(*(const uint32_t *)slot), ROW_SIZE);
    ((struct counters *)out)->rq_success = ++copies;
    ((struct counters *)out)->overruns = copies;
    return 0;
}

/* A descriptor of what cannot be mapped, in the place of the map's, is an error as good as any. */
static void what_can_no_longer_be_mapped_is_copied(void **state)
{
    int map = dup(counters.fd), side_map = dup(side.fd), ends[2];
    struct rows *rows;
    struct counters row;

    (void)state;
    counters_at(1)->rq_issued = 1;
    counters_at(ROWS_AT_ONCE + 2)->rq_issued = 2;
    side_at(ROWS_AT_ONCE + 2)->rq_probes = 8;
    assert_int_equal(rows_open(counters.fd, side.fd, COUNT, &rows), 0);
    assert_int_equal(pipe(ends), 0);
    assert_return_code(dup2(ends[0], counters.fd), errno);
    assert_return_code(dup2(ends[0], side.fd), errno);
    rows_read_side(rows, ROWS_AT_ONCE + 2, &row.side);
    assert_int_equal(row.side.rq_probes, 8);
    refused = 2;
    rows_read(rows, ROWS_AT_ONCE + 2, 1, &row);
    assert_int_equal(row.rq_issued, 2);
    assert_int_equal(refused, 0);
    assert_true(row.rq_success < row.overruns);   /* each counter of a copy of its own */
    counters_at(ROWS_AT_ONCE + 2)->rq_issued = 3; /* as it is at each call */
    assert_int_equal(read_row(rows, ROWS_AT_ONCE + 2).rq_issued, 3);
    copies = 0;
    assert_int_equal(read_row(rows, 1).rq_issued, 1); /* of the view that was there */
    assert_int_equal(copies, 0);
    assert_return_code(dup2(map, counters.fd), errno);
    assert_return_code(dup2(side_map, side.fd), errno);
    refused = 1;
    assert_int_equal(read_row(rows, ROWS_AT_ONCE + 2).rq_issued, 3);
    assert_int_equal(refused, 1); /* by a view again */
    rows_close(rows);
    close(map);
    close(side_map);
    close(ends[0]);
    close(ends[1]);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
    struct rows *rows = NULL;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(rows_open(ends[0], side.fd, 1, &rows), -ENODEV);
    assert_null(rows);
    assert_int_equal(rows_open(counters.fd, ends[0], 1, &rows), -ENODEV);
    assert_null(rows);
    rows_close(rows);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_is_seen_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_side_by_side_are_read_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_no_longer_be_mapped_is_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_mapped_is_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
