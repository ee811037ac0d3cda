#include "collector/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

/* The last byte of a regular file. It may be open for writing only, so it is opened once more. */
static bool ends_inside_a_line(int fd, const struct stat *stat)
{
    char path[32], last = 0;
    int again;

    if (!S_ISREG(stat->st_mode) || stat->st_size == 0)
        return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    again = open(path, O_RDONLY | O_CLOEXEC);
    if (again < 0)
        return true; /* as far as is known */
    if (pread(again, &last, 1, stat->st_size - 1) != 1)
        last = 0;
    close(again);
    return last != '\n';
}

void sink_begin(struct sink *sink, FILE *file)
{
    int fd = fileno(file);
    struct stat stat;

    *sink = (struct sink){.file = file, .end = -1};
    if (fstat(fd, &stat))
        return;
    sink->is_cut = ends_inside_a_line(fd, &stat);
    sink->may_wait = S_ISFIFO(stat.st_mode) || S_ISSOCK(stat.st_mode) || S_ISCHR(stat.st_mode);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* How long one poll() may take. From the first look on that finds that the program has to end, the time
 * runs. */
static int poll_ms(const struct sink *sink, bool is_said)
{
    uint64_t now = now_ms();

    if (sink->give_up)
        return sink->give_up > now ? (int)(sink->give_up - now) : 0;
    return is_said ? -1 : SINK_STUCK_MS;
}

/* Until PIPE_BUF bytes have room: a pipe is writable where a page of it is free. 0, -EAGAIN. */
static int await_room(struct sink *sink)
{
    bool is_said = false;

    for (;;) {
        struct pollfd fds[] = {{.fd = fileno(sink->file), .events = POLLOUT},
                               {.fd = sink->give_up ? -1 : sink->end, .events = POLLIN}};
        int ready = poll(fds, 2, poll_ms(sink, is_said));

        if (ready > 0 && fds[0].revents) /* an error too: the write says which */
            return 0;
        if (ready > 0) {
            sink->give_up = now_ms() + SINK_END_MS;
        } else if (ready == 0 && sink->give_up) {
            return -EAGAIN;
        } else if (ready == 0) {
            is_said = true;
            log_warning("output: nobody reads it; no report is taken until somebody does");
        }
    }
}

static int write_piece(struct sink *sink, const char *bytes, size_t length)
{
    int err = sink->may_wait ? await_room(sink) : 0;
    size_t written;

    if (err)
        return err;
    errno = 0;
    written = fwrite(bytes, 1, length, sink->file);
    if (written == length && fflush(sink->file) == 0)
        return 0;
    clearerr(sink->file);
    sink->is_cut = sink->is_cut || written > 0;
    return errno ? -errno : -EIO;
}

static int write_bytes(struct sink *sink, const char *bytes, size_t length)
{
    const size_t most = sink->may_wait ? PIPE_BUF : length;
    int err = 0;

    for (size_t at = 0; at < length && !err; at += most) {
        err = write_piece(sink, bytes + at, length - at < most ? length - at : most);
        if (!err)
            sink->is_cut = at + most < length;
    }
    return err;
}

int sink_line(struct sink *sink, const char *line, size_t length)
{
    int err = sink->is_cut ? write_bytes(sink, "\n", 1) : 0;

    return err ? err : write_bytes(sink, line, length);
}
