/* prove_http2 CONNECTIONS [SEED]: makes up HTTP/2 connections, without end of variety, and stops at the
 * first that the parsers do not count as nghttp2 sees it. The seed that it names repeats it alone. */
#include <stdio.h>
#include <stdlib.h>

#include "../native/h2_case.h"

#define STEP 1000000 /* connections between two lines that say how far it is */

static void say(const char *what, unsigned long connections, const struct case_result *result)
{
    printf("%s: %lu connections, %lu streams, read %lu times\n", what, connections, result->streams,
           result->plays);
    fflush(stdout);
}

int main(int count, char **words)
{
    unsigned long connections = count > 1 ? strtoul(words[1], NULL, 0) : STEP;
    unsigned long seed = count > 2 ? strtoul(words[2], NULL, 0) : 1;
    static struct case_result result;

    for (unsigned long done = 0; done < connections; done++, seed++) {
        struct choices choices = choices_of(seed);

        if (done && done % STEP == 0)
            say("so far", done, &result);
        if (!case_run(&choices, &result))
            continue;
        printf("seed %lu: %s\n", seed, result.problem);
        return 1;
    }
    say("all as nghttp2 sees them", connections, &result);
    return 0;
}
