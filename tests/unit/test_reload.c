/* When a configuration is loaded anew, from a file that the test writes; what changes by it is another
 * test's. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "base/mem.h"
#include "daemon/reload.h"

static char path[] = "/tmp/loadtap_reload_XXXXXX.yaml";
static const struct bootstrap_source source = {.path = path};
static struct event_base *base;
static struct bootstrap *bootstrap;
static struct reload *reload;
static uint64_t wall = 1000;
static unsigned changes;
static char told[RELOAD_TEXT_MAX];

static void put(const char *id)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fprintf(file,
            "{node: {id: %s}, cluster_manager: {load_stats_config: {api_type: GRPC, "
            "grpc_services: [{google_grpc: {target_uri: 'a.test:1', stat_prefix: x}}]}}}\n",
            id);
    assert_int_equal(fclose(file), 0);
}

static uint64_t now_us(void)
{
    return 5000000;
}

static uint64_t wall_us(void)
{
    return wall;
}

static int take(void *arg, struct bootstrap *fresh, char *text)
{
    struct bootstrap before = *bootstrap;

    (void)arg;
    if (!strcmp(fresh->node->id, "refused")) {
        strcpy(text, "no");
        return -EINVAL;
    }
    *bootstrap = *fresh;
    *fresh = before;
    changes++;
    strcpy(text, "changed");
    return 0;
}

static void start(void)
{
    const struct reload_options options = {.base = base,
                                           .source = &source,
                                           .bootstrap = bootstrap,
                                           .change = take,
                                           .now_us = now_us,
                                           .wall_us = wall_us};

    reload = reload_new(&options);
    assert_non_null(reload);
}

static int set_up(void **state)
{
    struct config_error error;

    (void)state;
    changes = 0;
    wall = 1000;
    put("first");
    base = event_base_new();
    return bootstrap_load(&source, &bootstrap, &error);
}

static int tear_down(void **state)
{
    (void)state;
    reload_free(TAKE(reload));
    bootstrap_free(bootstrap);
    event_base_free(base);
    return unlink(path);
}

static void wait_for_change(unsigned count)
{
    for (unsigned i = 0; i < 100 && changes < count; i++) {
        const struct timeval slice = {.tv_usec = 100000};

        event_base_loopexit(base, &slice);
        event_base_dispatch(base);
    }
    assert_int_equal(changes, count);
}

static void when_it_was_loaded(void **state)
{
    (void)state;
    start();
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(reload_loaded_us(reload), 1000);
    wall = 2000;
    assert_int_equal(reload_now(reload, told), 0); /* nothing has changed */
    assert_int_equal(reload_loaded_us(reload), 1000);
    put("second");
    assert_int_equal(reload_now(reload, told), 0);
    assert_string_equal(told, "changed");
    assert_int_equal(reload_loaded_us(reload), 2000);
    wall = 3000;
    put("refused");
    assert_int_equal(reload_now(reload, told), -EINVAL);
    assert_int_equal(reload_loaded_us(reload), 2000);
    put("third");
    wait_for_change(2); /* by the watch */
    assert_int_equal(reload_loaded_us(reload), 3000);
    wall = 4000;
    put("fourth");
    reload_ask(reload);
    wait_for_change(3);
    assert_int_equal(reload_loaded_us(reload), 4000);
}

static void a_change_before_it_is_watched(void **state)
{
    (void)state;
    put("second");
    start();
    wait_for_change(1);
    assert_string_equal(bootstrap->node->id, "second");
}

static void the_file_that_is_loaded_is_not_loaded_again(void **state)
{
    (void)state;
    start();
    event_base_loop(base, EVLOOP_NONBLOCK);
    assert_int_equal(changes, 0);
}

/* It would wait for a writer. */
static void a_pipe_in_the_place_of_the_file(void **state)
{
    char text[RELOAD_TEXT_MAX];

    (void)state;
    start();
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(reload_now(reload, text), -EINVAL);
    assert_non_null(strstr(text, "found no regular file"));
    assert_int_equal(changes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(when_it_was_loaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_before_it_is_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_that_is_loaded_is_not_loaded_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_in_the_place_of_the_file, set_up, tear_down),
    };
    int fd = mkstemps(path, strlen(".yaml"));

    if (fd < 0)
        return 1;
    close(fd);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
