#include "stream/lrs_call.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "grpc/head.h"

#define PATH "/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats"
#define OUTBOUND_ACKS_MAX 100 /* owed to a peer that sends PING or SETTINGS, but does not read */

static int queue_settings(nghttp2_session *session)
{
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_HEAD_LIST_MAX},
    };

    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries, ARRAY_SIZE(entries));
}

int lrs_call_session(const nghttp2_session_callbacks *callbacks, void *arg, nghttp2_session **out)
{
    nghttp2_session *session = NULL;
    nghttp2_option *option = NULL;
    int err = nghttp2_option_new(&option);

    if (!err) {
        nghttp2_option_set_max_outbound_ack(option, OUTBOUND_ACKS_MAX);
        nghttp2_option_set_no_closed_streams(option, 1);
        err = nghttp2_session_client_new2(&session, callbacks, arg, option);
    }
    nghttp2_option_del(option);
    if (!err)
        err = queue_settings(session);
    if (err) {
        nghttp2_session_del(session);
        return -ENOMEM;
    }
    *out = session;
    return 0;
}

static nghttp2_nv field(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)name,
                        .value = (uint8_t *)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

int32_t lrs_call_request(nghttp2_session *session, const struct lrs_stream_options *options,
                         const nghttp2_data_provider *messages)
{
    nghttp2_nv fields[7 + LRS_METADATA_MAX] = {
        field(":method", "POST"),
        field(":scheme", options->is_encrypted ? "https" : "http"),
        field(":path", PATH),
        field(":authority", options->authority),
        field("te", "trailers"),
        field("content-type", "application/grpc"),
        field("user-agent", options->user_agent),
    };
    int32_t id;

    if (options->metadata_count > LRS_METADATA_MAX)
        return -EINVAL;
    for (size_t i = 0; i < options->metadata_count; i++)
        fields[7 + i] = field(options->metadata[i].name, options->metadata[i].value);
    id = nghttp2_submit_request(session, NULL, fields, 7 + options->metadata_count, messages, NULL);
    return id < 0 ? -ENOMEM : id;
}
