/* What loadtap.bpf.c does, for kernels before 5.17 and with a smaller promise: connections, TCP
 * sessions, HTTP/1. HTTP/2 connections are opaque here, and connections that were open before are not
 * seen. Which one is loaded, user/kernel/object.c decides by what the kernel has. */
#define EARLY

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

#include "early_look.bpf.h"

#include "programs.bpf.h"
