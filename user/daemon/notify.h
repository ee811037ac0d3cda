/* Words to the service manager: the datagrams of sd_notify(3), to the socket that it names in the environment
 * ($NOTIFY_SOCKET). Where nobody wants them nothing is sent; nobody waits for them, and one that is not taken
 * is lost. */
#pragma once

#include <stdint.h>

void notify_ready(void); /* started, or reloaded */
void notify_reloading(uint64_t monotonic_us);
void notify_stopping(void);
void notify_alive(void);
