/* A configuration's content: its hash, of what is read and alone, and how large it may be. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "message/config_source.h"

static char path[] = "/tmp/loadtap-source-XXXXXX";
static int fd;

static int begin(void **state)
{
    (void)state;
    fd = mkstemp(path);
    return fd < 0;
}

static int end(void **state)
{
    (void)state;
    unlink(path);
    close(fd);
    return 0;
}

/* A mapping of one key, with a comment behind it that fills `size` bytes. */
static void write_config(size_t size)
{
    static char text[40001];

    memset(text, 'x', sizeof(text));
    memcpy(text, "a: b\n#", 6);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, text, size, 0), size);
}

static void hashed_as_it_is_read(void **state)
{
    static const size_t sizes[] = {6, 16383, 16384, 16385, 32768, 40000};
    uint64_t before = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct config_error error;
        struct tree *tree;
        uint64_t read = 0, alone = 1;

        write_config(sizes[i]);
        assert_int_equal(config_source_read(path, &tree, &read, &error), 0);
        assert_int_equal(config_source_hash(path, &alone, &error), 0);
        assert_true(read == alone && read != before);
        before = read;
        tree_free(tree);
    }
}

static void assert_not_hashed(int expected, const char *what)
{
    struct config_error error;
    uint64_t hash = 7;

    assert_int_equal(config_source_hash(path, &hash, &error), expected);
    assert_true(hash == 7);
    assert_non_null(strstr(error.text, what));
}

static void what_has_no_hash(void **state)
{
    struct config_error error;
    uint64_t hash;

    (void)state;
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_not_hashed(-EINVAL, "empty");
    assert_int_equal(ftruncate(fd, CONFIG_SIZE_MAX), 0);
    assert_not_hashed(-EFBIG, "64 MiB");
    assert_int_equal(ftruncate(fd, CONFIG_SIZE_MAX - 1), 0);
    assert_int_equal(config_source_hash(path, &hash, &error), 0);
    unlink(path);
    assert_not_hashed(-ENOENT, "No such file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashed_as_it_is_read),
        cmocka_unit_test(what_has_no_hash),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
