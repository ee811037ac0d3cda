/* RFC 4648, section 4. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BASE64_SIZE(count) (((count) + 2) / 3 * 4 + 1) /* of the text, NUL included */

/* Fills the BASE64_SIZE(count) bytes at `out`. */
void base64_encode(const uint8_t *bytes, size_t count, char *out);
