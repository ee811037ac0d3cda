/* What libbpf says, and through it the verifier. While programs are loaded it is noise, as some attempts
 * are meant to fail on older kernels: it is in the log at debug level (libbpf's own debugging: at trace
 * level), and is kept for the case that the last one fails. */
#pragma once

#include <stdbool.h>

void libbpf_log_begin(void);
/* Loading is over. Where it failed, all that was said goes to the log as errors, whatever its length. */
void libbpf_log_end(bool failed);
