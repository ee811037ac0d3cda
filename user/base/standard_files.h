/* Descriptors 0, 1 and 2. Where one is closed, the next file or socket that is opened gets its number,
 * and what is meant for people is written into it. */
#pragma once

/* Opens /dev/null at those that are closed; before anything else is opened. 0, -errno. */
int standard_files_open(void);
