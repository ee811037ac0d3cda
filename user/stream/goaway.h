/* What a peer says as it goes away (RFC 9113, 6.8). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GOAWAY_TEXT 128

/* The error's name and the peer's own words, for a person, cut to fit. */
void goaway_text(const char *error, const uint8_t *words, size_t length, char out[GOAWAY_TEXT]);
/* It had too many PINGs (gRPC, "Client-side Keepalive"). */
bool goaway_is_about_pings(uint32_t error, const uint8_t *words, size_t length);
