/* Whether the files of the management server's TLS can be used, as they are now. */
#pragma once

#include "config/bootstrap.h"

#define CERTIFICATES_ERROR_MAX 768

/* 0; or -errno with `error` (CERTIFICATES_ERROR_MAX bytes), which names the place in the configuration. */
int certificates_check(const struct bootstrap *bootstrap, char *error);
