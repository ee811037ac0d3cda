/* What the verifier walks: the product's programs, and the ones that prove that HTTP/2 fits beside
 * HTTP/1 in the same structure. Prints instructions per program, and bounds them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "loadtap.skel.h"
#include "structure_http2.skel.h"

/* A quarter of what a kernel accepts: another kernel's verifier walks more, and so does the next
 * change. */
#define VERIFIED_MAX 250000

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check_programs(struct bpf_object *object)
{
    struct bpf_program *program;

    bpf_object__for_each_program(program, object)
    {
        struct bpf_prog_info info = {0};
        __u32 size = sizeof(info);

        assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
        fprintf(stderr, "%-16s %6u instructions verified\n", bpf_program__name(program),
                info.verified_insns);
        assert_in_range(info.verified_insns, 1, VERIFIED_MAX);
    }
}

static void check_object(const char *name, struct bpf_object *object)
{
    double begun = seconds();
    int result = bpf_object__load(object);

    if (result)
        fail_msg("%s does not load: %s", name, strerror(-result));
    fprintf(stderr, "%s: loaded in %.2f s\n", name, seconds() - begun);
    check_programs(object);
}

static void product_is_small_to_verify(void **state)
{
    struct loadtap_bpf *skeleton = loadtap_bpf__open();

    (void)state;
    assert_non_null(skeleton);
    check_object("loadtap", skeleton->obj);
    loadtap_bpf__destroy(skeleton);
}

static void http2_loads_beside_http1(void **state)
{
    struct structure_http2_bpf *skeleton = structure_http2_bpf__open();

    (void)state;
    assert_non_null(skeleton);
    check_object("structure_http2", skeleton->obj);
    structure_http2_bpf__destroy(skeleton);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_small_to_verify),
        cmocka_unit_test(http2_loads_beside_http1),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
