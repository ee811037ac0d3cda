#include "config/admin_read.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/mem.h"
#include "config/endpoint_read.h"

#define ADMIN_SOCKET_NONE "none"
#define ADMIN_SOCKET_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static const struct tree_path admin_path = {NULL, STEP_FIELD, "admin", 0};

int admin_socket_read(const struct check *check, const char *from, const struct tree_path *path,
                      const char *field, struct bootstrap *out)
{
    if (!from[0])
        return 0;
    free(TAKE(out->admin_socket));
    if (!strcmp(from, ADMIN_SOCKET_NONE))
        return 0;
    if (from[0] != '/' || strlen(from) > ADMIN_SOCKET_MAX)
        return check_wrong(check, path, field,
                           "found \"%.128s\", expected an absolute path of at most %zu bytes, or "
                           "\"" ADMIN_SOCKET_NONE "\"",
                           from, ADMIN_SOCKET_MAX);
    return check_text(check, from, &out->admin_socket);
}

int admin_read(struct check *check, const Envoy__Config__Bootstrap__V3__Bootstrap *from,
               struct bootstrap *out)
{
    const struct tree_path address_path = tree_path_field(&admin_path, "address");
    const struct tree_path path = tree_path_field(&address_path, "socket_address");
    const struct tree_path pipe_path = tree_path_field(&address_path, "pipe");
    const Envoy__Config__Core__V3__Address *address = from->admin ? from->admin->address : NULL;

    if (!address)
        return 0;
    if (address->address_case == ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_PIPE)
        return admin_socket_read(check, address->pipe->path, &pipe_path, "path", out);
    if (address->address_case != ENVOY__CONFIG__CORE__V3__ADDRESS__ADDRESS_SOCKET_ADDRESS)
        return check_note(check, "admin: its address is neither TCP nor a pipe: not opened");
    int failed = socket_address_check(check, address->socket_address, &path, false, true);
    if (failed)
        return failed;
    out->admin_port = (uint16_t)address->socket_address->port_value;
    return check_text(check, address->socket_address->address, &out->admin_host);
}
