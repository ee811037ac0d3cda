#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/types.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"
#include "base/mem.h"
#include "kernel/rows.h"

#define COUNT (2 * ROWS_AT_ONCE + 100)

/* Files take the maps' place: they are mapped in the same way. */
static struct file {
    size_t row_size;
    int fd;
    char *written;
} files[] = {{.row_size = sizeof(struct begun_counters)},
             {.row_size = sizeof(struct ended_counters)},
             {.row_size = sizeof(struct side_counters)}};
static struct file *const begun = &files[0], *const ended = &files[1], *const side = &files[2];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        size_t size = COUNT * files[i].row_size;

        files[i].fd = memfd_create("rows", MFD_CLOEXEC);
        assert_return_code(ftruncate(files[i].fd, (off_t)size), errno);
        files[i].written = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, files[i].fd, 0);
        assert_ptr_not_equal(files[i].written, MAP_FAILED);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        munmap(files[i].written, COUNT * files[i].row_size);
        close(files[i].fd);
    }
    return 0;
}

static struct rows *open_rows(void)
{
    const struct rows_maps maps = {begun->fd, ended->fd, side->fd};
    struct rows *rows;

    assert_int_equal(rows_open(&maps, COUNT, &rows), 0);
    return rows;
}

static struct begun_counters *begun_at(uint32_t slot)
{
    return (struct begun_counters *)begun->written + slot;
}

static struct ended_counters *ended_at(uint32_t slot)
{
    return (struct ended_counters *)ended->written + slot;
}

static struct side_counters *side_at(uint32_t slot)
{
    return (struct side_counters *)side->written + slot;
}

/* Each counter another number. */
static struct counters numbers(uint64_t from)
{
    return (struct counters){.rq_issued = from + 1,
                             .cx_established = from + 2,
                             .cx_failed = from + 3,
                             .rq_success = from + 4,
                             .rq_error = from + 5,
                             .rq_finished = from + 6,
                             .cx_closed = from + 7,
                             .rq_unclassified = from + 8,
                             .rq_untracked = from + 9,
                             .gap_bytes = from + 10,
                             .overruns = from + 11,
                             .cx_opaque = from + 12,
                             .cx_opaque_closed = from + 13,
                             .cx_untracked = from + 14,
                             .cx_joined = from + 15,
                             .cx_opened = from + 16,
                             .cx_failed_error = from + 17,
                             .cx_sessions = from + 18,
                             .rq_probes = from + 19,
                             .rq_no_result = from + 20};
}

static void count(uint32_t slot, uint64_t from)
{
    const struct counters n = numbers(from);

    *begun_at(slot) = (struct begun_counters){n.cx_established, n.cx_failed, n.rq_issued, 1};
    *ended_at(slot) = (struct ended_counters){n.cx_closed, n.rq_success, n.rq_error, n.rq_finished};
    *side_at(slot) = (struct side_counters){.cx_opened = n.cx_opened,
                                            .cx_failed_error = n.cx_failed_error,
                                            .cx_sessions = n.cx_sessions,
                                            .rq_probes = n.rq_probes,
                                            .rq_no_result = n.rq_no_result,
                                            .rq_unclassified = n.rq_unclassified,
                                            .rq_untracked = n.rq_untracked,
                                            .gap_bytes = n.gap_bytes,
                                            .overruns = n.overruns,
                                            .cx_opaque = n.cx_opaque,
                                            .cx_opaque_closed = n.cx_opaque_closed,
                                            .cx_untracked = n.cx_untracked,
                                            .cx_joined = n.cx_joined};
}

#define OF_REPORT offsetof(struct counters, cx_opened) /* what a report is made of */

static void assert_report_counters(const struct counters *row, uint64_t from)
{
    const struct counters expected = numbers(from);

    assert_memory_equal(row, &expected, OF_REPORT);
}

static void assert_side_counters(const struct counters *row, uint64_t from)
{
    const struct counters expected = numbers(from);

    assert_memory_equal(&row->cx_opened, &expected.cx_opened, sizeof(expected) - OF_REPORT);
}

static struct counters read_all(struct rows *rows, uint32_t slot)
{
    struct counters row;

    memset(&row, 0xff, sizeof(row));
    rows_read_all(rows, slot, &row);
    return row;
}

static struct counters read_one(struct rows *rows, uint32_t slot)
{
    struct counters row;

    memset(&row, 0xff, sizeof(row));
    rows_read(rows, slot, 1, &row);
    return row;
}

static void every_row_is_seen_in_any_order(void **state)
{
    struct rows *rows = open_rows();
    unsigned seed = 3;

    (void)state;
    for (uint32_t slot = 0; slot < COUNT; slot++) {
        struct counters row;

        count(slot, slot);
        row = read_all(rows, slot);
        assert_report_counters(&row, slot);
        assert_side_counters(&row, slot);
        row = read_one(rows, slot);
        assert_report_counters(&row, slot);
    }
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = (uint32_t)rand_r(&seed) % COUNT;

        ended_at(slot)->rq_success++;
        side_at(slot)->rq_no_result++;
        assert_int_equal(read_all(rows, slot).rq_issued, slot + 1);
        assert_int_equal(read_one(rows, slot).rq_success, ended_at(slot)->rq_success);
        assert_int_equal(read_all(rows, slot).rq_no_result, side_at(slot)->rq_no_result);
    }
    rows_close(rows);
}

/* Over the boundary of two views, and nothing but what is asked for. */
static void rows_side_by_side_are_read_at_once(void **state)
{
    struct rows *rows = open_rows();
    struct counters row[5];

    (void)state;
    memset(row, 0xff, sizeof(row));
    for (uint32_t i = 0; i < 4; i++)
        count(ROWS_AT_ONCE - 2 + i, 100 * i);
    rows_read(rows, ROWS_AT_ONCE - 2, 4, row);
    for (uint32_t i = 0; i < 4; i++) {
        assert_report_counters(&row[i], 100 * i);
        assert_true(row[i].cx_sessions == UINT64_MAX);
    }
    assert_true(row[4].rq_success == UINT64_MAX);
    rows_close(rows);
}

/* The kernel says so where it adds to one, so that a report need not look at them. */
static void what_no_doubt_is_said_of_has_none(void **state)
{
    struct rows *rows = open_rows();
    struct counters row;

    (void)state;
    count(5, 50);
    begun_at(5)->doubts = 0;
    row = read_one(rows, 5);
    assert_int_equal(row.rq_issued, 51);
    assert_int_equal(row.rq_unclassified, 0);
    assert_int_equal(row.cx_joined, 0);
    row = read_all(rows, 5);
    assert_report_counters(&row, 50);
    rows_close(rows);
}

static unsigned refused; /* so many copies from now on */
static unsigned copies;
static bool copies_are_numbered; /* by these counters */

static void number_copy(int fd, void *out)
{
    if (fd == begun->fd) {
        ((struct begun_counters *)out)->rq_issued = copies;
    } else if (fd == ended->fd) {
        ((struct ended_counters *)out)->rq_success = copies;
        ((struct ended_counters *)out)->rq_finished = copies;
    } else {
        ((struct side_counters *)out)->cx_opaque_closed = copies;
        ((struct side_counters *)out)->cx_opaque = copies;
        ((struct side_counters *)out)->cx_opened = copies;
        ((struct side_counters *)out)->rq_probes = copies;
    }
}

int bpf_map_lookup_elem(int fd, const void *slot, void *out)
{
    size_t at = *(const uint32_t *)slot;

    if (refused) {
        refused--;
        return -ENOMEM;
    }
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (files[i].fd == fd)
            memcpy(out, files[i].written + at * files[i].row_size, files[i].row_size);
    copies++;
    if (copies_are_numbered)
        number_copy(fd, out);
    return 0;
}

/* A descriptor of what cannot be mapped, in the place of a map's, is an error as good as any. */
static int cannot_be_mapped[2], kept[ARRAY_SIZE(files)];

static void break_maps(unsigned mask)
{
    assert_int_equal(pipe(cannot_be_mapped), 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        kept[i] = dup(files[i].fd);
        if (mask & 1u << i)
            assert_return_code(dup2(cannot_be_mapped[0], files[i].fd), errno);
    }
}

static void mend_maps(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        assert_return_code(dup2(kept[i], files[i].fd), errno);
        close(kept[i]);
    }
    close(cannot_be_mapped[0]);
    close(cannot_be_mapped[1]);
}

static const uint32_t far_slot = ROWS_AT_ONCE + 2;

static void what_can_no_longer_be_mapped_is_copied(void **state)
{
    (void)state;
    copies_are_numbered = false;
    count(1, 10);
    count(far_slot, 20);
    for (unsigned mask = 1; mask < 1u << ARRAY_SIZE(files); mask++) {
        struct rows *rows = open_rows();
        struct counters row;

        break_maps(mask);
        refused = 2;
        row = read_one(rows, far_slot);
        assert_int_equal(refused, 0);
        assert_report_counters(&row, 20);
        row = read_all(rows, far_slot);
        assert_report_counters(&row, 20);
        assert_side_counters(&row, 20);
        side_at(far_slot)->gap_bytes++; /* as it is at each call */
        assert_int_equal(read_one(rows, far_slot).gap_bytes, 31);
        side_at(far_slot)->gap_bytes--;
        mend_maps();
        refused = 1;
        assert_int_equal(read_all(rows, far_slot).rq_issued, 21);
        assert_int_equal(refused, 1); /* by views again */
        rows_close(rows);
    }
    refused = 0;
}

static void what_was_mapped_is_not_copied(void **state)
{
    struct rows *rows = open_rows();
    struct counters row;

    (void)state;
    count(1, 10);
    break_maps(7);
    copies = 0;
    row = read_one(rows, 1);
    assert_report_counters(&row, 10);
    assert_int_equal(copies, 0);
    mend_maps();
    rows_close(rows);
}

/* Each counter is of a copy of its own, so their numbers tell the order of reading. */
static void ends_are_read_before_beginnings(void **state)
{
    struct rows *rows = open_rows();
    struct counters row;

    (void)state;
    copies_are_numbered = true;
    count(far_slot, 20);
    break_maps(7);
    row = read_one(rows, far_slot);
    assert_true(row.rq_success < row.rq_finished);
    assert_true(row.rq_finished < row.rq_issued);
    assert_true(row.rq_issued < row.cx_opaque_closed); /* the error bound last */
    assert_true(row.cx_opaque_closed < row.cx_opaque);
    row = read_all(rows, far_slot);
    assert_true(row.rq_probes < row.rq_success);
    assert_true(row.cx_opaque_closed < row.cx_opaque);
    assert_true(row.cx_opaque < row.rq_success);
    assert_true(row.rq_success < row.rq_finished);
    assert_true(row.rq_finished < row.rq_issued);
    assert_true(row.rq_issued < row.cx_opened);
    mend_maps();
    rows_close(rows);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        struct rows_maps maps = {i == 0 ? ends[0] : begun->fd, i == 1 ? ends[0] : ended->fd,
                                 i == 2 ? ends[0] : side->fd};
        struct rows *rows = NULL;

        assert_int_equal(rows_open(&maps, 1, &rows), -ENODEV);
        assert_null(rows);
    }
    rows_close(NULL);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_row_is_seen_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_side_by_side_are_read_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_no_doubt_is_said_of_has_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_can_no_longer_be_mapped_is_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_mapped_is_not_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_are_read_before_beginnings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_mapped_is_an_error, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
