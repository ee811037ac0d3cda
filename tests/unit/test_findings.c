#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "doctor/findings.h"

static void fill(struct findings *findings)
{
    findings_ok(findings, "kernel", "Linux %d", 6);
    findings_add(findings, VERDICT_WARN, "cgroup", "start it", "empty \"%s\"", "/x");
    findings_add(findings, VERDICT_FAIL, "dns", NULL, "no answer");
}

static void test_lines(void **state)
{
    char *text = NULL;
    size_t size;
    struct findings findings = {.lines = open_memstream(&text, &size)};

    (void)state;
    assert_non_null(findings.lines);
    fill(&findings);
    fclose(findings.lines);
    assert_string_equal(text, "ok    kernel         Linux 6\n"
                              "warn  cgroup         empty \"/x\" -> start it\n"
                              "FAIL  dns            no answer\n");
    free(text);
    findings_clear(&findings);
}

static void test_worst(void **state)
{
    struct findings findings = {.lines = NULL};

    (void)state;
    assert_int_equal(findings_worst(&findings), VERDICT_OK);
    findings_ok(&findings, "a", "b");
    assert_int_equal(findings_worst(&findings), VERDICT_OK);
    findings_add(&findings, VERDICT_WARN, "a", NULL, "b");
    findings_ok(&findings, "a", "b");
    assert_int_equal(findings_worst(&findings), VERDICT_WARN);
    findings_add(&findings, VERDICT_FAIL, "a", NULL, "b");
    findings_ok(&findings, "a", "b");
    assert_int_equal(findings_worst(&findings), VERDICT_FAIL);
    findings_clear(&findings);
}

static void test_json(void **state)
{
    struct findings findings = {.lines = NULL};
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    assert_non_null(out);
    fill(&findings);
    assert_int_equal(findings_json(&findings, out), 0);
    fclose(out);
    assert_string_equal(
        text, "{\n  \"verdict\": \"fail\",\n  \"checks\": [\n"
              "    {\n      \"check\": \"kernel\",\n      \"verdict\": \"ok\",\n"
              "      \"text\": \"Linux 6\"\n    },\n"
              "    {\n      \"check\": \"cgroup\",\n      \"verdict\": \"warn\",\n"
              "      \"text\": \"empty \\\"/x\\\"\",\n      \"fix\": \"start it\"\n    },\n"
              "    {\n      \"check\": \"dns\",\n      \"verdict\": \"fail\",\n"
              "      \"text\": \"no answer\"\n    }\n  ]\n}\n");
    free(text);
    findings_clear(&findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_worst),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
