#include "doctor/sockets.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IP_TEXT 64

/* Each word of the address is printed as the machine's own number. */
static bool read_ip(const char *text, struct address *out)
{
    size_t length = strlen(text), words = length / 8;
    uint32_t word[4];

    if (length != 8 && length != 32)
        return false;
    for (size_t i = 0; i < words; i++)
        if (sscanf(text + i * 8, "%8x", &word[i]) != 1)
            return false;
    memset(out->ip, 0, sizeof(out->ip));
    if (words == 1)
        memset(out->ip + 10, 0xff, 2); /* IPv4-mapped */
    memcpy(out->ip + sizeof(out->ip) - words * sizeof(*word), word, words * sizeof(*word));
    return true;
}

/* A side that has ended what it says may still be answered; TIME_WAIT and those on the way there are over. */
static bool is_open(unsigned state)
{
    return state == TCP_ESTABLISHED || state == TCP_SYN_SENT || state == TCP_FIN_WAIT1 ||
           state == TCP_FIN_WAIT2 || state == TCP_CLOSE_WAIT;
}

bool sockets_peer(const char *line, struct address *out)
{
    char ip[IP_TEXT];
    unsigned port, state;
    struct address peer;

    if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%*x %63[0-9A-Fa-f]:%x %x", ip, &port, &state) != 3 ||
        !is_open(state) || !port || port > UINT16_MAX || !read_ip(ip, &peer))
        return false;
    peer.port = (uint16_t)port;
    *out = peer;
    return true;
}

/* The value behind `key` from `*at` on, and `*at` behind it. */
static bool value_of(const char **at, const char *key, char *out)
{
    const char *found = strstr(*at, key);
    size_t length;

    if (!found)
        return false;
    found += strlen(key);
    length = strcspn(found, " \n");
    if (!length || length >= IP_TEXT)
        return false;
    memcpy(out, found, length);
    out[length] = 0;
    *at = found + length;
    return true;
}

/* One direction: an address and a port, under the names that they have there. */
static bool read_end(const char *line, const char *ip_key, const char *port_key,
                     struct address *out)
{
    char ip[IP_TEXT], port[IP_TEXT];

    return value_of(&line, ip_key, ip) && value_of(&line, port_key, port) &&
           !address_parse(ip, (uint16_t)strtoul(port, NULL, 10), out);
}

/* "... tcp ... src=A dst=B sport=1 dport=2 [...] src=C dst=A sport=3 dport=1 ...": the second half is the
 * answer's, from C:3. */
bool sockets_translation(const char *line, struct address *dialled, struct address *real)
{
    const char *answer = strstr(line, " src=");
    struct address to, from;

    answer = answer ? strstr(answer + 1, " src=") : NULL;
    if (!answer || !strstr(line, " tcp "))
        return false;
    if (!read_end(line, " dst=", " dport=", &to) || !read_end(answer, " src=", " sport=", &from) ||
        address_equal(&to, &from))
        return false;
    *dialled = to;
    *real = from;
    return true;
}
