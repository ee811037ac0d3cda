#include "daemon/certificates.h"

#include <stdio.h>

#include "stream/tls.h"

_Static_assert(CERTIFICATES_ERROR_MAX == TLS_ERROR_MAX, "an error of TLS fits");

int certificates_check(const struct bootstrap *bootstrap, char *error)
{
    struct tls *tls = NULL;
    int failed;

    snprintf(error, CERTIFICATES_ERROR_MAX, "out of memory");
    failed = bootstrap->lrs_tls ? tls_new(bootstrap->lrs_tls, &tls, error) : 0;
    tls_free(tls);
    return failed;
}
