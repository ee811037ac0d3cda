/* When the daemon is ready. */
#include "reporter_play.h"

#include "admin/server_state.h"

static const char *state_now(void)
{
    const struct admin_view view = {.reporter = reporter};

    return server_state_text(server_state(&view));
}

static void from_the_start_to_the_end(void **state)
{
    (void)state;
    assert_string_equal(state_now(), "INITIALIZING");
    reporter_start(reporter, now);
    assert_string_equal(state_now(), "LIVE"); /* without an answer of the management server */
    up();
    respond((struct wish){.clusters = {"apple"}, .seconds = 1});
    assert_string_equal(state_now(), "LIVE");
    down();
    assert_string_equal(state_now(), "LIVE");
    reporter_finish(reporter, now);
    assert_true(reporter_finished(reporter));
    assert_string_equal(state_now(), "DRAINING");
}

static void while_the_last_report_is_sent(void **state)
{
    (void)state;
    begin(APPLE_EVERY_2S);
    model_serve(apple, 1);
    pass(SECOND);
    reporter_finish(reporter, now);
    assert_false(reporter_finished(reporter));
    assert_string_equal(state_now(), "DRAINING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_the_start_to_the_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(while_the_last_report_is_sent, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("server_state", tests, NULL, NULL);
}
