/* From what starting takes to what running takes: README.md has the table. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRIVILEGE_TEXT_MAX 512

/* Has the process what attaching the programs takes? In `text` (PRIVILEGE_TEXT_MAX bytes): 0, and the
 * capabilities that it has for that; or -EPERM, and each that is missing with what needs it. */
int privilege_check(char *text);

/* Who privilege_drop() will become, in `text` (PRIVILEGE_TEXT_MAX bytes): "nobody, user 65534, group 65534".
 * 0; or -errno, and why it cannot. */
int privilege_user(const char *user, char *text);

struct privilege_options {
    const char *user; /* whom to be, as of identity_find(), "root" to stay; NULL: its default */
    /* Tries what the running daemon still does with the kernel's BPF, with the capabilities that are in
     * effect. 0 or -errno. */
    int (*works)(void *arg);
    void *arg;
};

/* Gives away, for good, all that the kernel lets it do without, as `works` finds out; becomes another user,
 * if it is root; gains nothing by starting a program, leaves no memory to debuggers and core files, and makes
 * no system call that is not on the filter's list. To be called when everything is attached and opened that
 * takes more. 0 and what it has become in `text` (PRIVILEGE_TEXT_MAX bytes), for the log; or -errno and why
 * not. */
int privilege_drop(const struct privilege_options *options, char *text);

/* Makes a folder, if there is none, for whom privilege_drop() will become. Only root can give it away;
 * it is no error where that is not possible. */
void privilege_make_folder(const char *user, const char *path);

/* Becomes whom privilege_drop() would make it, without any capability; nothing else. 0; or -errno, and
 * why not in `text`. */
int privilege_become(const char *user, char *text);

/* A system call that was refused and not yet told here, in `name`. */
bool privilege_next_refused(char *name, size_t size);
