#include "daemon/file_watch.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/mem.h"

#define QUIET_MS 200    /* so long nothing happens before it is told .. */
#define RESTARTS_MAX 20 /* .. but so often only does that begin anew */
#define AGAIN_SECONDS 5 /* until what cannot be watched is tried again */
#define LINKS_MAX 40    /* on the way, as the kernel's own limit */
#define STEPS_MAX (LINKS_MAX + 1)

#define OF_DIRECTORY                                                                               \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
/* A file that is mounted alone shows nothing in its directory. */
#define OF_FILE (IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/* Each symbolic link on the way to the file, and the file itself, by the directory that it is in. */
struct step {
    int watch;
    char name[NAME_MAX + 1];
};

struct file_watch {
    const char *path;
    void (*changed)(void *arg);
    void *arg;
    struct event_base *base;
    struct event *readable, *quiet;
    int fd;
    struct step steps[STEPS_MAX];
    size_t count;
    int file; /* the file's own watch; -1: none */
    unsigned restarts;
};

/* --- what is watched -----------------------------------------------------------------------------*/

static int add_step(struct file_watch *watch, const char *directory, const char *name)
{
    struct step *step = &watch->steps[watch->count];

    if (watch->count == STEPS_MAX)
        return -ELOOP;
    if (strlen(name) > NAME_MAX)
        return -ENAMETOOLONG;
    step->watch = inotify_add_watch(watch->fd, directory, OF_DIRECTORY);
    if (step->watch < 0)
        return -errno;
    strcpy(step->name, name);
    watch->count++;
    return 0;
}

struct way {
    char done[PATH_MAX]; /* a directory */
    char rest[PATH_MAX]; /* from there */
};

/* Takes the next name off the rest. False: there is none. */
static bool next_name(struct way *way, char name[PATH_MAX])
{
    char *begin = way->rest + strspn(way->rest, "/");
    size_t length = strcspn(begin, "/");

    memcpy(name, begin, length);
    name[length] = '\0';
    memmove(way->rest, begin + length, strlen(begin + length) + 1);
    return length > 0;
}

static int put_before_rest(struct way *way, const char *target)
{
    char rest[PATH_MAX];

    if (snprintf(rest, sizeof(rest), "%s%s", target, way->rest) >= (int)sizeof(rest))
        return -ENAMETOOLONG;
    strcpy(way->rest, rest);
    if (*target == '/')
        strcpy(way->done, "/");
    return 0;
}

/* One name further. 1: that was the file, or nothing is there yet. */
static int walk(struct file_watch *watch, struct way *way)
{
    char name[PATH_MAX], full[PATH_MAX], target[PATH_MAX];
    ssize_t length;
    int result;

    if (!next_name(way, name))
        return -EISDIR;
    if (snprintf(full, sizeof(full), "%s/%s", way->done, name) >= (int)sizeof(full))
        return -ENAMETOOLONG;
    length = readlink(full, target, sizeof(target) - 1);
    if (length < 0 && errno == EINVAL && strspn(way->rest, "/") < strlen(way->rest)) {
        strcpy(way->done, full);
        return 0;
    }
    if (length < 0 && errno != EINVAL && errno != ENOENT)
        return -errno;
    result = add_step(watch, way->done, name);
    if (result)
        return result;
    if (length >= 0) {
        target[length] = '\0';
        return put_before_rest(way, target);
    }
    watch->file = inotify_add_watch(watch->fd, full, OF_FILE);
    return 1;
}

static int watch_all(struct file_watch *watch)
{
    struct way way;
    int result = 0;

    if (strlen(watch->path) >= sizeof(way.rest))
        return -ENAMETOOLONG;
    strcpy(way.rest, watch->path);
    strcpy(way.done, *watch->path == '/' ? "/" : ".");
    watch->count = 0;
    watch->file = -1;
    while (!result)
        result = walk(watch, &way);
    return result < 0 ? result : 0;
}

static void on_readable(evutil_socket_t fd, short what, void *arg);

/* Watches anew, in the place of what was watched before: what is on the way may be another now. */
static int renew(struct file_watch *watch)
{
    int result;

    if (watch->readable)
        event_free(TAKE(watch->readable));
    if (watch->fd >= 0)
        close(watch->fd);
    watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (watch->fd < 0)
        return -errno;
    result = watch_all(watch);
    if (result)
        return result;
    watch->readable = event_new(watch->base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
    return watch->readable && !event_add(watch->readable, NULL) ? 0 : -ENOMEM;
}

/* --- what happens ---------------------------------------------------------------------------------*/

static bool concerns(const struct file_watch *watch, const struct inotify_event *event)
{
    if (event->mask & (IN_Q_OVERFLOW | IN_DELETE_SELF | IN_MOVE_SELF) || event->wd == watch->file)
        return true;
    for (size_t i = 0; i < watch->count; i++)
        if (event->wd == watch->steps[i].watch && event->len &&
            !strcmp(event->name, watch->steps[i].name))
            return true;
    return false;
}

/* What else happens in the directories is passed over. */
static bool read_events(struct file_watch *watch)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;
    ssize_t length;

    while ((length = read(watch->fd, buffer, sizeof(buffer))) > 0)
        for (char *at = buffer; at < buffer + length;) {
            const struct inotify_event *event = (const void *)at;

            any |= concerns(watch, event);
            at += sizeof(*event) + event->len;
        }
    return any;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval quiet = {.tv_usec = QUIET_MS * 1000};
    struct file_watch *watch = arg;

    (void)fd, (void)what;
    if (read_events(watch) && watch->restarts < RESTARTS_MAX) {
        watch->restarts++;
        event_add(watch->quiet, &quiet);
    }
}

/* Watching comes before looking: what changes in between is noticed. */
static void on_quiet(evutil_socket_t fd, short what, void *arg)
{
    static const struct timeval again = {.tv_sec = AGAIN_SECONDS};
    struct file_watch *watch = arg;

    (void)fd, (void)what;
    watch->restarts = 0;
    if (renew(watch))
        event_add(watch->quiet, &again);
    watch->changed(watch->arg);
}

int file_watch_new(struct event_base *base, const char *path, void (*changed)(void *arg), void *arg,
                   struct file_watch **out)
{
    struct file_watch *watch = calloc(1, sizeof(*watch));
    int result;

    if (!watch)
        return -ENOMEM;
    *watch = (struct file_watch){
        .path = path, .changed = changed, .arg = arg, .base = base, .fd = -1, .file = -1};
    watch->quiet = evtimer_new(base, on_quiet, watch);
    result = watch->quiet ? renew(watch) : -ENOMEM;
    if (result)
        file_watch_free(watch);
    else
        *out = watch;
    return result;
}

void file_watch_free(struct file_watch *watch)
{
    if (!watch)
        return;
    if (watch->readable)
        event_free(watch->readable);
    if (watch->quiet)
        event_free(watch->quiet);
    if (watch->fd >= 0)
        close(watch->fd);
    free(watch);
}
