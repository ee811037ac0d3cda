/* Where the lines go. Each is written whole at once, so that a kill loses nothing that was written. One
 * that a kill, a full disk or the end cut short stays a line of its own: the next one begins behind a
 * newline.
 *
 * A pipe takes bytes only as somebody reads them. Where nobody does, sink_line waits, and with it the
 * whole program: nothing is taken from any client that has no place. Once the program has to end it waits
 * no longer than SINK_END_MS in all. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SINK_STUCK_MS 1000 /* after so long it is said that nobody reads */
#define SINK_END_MS 1000

struct sink {
    FILE *file;    /* borrowed; without a buffer, so that nothing waits there to be written later */
    bool is_cut;   /* what was written last may lack its newline */
    bool may_wait; /* a pipe, a socket, a terminal */
    int end;       /* a descriptor, readable once the program has to end; -1: there is none */
    uint64_t give_up; /* at this monotonic time in ms; 0: it has not to end yet */
};

/* Looks what the file is, and how it ends if it is a regular one. */
void sink_begin(struct sink *sink, FILE *file);
/* `line` ends with a newline. 0; -EAGAIN: nobody reads, and the program has to end; -errno of the write.
 * After an error some of the line may be written. */
int sink_line(struct sink *sink, const char *line, size_t length);
