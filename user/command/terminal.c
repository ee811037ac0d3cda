#include "command/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define OTHER_SCREEN "\x1b[?1049h\x1b[?25l" /* xterm's; and no cursor */
#define FORMER_SCREEN "\x1b[?25h\x1b[?1049l"

static struct termios former;
static bool entered;

static void say(const char *text)
{
    ssize_t written = write(STDOUT_FILENO, text, strlen(text));

    (void)written; /* a terminal that is gone needs nothing any more */
}

bool terminal_is_there(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

int terminal_enter(void)
{
    struct termios single;

    if (tcgetattr(STDIN_FILENO, &former))
        return -errno;
    single = former;
    single.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    single.c_cc[VMIN] = 0;
    single.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &single))
        return -errno;
    entered = true;
    say(OTHER_SCREEN);
    return 0;
}

void terminal_leave(void)
{
    if (!entered)
        return;
    entered = false;
    say(FORMER_SCREEN);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &former);
}

void terminal_size(size_t *columns, size_t *lines)
{
    struct winsize size;
    bool told = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row;

    *columns = told ? size.ws_col : 80;
    *lines = told ? size.ws_row : 24;
}

bool terminal_has_colours(void)
{
    const char *no = getenv("NO_COLOR"), *kind = getenv("TERM");

    return !(no && *no) && kind && strcmp(kind, "dumb") != 0;
}
