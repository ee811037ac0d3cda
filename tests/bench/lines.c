/* lines ID...: which source line stands at which address of loaded programs, a line each:
 * ADDRESS FILE:LINE */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "base/mem.h"

static void print_lines(const struct bpf_prog_info *info, const struct btf *btf,
                        const struct bpf_line_info *lines, const __u64 *addresses)
{
    for (__u32 i = 0; i < info->nr_jited_line_info; i++) {
        const char *path = btf__name_by_offset(btf, lines[i].file_name_off);
        const char *name = path ? strrchr(path, '/') : NULL;

        printf("%llx %s:%u\n", addresses[i], name ? name + 1 : path,
               BPF_LINE_INFO_LINE_NUM(lines[i].line_col));
    }
}

static bool program_lines(int fd)
{
    struct bpf_prog_info info = {0}, sizes = {0};
    __u32 size = sizeof(info);
    autofree struct bpf_line_info *lines = NULL;
    autofree __u64 *addresses = NULL;
    struct btf *btf;

    if (bpf_obj_get_info_by_fd(fd, &sizes, &size))
        return false;
    lines = calloc(sizes.nr_line_info, sizeof(*lines));
    addresses = calloc(sizes.nr_jited_line_info, sizeof(*addresses));
    btf = btf__load_from_kernel_by_id(sizes.btf_id);
    if (!lines || !addresses || !btf)
        return false;
    info.nr_line_info = sizes.nr_line_info;
    info.line_info_rec_size = sizeof(*lines);
    info.line_info = (__u64)(unsigned long)lines;
    info.nr_jited_line_info = sizes.nr_jited_line_info;
    info.jited_line_info_rec_size = sizeof(*addresses);
    info.jited_line_info = (__u64)(unsigned long)addresses;
    if (!bpf_obj_get_info_by_fd(fd, &info, &size))
        print_lines(&info, btf, lines, addresses);
    btf__free(btf);
    return true;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int fd = bpf_prog_get_fd_by_id((__u32)atoi(argv[i]));

        if (fd < 0 || !program_lines(fd)) {
            fprintf(stderr, "lines: program %s: %s\n", argv[i], strerror(errno));
            return 1;
        }
        close(fd);
    }
    return 0;
}
