#include "http/listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/listener.h>

static const unsigned flags = LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;

static struct evconnlistener *failure(const char *where, int code, char *error, size_t error_size)
{
    snprintf(error, error_size, "cannot listen on %s: %s", where, strerror(code));
    return NULL;
}

struct evconnlistener *listen_tcp(struct event_base *base, const struct address *where, char *error,
                                  size_t error_size)
{
    struct sockaddr_storage raw;
    socklen_t length = address_to_sockaddr(where, &raw);
    struct evconnlistener *made =
        evconnlistener_new_bind(base, NULL, NULL, flags, -1, (struct sockaddr *)&raw, (int)length);
    char text[ADDRESS_TEXT_MAX];

    return made ? made : failure(address_text(where, text), errno, error, error_size);
}

/* --- Unix sockets ---------------------------------------------------------------------- */

/* 0: the path is free, or what an ended program left there. -EADDRINUSE, -errno. */
static int clear_path(const struct sockaddr_un *where)
{
    struct stat stat;
    int fd, result;

    if (lstat(where->sun_path, &stat))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(stat.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    result = connect(fd, (const struct sockaddr *)where, sizeof(*where)) ? -errno : 0;
    close(fd);
    if (result != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(where->sun_path) && errno != ENOENT ? -errno : 0;
}

/* The mode is right from the first moment on. */
static struct evconnlistener *bind_path(struct event_base *base, const struct sockaddr_un *where)
{
    mode_t before = umask(0117);
    struct evconnlistener *made = evconnlistener_new_bind(
        base, NULL, NULL, flags, -1, (const struct sockaddr *)where, sizeof(*where));
    int code = errno;

    umask(before);
    errno = code;
    return made;
}

struct evconnlistener *listen_unix(struct event_base *base, const char *path,
                                   struct listen_file *file, char *error, size_t error_size)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    struct evconnlistener *made;
    struct stat stat;
    int result;

    if (strlen(path) >= sizeof(where.sun_path))
        return failure(path, ENAMETOOLONG, error, error_size);
    memcpy(where.sun_path, path, strlen(path) + 1);
    result = clear_path(&where);
    if (result)
        return failure(path, -result, error, error_size);
    made = bind_path(base, &where);
    if (!made)
        return failure(path, errno, error, error_size);
    if (!lstat(path, &stat))
        *file = (struct listen_file){path, stat.st_dev, stat.st_ino};
    return made;
}

void listen_remove(const struct listen_file *file)
{
    struct stat stat;

    if (file->path && !lstat(file->path, &stat) && stat.st_dev == file->device &&
        stat.st_ino == file->inode)
        unlink(file->path);
}
