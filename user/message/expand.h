/* Variables of the environment in a text: `${NAME}` is replaced by the variable's value, `$$` by `$`. A
 * `$` before anything else is text, and so is what a value brings. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The part of the text that cannot be replaced. */
struct expand_fault {
    const char *text; /* "${NAME}", borrowed from what was to be expanded */
    size_t size;
    const char *name; /* where the name begins in it, if it has one */
    size_t name_size;
};

/* Texts have a NUL behind their last byte, and may have others within. */

/* Has the text anything to replace? */
bool expand_has(const char *text, size_t size);

/* `environment` has the form of environ. 0, and a text of `*out_size` bytes and a NUL that the caller
 * frees. Else `*out` is unchanged, and but for -ENOMEM `fault` says where:
 * -ENOENT: there is no such variable; -EINVAL: "${" is not followed by a name (a letter or "_", then
 * letters, digits and "_") and "}"; -EILSEQ: the value is no UTF-8 text, or has control characters other
 * than tab and line ends. */
int expand(const char *text, size_t size, const char *const *environment, char **out,
           size_t *out_size, struct expand_fault *fault);
