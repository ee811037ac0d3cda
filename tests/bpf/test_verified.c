/* What the kernel's verifier has to walk: the instructions of each program, printed and bounded. It
 * gives up at a million, and kernels differ: what is near the limit here is above it elsewhere.
 *
 * OBJECTS names folders with objects that other compilers made: they may need more, and where a kernel
 * refuses the full one for that, it is skipped.
 * test: timeout=300 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <cmocka.h>

#include "base/mem.h"
#include "kernel/features.h"

#define INSTRUCTIONS_MAX 250000
#define LOG_STATS 4         /* the verifier tells its numbers, and no more than that ... */
#define LOG_SIZE (16 << 20) /* ... but on some kernels each call of a global function */
#define PROGRAMS_MAX 8

static const char *folder;
static bool own = true; /* made for this machine: bounded, and loads wherever it can be needed */
/* A kernel without socket storage for tracepoints has the full object without them. */
static const char *const joining[] = {"tap_state", "tap_open_sockets"};

struct logs {
    char *text[PROGRAMS_MAX];
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    (void)level, (void)format, (void)args;
    return 0;
}

static struct bpf_object *open_object(const char *name)
{
    char path[4096];
    struct bpf_object *object;

    snprintf(path, sizeof(path), "%s/%s.bpf.o", folder, name);
    object = bpf_object__open_file(path, NULL);
    if (!object)
        fail_msg("cannot open %s: %s", path, strerror(errno));
    return object;
}

static void logs_set(struct logs *logs, struct bpf_object *object)
{
    struct bpf_program *program;
    size_t i = 0;

    bpf_object__for_each_program(program, object)
    {
        assert_in_range(i, 0, PROGRAMS_MAX - 1);
        logs->text[i] = calloc(1, LOG_SIZE);
        assert_non_null(logs->text[i]);
        assert_int_equal(bpf_program__set_log_buf(program, logs->text[i++], LOG_SIZE), 0);
        bpf_program__set_log_level(program, LOG_STATS);
    }
}

static void logs_free(struct logs *logs)
{
    for (size_t i = 0; i < PROGRAMS_MAX; i++)
        free(TAKE(logs->text[i]));
}

/* 0: the log does not say. */
static unsigned long instructions(const char *log)
{
    const char *word = strstr(log, "processed ");

    return word ? strtoul(word + strlen("processed "), NULL, 10) : 0;
}

static void check(const char *name, struct bpf_object *object, const struct logs *logs)
{
    struct bpf_program *program;
    size_t i = 0;

    bpf_object__for_each_program(program, object)
    {
        unsigned long count = instructions(logs->text[i++]);

        if (!bpf_program__autoload(program))
            continue;
        print_message("# %s %s: %lu instructions verified\n", name, bpf_program__name(program),
                      count);
        assert_in_range(count, 1, own ? INSTRUCTIONS_MAX : UINT32_MAX);
    }
}

/* The end of what the verifier said of the program that it refused, the last one that it saw. */
static void explain(const struct logs *logs)
{
    const char *log = "";
    size_t length;

    for (size_t i = 0; i < PROGRAMS_MAX && logs->text[i]; i++)
        if (*logs->text[i])
            log = logs->text[i];
    length = strlen(log);
    print_message("%s\n", log + (length < 2000 ? 0 : length - 2000));
}

static int load(const char *name, bool joins)
{
    struct bpf_object *object = open_object(name);
    struct logs logs = {};
    int result;

    for (size_t i = 0; i < ARRAY_SIZE(joining); i++) {
        struct bpf_program *program = bpf_object__find_program_by_name(object, joining[i]);

        if (program)
            bpf_program__set_autoload(program, joins);
    }
    logs_set(&logs, object);
    result = bpf_object__load(object);
    if (result)
        explain(&logs);
    else
        check(name, object, &logs);
    logs_free(&logs);
    bpf_object__close(object);
    return result;
}

static void the_full_object(void **state)
{
    struct features features;

    (void)state;
    features_find(&features);
    if (!features.results || !features.loops) {
        print_message("# this kernel has no bpf_loop, or no atomics with a result\n");
        skip();
    }
    if (!load("loadtap", true) || !load("loadtap", false))
        return;
    if (own)
        fail();
    print_message("# refused\n");
    skip();
}

static void the_early_object(void **state)
{
    (void)state;
    assert_int_equal(load("loadtap_early", true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_full_object),
        cmocka_unit_test(the_early_object),
    };
    const char *build = getenv("BUILD"), *objects = getenv("OBJECTS");
    autofree char *others = strdup(objects ? objects : "");
    char built[4096];
    int failed;

    if (!others)
        return 1;
    libbpf_set_print(quiet);
    snprintf(built, sizeof(built), "%s/bpf", build ? build : "build");
    folder = built;
    failed = cmocka_run_group_tests_name(folder, tests, NULL, NULL);
    own = false;
    for (folder = strtok(others, " "); folder; folder = strtok(NULL, " "))
        failed += cmocka_run_group_tests_name(folder, tests, NULL, NULL);
    return failed;
}
