#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kernel/load_error.h"

#define KERNEL "needs Linux 5.10 or later with BTF"

/* Advice to look for another kernel comes where that would help, and only there. */
static void the_way_out(void **state)
{
    static const struct {
        int code;
        bool has_btf;
        const char *says, *says_not;
    } rows[] = {
        {-EPERM, true, "run as root of the machine (not of a user namespace), or with its CAP_BPF",
         KERNEL},
        {-EPERM, true, "programs: run as root", "LimitMEMLOCK"},
        {-EMFILE, true, "Too many open files: raise the limit (ulimit -n)", KERNEL},
        {-ENFILE, true, "Too many open files in system: raise the limit", KERNEL},
        {-ENOMEM, true, "Cannot allocate memory (ulimit -v", KERNEL},
        {-ESRCH, true, "/sys/kernel/btf/vmlinux are not usable (why is above), or memory is short",
         KERNEL},
        {-ESRCH, false, "it does not show its types in /sys/kernel/btf/vmlinux", "memory"},
        {-ESRCH, false, KERNEL, "No such process"},
        {-EINVAL, true, "Invalid argument (why is above; " KERNEL, "memory"},
        {-E2BIG, false, "Argument list too long (why is above; " KERNEL, "memory"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[1024];

        load_error_text(rows[i].code, true, rows[i].has_btf, text, sizeof(text));
        if (!strstr(text, rows[i].says) || strstr(text, rows[i].says_not))
            fail_msg("%s", text);
    }
}

static void locked_memory(void **state)
{
    char text[1024];

    (void)state;
    load_error_text(-EPERM, false, true, text, sizeof(text));
    assert_non_null(
        strstr(text, "for the limit of locked memory (ulimit -l unlimited; LimitMEMLOCK"));
}

/* Wherever the text says that they are above. */
static void what_the_verifier_said(void **state)
{
    (void)state;
    assert_true(load_error_needs_words(-EINVAL));
    assert_true(load_error_needs_words(-EACCES));
    assert_true(load_error_needs_words(-E2BIG));
    assert_false(load_error_needs_words(-EPERM));
    assert_true(load_error_needs_words(-ESRCH));
    assert_false(load_error_needs_words(-ENOMEM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_way_out),
        cmocka_unit_test(locked_memory),
        cmocka_unit_test(what_the_verifier_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
