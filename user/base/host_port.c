#include "base/host_port.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int read_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long number = strtoul(text, NULL, 10);

    if (!digits || digits > 5 || text[digits] || number > UINT16_MAX)
        return -EINVAL;
    *port = (uint16_t)number;
    return 0;
}

int host_port_split(const char *text, char *host, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    uint16_t number;

    if (bracketed) {
        text++;
        length -= 2;
    }
    if (!length || length >= HOST_MAX || read_port(colon + 1, &number))
        return -EINVAL;
    if (bracketed !=
        (memchr(text, ':', length) != NULL)) /* "::1:80": which colon ends the address? */
        return -EINVAL;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = number;
    return 0;
}
