#include "daemon/reload.h"

#include <errno.h>
#include <event2/event.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/certificates.h"
#include "daemon/file_watch.h"
#include "daemon/notify.h"

#define ASKED_EACH_US 1000000

struct reload {
    struct reload_options options;
    struct file_watch *watch; /* NULL: there is no file, or it cannot be watched */
    struct event *watched;    /* active once: the file is watched from now on */
    struct event *asked;      /* pending while it is too soon */
    uint64_t asked_us;        /* when that was last done */
    uint64_t loaded_us;       /* when the one that runs was, since 1970 */
    bool is_refused;          /* the file's content, when it had this hash */
    uint64_t refused_hash;
};

/* The user that loadtap has become may be another one than that who started it. */
static void explain_access(int failed, char *text)
{
    size_t used = strlen(text);

    if (failed == -EACCES || failed == -EPERM)
        snprintf(text + used, RELOAD_TEXT_MAX - used,
                 " (loadtap runs as user %u: let this user read it and its directories)",
                 (unsigned)geteuid());
}

/* --- one attempt ----------------------------------------------------------------------------------*/

static void tell_notes(const struct bootstrap *bootstrap)
{
    for (size_t i = 0; i < bootstrap->note_count; i++)
        log_info("%s", bootstrap->notes[i]);
}

/* A pipe (`-c <(…)`) is empty the second time, and opening one waits for its writer. */
static bool is_pipe(const struct reload *reload)
{
    struct stat file;

    return !stat(reload->options.source->path, &file) && !S_ISREG(file.st_mode);
}

/* 0: it cannot be read. */
static uint64_t file_hash(const struct reload *reload)
{
    struct config_error error;
    uint64_t hash = 0;

    if (!is_pipe(reload) && bootstrap_file_hash(reload->options.source, &hash, &error))
        return 0;
    return hash;
}

/* Certificates that cannot be used are an error of the configuration, as at the start. */
static int load(const struct reload *reload, struct bootstrap **out, char *text)
{
    char certificates[CERTIFICATES_ERROR_MAX];
    struct config_error error;
    int failed;

    if (is_pipe(reload)) {
        snprintf(text, RELOAD_TEXT_MAX, "%.1000s: found no regular file, expected one to load anew",
                 reload->options.source->path);
        return -EINVAL;
    }
    failed = bootstrap_load(reload->options.source, out, &error);
    if (failed) {
        snprintf(text, RELOAD_TEXT_MAX, "%s", error.text);
        explain_access(failed, text);
        return failed;
    }
    failed = certificates_check(*out, certificates);
    if (!failed)
        return 0;
    snprintf(text, RELOAD_TEXT_MAX, "%s", certificates);
    explain_access(failed, text);
    bootstrap_free(*out);
    return failed;
}

static int load_and_change(struct reload *reload, char *text)
{
    struct bootstrap *fresh;
    int failed = load(reload, &fresh, text);

    if (failed)
        return failed;
    failed = reload->options.change(reload->options.arg, fresh, text);
    bootstrap_free(fresh);
    malloc_trim(0); /* what reading it took */
    return failed;
}

/* A bad one is told once for each content, unless somebody asks. */
static int attempt(struct reload *reload, uint64_t hash, char *text)
{
    int failed = load_and_change(reload, text);

    reload->is_refused = failed;
    reload->refused_hash = hash;
    if (failed) {
        log_error("%s", text);
        log_error("the configuration is not taken; the one before goes on");
        return failed;
    }
    reload->loaded_us = reload->options.wall_us();
    log_info("configuration loaded anew: %s", text);
    tell_notes(reload->options.bootstrap);
    return 0;
}

int reload_now(struct reload *reload, char *text)
{
    const struct bootstrap_source *source = reload->options.source;
    uint64_t hash;
    int failed;

    if (!source->path || !source->path[0]) {
        snprintf(text, RELOAD_TEXT_MAX,
                 "the configuration stands on the command line: there is no "
                 "file to load anew");
        log_warning("%s", text);
        return -ENOENT;
    }
    notify_reloading(reload->options.now_us());
    hash = file_hash(reload);
    if (!reload->is_refused && hash == reload->options.bootstrap->file_hash) {
        snprintf(text, RELOAD_TEXT_MAX, "the file is the one that is loaded: nothing has changed");
        log_info("%s", text);
        failed = 0;
    } else {
        failed = attempt(reload, hash, text);
    }
    notify_ready();
    return failed;
}

/* --- when -----------------------------------------------------------------------------------------*/

static void on_changed(void *arg)
{
    struct reload *reload = arg;
    char text[RELOAD_TEXT_MAX];
    uint64_t hash = file_hash(reload);

    if (reload->is_refused ? hash == reload->refused_hash
                           : hash == reload->options.bootstrap->file_hash)
        return;
    notify_reloading(reload->options.now_us());
    attempt(reload, hash, text);
    notify_ready();
}

/* What has changed since it was loaded, but before it was watched. */
static void on_watched(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    on_changed(arg);
}

static void on_asked(evutil_socket_t fd, short what, void *arg)
{
    struct reload *reload = arg;
    char text[RELOAD_TEXT_MAX];

    (void)fd, (void)what;
    reload->asked_us = reload->options.now_us();
    reload_now(reload, text);
}

void reload_ask(struct reload *reload)
{
    uint64_t since_us = reload->options.now_us() - reload->asked_us;
    uint64_t wait_us = since_us < ASKED_EACH_US ? ASKED_EACH_US - since_us : 0;
    const struct timeval wait = clock_interval(wait_us);

    if (!event_pending(reload->asked, EV_TIMEOUT, NULL))
        event_add(reload->asked, &wait);
}

/* --- the interface --------------------------------------------------------------------------------*/

static void watch(struct reload *reload)
{
    const char *path = reload->options.source->path;
    char text[RELOAD_TEXT_MAX];
    int failed;

    if (!path || !path[0] || is_pipe(reload))
        return;
    failed = file_watch_new(reload->options.base, path, on_changed, reload, &reload->watch);
    if (!failed && access(path, R_OK))
        failed = -errno;
    if (!failed) {
        event_active(reload->watched, EV_TIMEOUT, 0);
        return;
    }
    snprintf(text, sizeof(text), "%.1000s: changes of it will not be noticed: %s", path,
             strerror(-failed));
    explain_access(failed, text);
    log_warning("%s", text);
}

struct reload *reload_new(const struct reload_options *options)
{
    struct reload *reload = calloc(1, sizeof(*reload));

    if (!reload)
        return NULL;
    reload->options = *options;
    reload->loaded_us = options->wall_us();
    reload->watched = evtimer_new(options->base, on_watched, reload);
    reload->asked = evtimer_new(options->base, on_asked, reload);
    if (!reload->watched || !reload->asked) {
        reload_free(reload);
        return NULL;
    }
    watch(reload);
    return reload;
}

uint64_t reload_loaded_us(const struct reload *reload)
{
    return reload->loaded_us;
}

void reload_free(struct reload *reload)
{
    if (!reload)
        return;
    file_watch_free(reload->watch);
    if (reload->watched)
        event_free(reload->watched);
    if (reload->asked)
        event_free(reload->asked);
    free(reload);
}
