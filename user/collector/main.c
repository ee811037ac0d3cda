/* loadtap-collector: a management server for load reports.
 *
 *   socket ─► connection ─► http2 ─► load_stream ─► service ─► output (lines)
 *                              settings (answers) ◄───┘ ├────► sums (lines at the end)
 *                                                       └────► totals ─► web (/metrics) */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/standard_files.h"
#include "base/version.h"
#include "collector/collector.h"
#include "collector/options.h"

static int collect_to(const struct options *options, bool has_stdout)
{
    FILE *output = options->output ? fopen(options->output, "ae") : stdout;
    int err;

    if (output == stdout && !has_stdout) {
        log_error(
            "standard output is closed: --output FILE is expected, or an output that is open");
        return -EBADF;
    }
    if (!output) {
        err = -errno;
        log_error("%s: %s", options->output, strerror(-err));
        return err;
    }
    setvbuf(output, NULL, _IONBF, 0); /* as output.h wants it */
    err = collector_run(options, output);
    if (output != stdout)
        fclose(output);
    return err;
}

int main(int argc, char **argv)
{
    struct options options;
    char error[256] = "out of memory";
    bool has_stdout = fcntl(STDOUT_FILENO, F_GETFD) >= 0;
    int err;

    if (standard_files_open())
        return EXIT_FAILURE; /* there may be nowhere to say so */
    err = options_parse(argc, argv, &options, error, sizeof(error));
    if (err) {
        fprintf(stderr, "loadtap-collector: %s\n", error);
        return EXIT_FAILURE;
    }
    if (options.action == OPTIONS_HELP) {
        options_print_help(stdout);
    } else if (options.action == OPTIONS_VERSION) {
        puts("loadtap-collector " VERSION);
    } else {
        log_set_level(options.level);
        log_set_format(options.log_format);
        signal(SIGPIPE, SIG_IGN);
        err = collect_to(&options, has_stdout);
        log_flush();
    }
    options_clear(&options);
    return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
