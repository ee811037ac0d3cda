#include "daemon/notify.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* "@name" is one without a file. False: it is no name of a socket. */
static bool address_of(const char *name, struct sockaddr_un *out, socklen_t *size)
{
    size_t length = strlen(name);

    if ((*name != '/' && *name != '@') || length >= sizeof(out->sun_path))
        return false;
    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, name, length);
    if (*name == '@')
        out->sun_path[0] = 0;
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

static void send_lines(const char *lines)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t size;
    int fd;

    if (!name || !address_of(name, &address, &size))
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
           size);
    close(fd);
}

void notify_ready(void)
{
    send_lines("READY=1");
}

void notify_reloading(uint64_t monotonic_us)
{
    char lines[64];

    snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, monotonic_us);
    send_lines(lines);
}

void notify_stopping(void)
{
    send_lines("STOPPING=1");
}

void notify_alive(void)
{
    send_lines("WATCHDOG=1");
}
