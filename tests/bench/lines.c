/* lines ID...: where loaded programs are in the kernel's memory: for each function and each source line
 *   function ADDRESS LENGTH
 *   line ADDRESS FILE:LINE
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

struct program {
    struct bpf_prog_info info;
    struct btf *btf;
    struct bpf_line_info *lines;
    __u64 *line_addresses, *functions;
    __u32 *lengths;
};

static void print_program(const struct program *p)
{
    for (__u32 i = 0; i < p->info.nr_jited_func_lens; i++)
        printf("function %llx %x\n", p->functions[i], p->lengths[i]);
    for (__u32 i = 0; i < p->info.nr_jited_line_info; i++) {
        const char *path = btf__name_by_offset(p->btf, p->lines[i].file_name_off);
        const char *name = path ? strrchr(path, '/') : NULL;

        printf("line %llx %s:%u\n", p->line_addresses[i], name ? name + 1 : path,
               BPF_LINE_INFO_LINE_NUM(p->lines[i].line_col));
    }
}

static void program_free(struct program *p)
{
    btf__free(p->btf);
    free(p->lines);
    free(p->line_addresses);
    free(p->functions);
    free(p->lengths);
}

/* The kernel says first how much there is, and then fills what was allocated for it. */
static bool program_read(struct program *p, int fd)
{
    struct bpf_prog_info sizes = {0};
    __u32 size = sizeof(sizes);

    if (bpf_obj_get_info_by_fd(fd, &sizes, &size))
        return false;
    p->btf = btf__load_from_kernel_by_id(sizes.btf_id);
    p->lines = calloc(sizes.nr_line_info, sizeof(*p->lines));
    p->line_addresses = calloc(sizes.nr_jited_line_info, sizeof(*p->line_addresses));
    p->functions = calloc(sizes.nr_jited_ksyms, sizeof(*p->functions));
    p->lengths = calloc(sizes.nr_jited_func_lens, sizeof(*p->lengths));
    if (!p->btf || !p->lines || !p->line_addresses || !p->functions || !p->lengths)
        return false;
    p->info = (struct bpf_prog_info){
        .nr_line_info = sizes.nr_line_info,
        .line_info_rec_size = sizeof(*p->lines),
        .line_info = (__u64)(unsigned long)p->lines,
        .nr_jited_line_info = sizes.nr_jited_line_info,
        .jited_line_info_rec_size = sizeof(*p->line_addresses),
        .jited_line_info = (__u64)(unsigned long)p->line_addresses,
        .nr_jited_ksyms = sizes.nr_jited_ksyms,
        .jited_ksyms = (__u64)(unsigned long)p->functions,
        .nr_jited_func_lens = sizes.nr_jited_func_lens,
        .jited_func_lens = (__u64)(unsigned long)p->lengths,
    };
    return !bpf_obj_get_info_by_fd(fd, &p->info, &size);
}

static bool program_lines(int fd)
{
    struct program p = {0};
    bool good = program_read(&p, fd);

    if (good)
        print_program(&p);
    program_free(&p);
    return good;
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
