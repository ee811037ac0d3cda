/* The head of an HTTP/1 request, as far as /metrics needs it (RFC 9112, sections 2 and 3). Pure. */
#pragma once

#include <stddef.h>

#define HTTP_REQUEST_MAX 8192 /* bytes of a head */

/* What to answer to the bytes that came so far: 200 (GET /metrics), 400, 404, 405, 431, or 0 for "the
 * head is not whole yet". */
int http_request_status(const char *bytes, size_t length);
/* "Not Found". Of a status that is above. */
const char *http_status_text(int status);
