/* An IP address and TCP port, as sockets and LRS endpoint entries name it. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* IPv4 is kept as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2). */
struct address {
    uint8_t ip[16];
    uint16_t port; /* host byte order */
};

#define ADDRESS_TEXT_MAX 64 /* "[" IPv6 "]:" port NUL */

/* Reads an IP literal. 0, or -EINVAL (a host name, for instance). */
int address_parse(const char *ip, uint16_t port, struct address *out);
/* Reads "127.0.0.1:80", "[::1]:80". 0, or -EINVAL. */
int address_parse_text(const char *text, struct address *out);
int address_from_sockaddr(const struct sockaddr *from, struct address *out); /* 0, -EAFNOSUPPORT */
/* The socket address to dial; AF_INET for IPv4. Returns its length. */
socklen_t address_to_sockaddr(const struct address *from, struct sockaddr_storage *out);
bool address_equal(const struct address *a, const struct address *b);
bool address_is_ipv4(const struct address *address);
/* ::1, 127.0.0.0/8: another one in each network namespace. */
bool address_is_loopback(const struct address *address);
/* IP alone, as Envoy prints it: "127.0.0.1", "::1". `out` has ADDRESS_TEXT_MAX bytes. */
const char *address_ip_text(const struct address *address, char *out);
/* The same; returns its length. */
size_t address_ip_put(const struct address *address, char *out);
/* "127.0.0.1:80", "[::1]:80". */
const char *address_text(const struct address *address, char *out);
