/* Makes up HTTP/2 connections that two sessions of nghttp2 have with each other: its own order of
 * frames, its own header coding, what crosses on the way included. */
#pragma once

#include "choices.h"
#include "record.h"

void pair_write(struct record *r, struct choices *c);
