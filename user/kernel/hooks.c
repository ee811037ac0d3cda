#include "kernel/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/mem.h"

#define IDS_MAX 64

static void find_name(struct hook_user *user)
{
    struct bpf_prog_info info = {.id = 0};
    __u32 size = sizeof(info);
    int fd = bpf_prog_get_fd_by_id(user->id);

    user->name[0] = 0;
    if (fd < 0)
        return;
    if (!bpf_obj_get_info_by_fd(fd, &info, &size))
        snprintf(user->name, sizeof(user->name), "%s", info.name);
    close(fd);
}

int hooks_list(int cgroup, bool above, struct hook_user *out, size_t *count)
{
    static const struct {
        enum bpf_attach_type type;
        const char *name;
    } hooks[] = {{BPF_CGROUP_SOCK_OPS, "sockops"},
                 {BPF_CGROUP_INET_EGRESS, "egress"},
                 {BPF_CGROUP_INET_INGRESS, "ingress"}};

    *count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
        __u32 ids[IDS_MAX], found = IDS_MAX, flags = 0;
        int result = bpf_prog_query(cgroup, hooks[i].type, above ? BPF_F_QUERY_EFFECTIVE : 0,
                                    &flags, ids, &found);

        if (result && errno != ENOSPC)
            return -errno;
        for (__u32 j = 0; j < found && j < IDS_MAX && *count < HOOK_USERS_MAX; j++) {
            out[*count] = (struct hook_user){.hook = hooks[i].name, .id = ids[j]};
            find_name(&out[(*count)++]);
        }
    }
    return 0;
}

bool hooks_have_loadtap(const struct hook_user *users, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strncmp(users[i].name, "tap_", strlen("tap_")))
            return true;
    return false;
}
