/* A file that is there with all of its content, or is what it was before. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a file beside `path`, and gives it the name when all of it is on the disk; a symbolic link goes on
 * leading where it leads, and a file that was there hands down its mode. `replaces`: also where there is a
 * file. 0; -EEXIST; -EINVAL where it is no regular file;
 * -errno, with nothing left behind. */
int whole_file_write(const char *path, const void *content, size_t size, mode_t mode,
                     bool replaces);

/* Whether it can be written, by making the file beside it for a moment: 0; or the -errno of
 * whole_file_write(). */
int whole_file_check(const char *path, bool replaces);
