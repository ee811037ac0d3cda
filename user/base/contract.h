/* What loadtap and its collector rely on of each other, beyond LRS. */
#pragma once

/* The headers of a stream; report/delivery.h says what they mean. */
#define DELIVERY_RUN "loadtap-run"
#define DELIVERY_STREAM "loadtap-stream"
#define DELIVERY_RESENT "loadtap-resent"

/* Bytes up to which a report is one message (report/packing.h): gRPC's servers take 4 MiB unless told
 * otherwise. */
#define PACKING_MAX (3u << 20)
