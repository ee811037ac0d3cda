#include "command/admin_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/mem.h"
#include "command/http_reply.h"
#include "config/bootstrap.h"

#define ANSWER_MAX (256u << 20)
#define LOCALHOST "localhost:"

__attribute__((format(printf, 3, 4))) static int fail(char *error, int code, const char *format,
                                                      ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error, ADMIN_ERROR_MAX, format, arguments);
    va_end(arguments);
    return code;
}

/* --- where ------------------------------------------------------------------------------------ */

static int target_unix(const char *path, struct admin_target *out, char *error)
{
    struct sockaddr_un *name = (struct sockaddr_un *)&out->address;

    if (strlen(path) >= sizeof(name->sun_path))
        return fail(error, -EINVAL, "%s: longer than the path of a socket may be", path);
    memset(out, 0, sizeof(*out));
    name->sun_family = AF_UNIX;
    memcpy(name->sun_path, path, strlen(path) + 1);
    out->size = sizeof(*name);
    snprintf(out->text, sizeof(out->text), "unix:%s", path);
    return 0;
}

static void target_tcp(const struct address *address, struct admin_target *out)
{
    char text[ADDRESS_TEXT_MAX];

    memset(out, 0, sizeof(*out));
    out->size = address_to_sockaddr(address, &out->address);
    snprintf(out->text, sizeof(out->text), "%s", address_text(address, text));
}

static int target_named(const char *admin, struct admin_target *out, char *error)
{
    char text[ADDRESS_TEXT_MAX];
    struct address address;

    if (strchr(admin, '/'))
        return target_unix(admin, out, error);
    snprintf(text, sizeof(text), "%s", admin);
    if (strncmp(admin, LOCALHOST, strlen(LOCALHOST)) == 0)
        snprintf(text, sizeof(text), "127.0.0.1:%s", admin + strlen(LOCALHOST));
    if (address_parse_text(text, &address) || !address.port)
        return fail(error, -EINVAL,
                    "--admin: found '%s', expected the path of a socket (with a \"/\"), IP:PORT or "
                    "localhost:PORT",
                    admin);
    target_tcp(&address, out);
    return 0;
}

static int target_configured(const struct admin_where *where, struct admin_target *out, char *error)
{
    const struct bootstrap_source source = {
        .path = where->config,
        .environment = where->expand_env ? (const char *const *)environ : NULL,
    };
    struct config_error config_error;
    struct bootstrap *bootstrap;
    struct address address;
    int result = 0;

    /* Who asks may lack what the daemon had: variables that the file names, the right to read it. */
    if (bootstrap_load(&source, &bootstrap, &config_error))
        return fail(error, -EINVAL,
                    "%s; --admin SOCKET asks without the file (" BOOTSTRAP_ADMIN_SOCKET
                    ", unless it names another)",
                    config_error.text);
    if (bootstrap->admin_socket)
        result = target_unix(bootstrap->admin_socket, out, error);
    else if (bootstrap->admin_host &&
             !address_parse(bootstrap->admin_host, bootstrap->admin_port, &address))
        target_tcp(&address, out);
    else
        result =
            fail(error, -EINVAL, "%s: has no admin interface, neither `admin` nor admin_socket",
                 where->config);
    bootstrap_free(bootstrap);
    return result;
}

int admin_target_find(const struct admin_where *where, struct admin_target *out, char *error)
{
    if (where->admin)
        return target_named(where->admin, out, error);
    if (where->config)
        return target_configured(where, out, error);
    return target_unix(BOOTSTRAP_ADMIN_SOCKET, out, error);
}

/* --- the exchange ------------------------------------------------------------------------------ */

/* 0 when the socket is ready for `events`; -ETIMEDOUT, -errno. */
static int await(int fd, short events, uint64_t deadline)
{
    struct pollfd waiting = {.fd = fd, .events = events};
    int ready;

    do {
        uint64_t now = clock_us() / 1000;

        ready = now < deadline ? poll(&waiting, 1, (int)(deadline - now)) : 0;
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? 0 : ready ? -errno : -ETIMEDOUT;
}

/* A descriptor; or -errno. */
static int connect_to(const struct admin_target *target, uint64_t deadline)
{
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof(int);
    int result = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)&target->address, target->size) < 0)
        result = -errno;
    if (result == -EINPROGRESS) {
        result = await(fd, POLLOUT, deadline);
        if (!result && getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) == 0)
            result = -result;
    }
    if (!result)
        return fd;
    close(fd);
    return result;
}

/* The request is a few hundred bytes, which a socket takes at once. */
static int send_request(int fd, const char *path, uint64_t deadline)
{
    autofree char *request = NULL;
    int length = asprintf(&request, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
    int result = await(fd, POLLOUT, deadline);

    if (length < 0) {
        request = NULL;
        return -ENOMEM;
    }
    if (!result && send(fd, request, (size_t)length, MSG_NOSIGNAL) != length)
        result = errno ? -errno : -EMSGSIZE;
    return result;
}

/* To the end of the connection. `*text` is to be freed in any case. */
static int receive(int fd, uint64_t deadline, char **text, size_t *length)
{
    size_t room = 0;

    for (;;) {
        ssize_t n;
        int result;

        if (*length == room) {
            char *larger =
                room < ANSWER_MAX ? realloc(*text, room = room ? room * 2 : 65536) : NULL;

            if (!larger)
                return -ENOMEM;
            *text = larger;
        }
        result = await(fd, POLLIN, deadline);
        if (result)
            return result;
        n = recv(fd, *text + *length, room - *length, 0);
        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return -errno;
        *length += n > 0 ? (size_t)n : 0;
    }
}

static int exchange(const struct admin_target *target, const char *path, unsigned timeout_ms,
                    char **text, size_t *length)
{
    uint64_t deadline = clock_us() / 1000 + timeout_ms;
    int fd = connect_to(target, deadline), result;

    if (fd < 0)
        return fd;
    result = send_request(fd, path, deadline);
    if (!result)
        result = receive(fd, deadline, text, length);
    close(fd);
    return result;
}

/* --- what came ----------------------------------------------------------------------------------- */

static int explain_failure(const struct admin_target *target, int code, char *error)
{
    if (code == -ETIMEDOUT)
        return fail(error, code, "%s: loadtap does not answer", target->text);
    if (code == -EBADMSG)
        return fail(error, code, "%s: what answers there is not loadtap's admin interface",
                    target->text);
    return fail(error, code, "%s: %s%s", target->text, strerror(-code),
                code == -ENOENT || code == -ECONNREFUSED
                    ? " (does loadtap run? --admin names another socket or address)"
                    : "");
}

static int take_reply(const struct admin_target *target, const struct http_reply *reply,
                      json_t **out, char *error)
{
    const char *end = memchr(reply->body, '\n', reply->length);
    size_t length = end ? (size_t)(end - reply->body) : reply->length;

    if (reply->status != 200)
        return fail(error, reply->status == 404 ? -ENOENT : -EPROTO, "%.*s",
                    length < 400 ? (int)length : 400, reply->body);
    *out = json_loadb(reply->body, reply->length, 0, NULL);
    return *out ? 0 : explain_failure(target, -EBADMSG, error);
}

int admin_get(const struct admin_target *target, const char *path, unsigned timeout_ms,
              json_t **out, char *error)
{
    autofree char *text = NULL;
    size_t length = 0;
    struct http_reply reply;
    int result = exchange(target, path, timeout_ms, &text, &length);

    if (!result)
        result = http_reply_read(text, length, &reply);
    return result ? explain_failure(target, result, error) : take_reply(target, &reply, out, error);
}

char *admin_escape(const char *name)
{
    char *text = malloc(strlen(name) * 3 + 1), *at = text;

    for (; text && *name; name++) {
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~", *name))
            *at++ = *name;
        else
            at += sprintf(at, "%%%02X", (unsigned char)*name);
    }
    if (text)
        *at = '\0';
    return text;
}
