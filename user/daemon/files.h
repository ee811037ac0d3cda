/* How many files the process may have open. */
#pragma once

#define FILES_NEEDED 64 /* BPF's maps, programs and links are some 25 of them */

/* Raises the soft limit where it is lower. 0, or -EMFILE after a line in the log: the hard one is, too. */
int files_allow(void);
