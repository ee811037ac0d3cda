/* Why the kernel side could not be loaded, and the way out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define LOAD_ERROR_BTF "/sys/kernel/btf/vmlinux" /* where libbpf looks first */

/* `code`: libbpf's, negative. `locks_all`: memory may be locked without a limit, which older kernels want.
 * `has_btf`: the kernel offers its types; libbpf's -ESRCH says only that it
 * has none of them, be it that it had no memory for them. Pure. */
void load_error_text(int code, bool locks_all, bool has_btf, char *text, size_t size);
/* The same for this process on this machine, right after loading failed. */
void load_error_explain(int code, char *text, size_t size);

/* Is what libbpf and the verifier said (libbpf_log.h) needed to understand it? */
bool load_error_needs_words(int code);
