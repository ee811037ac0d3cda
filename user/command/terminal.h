/* The terminal as a screen and single keys, and back as it was. [termios] */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* Both standard input and output are one. */
bool terminal_is_there(void);

/* Another screen, no echo, no line editing; Ctrl-C and Ctrl-Z still make signals. 0 or -errno. What
 * terminal_leave() needs is kept here: there is one terminal. */
int terminal_enter(void);
/* As it was before, whatever it was; nothing where it was not entered. */
void terminal_leave(void);

/* 80 x 24 where the terminal does not tell. */
void terminal_size(size_t *columns, size_t *lines);

/* May colours be shown? Not with NO_COLOR (no-color.org), nor where the terminal has none. */
bool terminal_has_colours(void);
