#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static void every_row_is_seen_in_any_order(void **state)
{
    struct counters *written;
    int fd = file_of_rows(&written);
    struct rows *rows;
    unsigned seed = 3;

    (void)state;
    assert_int_equal(rows_open(fd, COUNT, &rows), 0);
    for (uint32_t slot = 0; slot < COUNT; slot++) {
        written[slot].rq_issued = slot + 1;
        assert_int_equal(rows_at(rows, slot)->rq_issued, slot + 1);
    }
    for (int i = 0; i < 1000; i++) {
        uint32_t slot = (uint32_t)rand_r(&seed) % COUNT;

        written[slot].rq_success++;
        assert_int_equal(rows_at(rows, slot)->rq_issued, slot + 1);
        assert_int_equal(rows_at(rows, slot)->rq_success, written[slot].rq_success);
    }
    rows_close(rows);
    munmap(written, COUNT * sizeof(struct counters));
    close(fd);
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
        cmocka_unit_test(what_cannot_be_mapped_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
