/* "HOST:PORT", as command lines have it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HOST_MAX 254 /* RFC 1035, 2.3.4: 253 characters, NUL */

/* The host of "127.0.0.1:80", "name:80" and "[::1]:80" (without the brackets) into `host`, HOST_MAX bytes.
 * 0; -EINVAL: it is not that, or the port is beyond 65535. What the host is was not looked at. */
int host_port_split(const char *text, char *host, uint16_t *port);
