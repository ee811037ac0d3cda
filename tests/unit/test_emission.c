/* Which localities each Envoy shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "report/emission.h"

enum { ISSUED = 1, SUCCESS = 2, ERROR = 4, ACTIVE = 8 };

/* Every combination of the four, for each version. */
static void test_every_version(void **state)
{
    static const struct {
        enum emission_rules rules;
        unsigned any_of;
        bool endpoints;
    } versions[] = {
        {EMISSION_UP_TO_ENVOY_1_33, SUCCESS | ERROR | ACTIVE, false},
        {EMISSION_ENVOY_1_34, ISSUED, false},
        {EMISSION_ENVOY_1_36, ISSUED, true},
        {EMISSION_ENVOY_1_37, ISSUED | ACTIVE, true},
        {EMISSION_ENVOY_1_39, ISSUED | SUCCESS | ERROR | ACTIVE, true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        for (unsigned set = 0; set < 16; set++) {
            const struct window_row row = {.load = {.issued = set & ISSUED ? 3 : 0,
                                                    .success = set & SUCCESS ? 1 : 0,
                                                    .error = set & ERROR ? 1 : 0,
                                                    .new_connections = 9},
                                           .in_progress = set & ACTIVE ? 1 : 0,
                                           .active_connections = 9};

            assert_int_equal(emission_shows(versions[i].rules, &row),
                             (set & versions[i].any_of) != 0);
        }
        assert_int_equal(emission_has_endpoints(versions[i].rules), versions[i].endpoints);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_version)};

    return cmocka_run_group_tests_name("emission", tests, NULL, NULL);
}
