#include "command/top_live.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "command/terminal.h"
#include "command/top_look.h"
#include "command/top_view.h"

struct live {
    unsigned interval_ms;
    const struct admin_target *target;
    struct top_state state;
    struct top_look look;
    char trouble[ADMIN_ERROR_MAX]; /* "": the last answer came */
    uint64_t next_us;              /* when to ask again */
    size_t shown;                  /* rows that the filter leaves */
    int signals;
};

static void draw(struct live *live)
{
    struct top_view view = {.all = live->look.rows.count,
                            .state = &live->state,
                            .target = live->target->text,
                            .lrs = live->look.lrs,
                            .trouble = *live->trouble ? live->trouble : NULL,
                            .colours = terminal_has_colours()};
    autofree const struct top_row **rows = top_look_pick(&live->look, &live->state, &view.count);

    if (!rows)
        return; /* the next time there may be memory */
    view.rows = rows;
    live->shown = view.count;
    terminal_size(&view.columns, &view.lines);
    top_screen(&view, stdout);
    fflush(stdout);
}

static void ask(struct live *live)
{
    live->trouble[0] = '\0';
    top_look(live->target, &live->look, live->trouble);
    live->next_us = clock_us() + (uint64_t)live->interval_ms * 1000;
}

/* True: to end. */
static bool take_keys(struct live *live)
{
    char keys[256];
    size_t columns, lines;
    ssize_t length = read(STDIN_FILENO, keys, sizeof(keys));
    enum top_action action;

    if (length <= 0)
        return length == 0 || (errno != EAGAIN && errno != EINTR); /* the terminal is gone */
    terminal_size(&columns, &lines);
    action = top_keys(&live->state, keys, (size_t)length, top_view_page(lines), live->shown);
    if (action == TOP_REDRAW)
        draw(live);
    return action == TOP_QUIT;
}

/* Ctrl-Z: the shell gets its terminal as it was, and this comes back with `fg`. */
static void pause_here(struct live *live)
{
    terminal_leave();
    raise(SIGSTOP);
    terminal_enter();
    draw(live);
}

/* True: to end. */
static bool take_signal(struct live *live)
{
    struct signalfd_siginfo info;

    if (read(live->signals, &info, sizeof(info)) != sizeof(info))
        return false;
    if (info.ssi_signo == SIGTSTP)
        pause_here(live);
    else if (info.ssi_signo == SIGWINCH)
        draw(live);
    else
        return true;
    return false;
}

/* Until it is time to ask again. True: to end. */
static bool wait_for_events(struct live *live)
{
    struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                           {.fd = live->signals, .events = POLLIN}};
    uint64_t now = clock_us();
    int timeout = live->state.paused    ? -1
                  : live->next_us > now ? (int)((live->next_us - now) / 1000 + 1)
                                        : 0;

    if (poll(fds, ARRAY_SIZE(fds), timeout) <= 0)
        return false;
    if (fds[1].revents && take_signal(live))
        return true;
    return fds[0].revents && take_keys(live);
}

static void run_live(struct live *live)
{
    ask(live);
    draw(live);
    while (!wait_for_events(live)) {
        if (live->state.paused || clock_us() < live->next_us)
            continue;
        ask(live);
        draw(live);
    }
}

/* The signals that would leave the terminal as it is now, as events. A descriptor or -errno. */
static int watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGTSTP, SIGWINCH};
    sigset_t set;
    int fd;

    sigemptyset(&set);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        sigaddset(&set, numbers[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int top_live(const struct admin_target *target, unsigned interval_ms, const struct top_state *state)
{
    struct live live = {.interval_ms = interval_ms, .target = target, .state = *state};
    int failed;

    if (!terminal_is_there())
        return -ENOTTY;
    live.signals = watch_signals();
    if (live.signals < 0)
        return live.signals;
    failed = terminal_enter();
    if (!failed)
        run_live(&live);
    terminal_leave();
    close(live.signals);
    top_look_clear(&live.look);
    return failed;
}
