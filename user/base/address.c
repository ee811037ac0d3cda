#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/host_port.h"

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void set_ipv4(struct address *address, const void *four_bytes)
{
    memcpy(address->ip, mapped_prefix, sizeof(mapped_prefix));
    memcpy(address->ip + sizeof(mapped_prefix), four_bytes, 4);
}

int address_parse(const char *ip, uint16_t port, struct address *out)
{
    struct address address = {.port = port};
    struct in_addr v4;

    if (inet_pton(AF_INET, ip, &v4) == 1)
        set_ipv4(&address, &v4);
    else if (inet_pton(AF_INET6, ip, address.ip) != 1)
        return -EINVAL;
    *out = address;
    return 0;
}

int address_parse_text(const char *text, struct address *out)
{
    char host[HOST_MAX];
    uint16_t port;

    return host_port_split(text, host, &port) ? -EINVAL : address_parse(host, port, out);
}

int address_from_sockaddr(const struct sockaddr *from, struct address *out)
{
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;

        set_ipv4(out, &v4->sin_addr);
        out->port = ntohs(v4->sin_port);
        return 0;
    }
    if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;

        memcpy(out->ip, &v6->sin6_addr, sizeof(out->ip));
        out->port = ntohs(v6->sin6_port);
        return 0;
    }
    return -EAFNOSUPPORT;
}

socklen_t address_to_sockaddr(const struct address *from, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof(*out));
    if (address_is_ipv4(from)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;

        v4->sin_family = AF_INET;
        v4->sin_port = htons(from->port);
        memcpy(&v4->sin_addr, from->ip + sizeof(mapped_prefix), 4);
        return sizeof(*v4);
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(from->port);
    memcpy(&v6->sin6_addr, from->ip, sizeof(from->ip));
    return sizeof(*v6);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

bool address_is_ipv4(const struct address *address)
{
    return !memcmp(address->ip, mapped_prefix, sizeof(mapped_prefix));
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t v6[sizeof(address->ip)] = {[15] = 1};

    return address_is_ipv4(address) ? address->ip[sizeof(mapped_prefix)] == 127
                                    : !memcmp(address->ip, v6, sizeof(v6));
}

/* Each number of an IPv4 address with the dot behind it. A report has an address for each endpoint: by
 * inet_ntop(), which formats by printf, they would be a sixth of its time, and by division still a tenth. */
struct octet {
    char text[4];
    uint32_t length; /* makes it eight bytes, which a table is indexed by without a product */
};

/* clang-format off */
#define DIGIT(n) (char)('0' + (n) % 10)
#define ONE(n) {{DIGIT(n), '.'}, 2}
#define TWO(n) {{DIGIT((n) / 10), DIGIT(n), '.'}, 3}
#define THREE(n) {{DIGIT((n) / 100), DIGIT((n) / 10), DIGIT(n), '.'}, 4}
#define FIVE(of, n) of(n), of((n) + 1), of((n) + 2), of((n) + 3), of((n) + 4)
#define TEN(of, n) FIVE(of, n), FIVE(of, (n) + 5)
#define THIRTY(of, n) TEN(of, n), TEN(of, (n) + 10), TEN(of, (n) + 20)

static const struct octet octets[256] = {
    TEN(ONE, 0),
    THIRTY(TWO, 10), THIRTY(TWO, 40), THIRTY(TWO, 70),
    THIRTY(THREE, 100), THIRTY(THREE, 130), THIRTY(THREE, 160), THIRTY(THREE, 190), THIRTY(THREE, 220),
    FIVE(THREE, 250), THREE(255),
};
/* clang-format on */

/* There is room for four bytes of each. */
static size_t put_ipv4(const uint8_t ip[4], char *out)
{
    char *at = out;

    for (unsigned i = 0; i < 4; i++) {
        memcpy(at, octets[ip[i]].text, sizeof(octets->text));
        at += octets[ip[i]].length;
    }
    at[-1] = '\0';
    return (size_t)(at - 1 - out);
}

size_t address_ip_put(const struct address *address, char *out)
{
    if (address_is_ipv4(address))
        return put_ipv4(address->ip + sizeof(mapped_prefix), out);
    return strlen(inet_ntop(AF_INET6, address->ip, out, ADDRESS_TEXT_MAX));
}

const char *address_ip_text(const struct address *address, char *out)
{
    address_ip_put(address, out);
    return out;
}

const char *address_text(const struct address *address, char *out)
{
    char ip[ADDRESS_TEXT_MAX];

    snprintf(out, ADDRESS_TEXT_MAX, address_is_ipv4(address) ? "%s:%u" : "[%s]:%u",
             address_ip_text(address, ip), address->port);
    return out;
}
