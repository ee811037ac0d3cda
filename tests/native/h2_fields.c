#include "h2_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define VALUES(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct {
    const char *name;
    const char *const *values; /* NULL: they are made from the number */
} names[] = {
    [NAME_AUTHORITY] = {":authority", VALUES("upstream.example:8080", "check.me", "Check.me", "a",
                                             "check.m", "check.me:80", "check.mee")},
    [NAME_METHOD] = {":method", VALUES("GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE")},
    [NAME_PATH] = {":path", VALUES("/", "/index.html", "/healthz", "/p", "/healthz?now", "/healthy",
                                   "/health", "/pp", "*", "/grpc.health.v1.Health/Check",
                                   FIELD_LONG_PATH, FIELD_LONG_PATH "x", FIELD_LONG_PATH "y",
                                   "/shop.Basket/Add", "/q?a=b&c=%20~^")},
    [NAME_SCHEME] = {":scheme", VALUES("http", "https")},
    [NAME_STATUS] = {":status", NULL},
    [NAME_CONTENT_TYPE] = {"content-type",
                           VALUES("application/grpc", "application/grpc+proto", "application/grpc+",
                                  "application/grpc-web", "text/html", "application/json",
                                  "application/grpc;x=1", "application/grp", "application/grpc ",
                                  "Application/grpc", "", "application/grpcx",
                                  "application/grpb+proto",
                                  "application/grpc+a-rather-long-subtype-of-all-of-it")},
    [NAME_USER_AGENT] = {"user-agent", VALUES("Envoy/HC", "grpc-go/1.60", "curl/8", "Envoy/H",
                                              "Envoy/HCx", "envoy/hc", "envoy", "")},
    [NAME_GRPC_STATUS] = {"grpc-status",
                          VALUES("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12",
                                 "13", "14", "15", "16", "17", "99", "", "x", "-1", "1x", "x1",
                                 "100", "/", ":", "1/", "1:", "?5", "zz", "18", "20", "00", "014",
                                 "0005", "0017")},
    [NAME_GRPC_MESSAGE] = {"grpc-message", VALUES("", "not found", "as it is", "0")},
    [NAME_TE] = {"te", VALUES("trailers")},
    [NAME_COOKIE] = {"cookie", NULL},
    [NAME_SET_COOKIE] = {"set-cookie", NULL},
    [NAME_DATE] = {"date", NULL},
    [NAME_SERVER] = {"server", VALUES("envoy", "nginx/1.22.1", "")},
    [NAME_EMPTY] = {"x", VALUES("")},
};

size_t field_name(uint32_t name, char *text)
{
    static const char *const near[] = {"grpc-statu", "grpc-statut", "content-typf", ":statut",
                                       ":patg",      "content-typ", "user-agen",    ":pat",
                                       "user-agenu", ":authorita"};
    size_t length;

    if (name < NAME_NOISE) {
        length = strlen(names[name].name);
        memcpy(text, names[name].name, length);
        return length;
    }
    name -= NAME_NOISE;
    if (name < ARRAY_SIZE(near)) {
        length = strlen(near[name]);
        memcpy(text, near[name], length);
        return length;
    }
    return (size_t)sprintf(text, "x-noise-%u", name);
}

uint32_t field_values(uint32_t name)
{
    uint32_t count = 0;

    if (name == NAME_STATUS)
        return 1000;
    if (name >= NAME_NOISE || !names[name].values)
        return UINT32_MAX;
    while (names[name].values[count])
        count++;
    return count;
}

/* Each number makes another text, unless the text is too short for that. */
static size_t noise(uint32_t value, char *text)
{
    size_t length = value % FIELD_NOISE_SPAN;
    uint32_t state = value;

    for (size_t i = 0; i < length; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)(value & 0x100000 ? state >> 24 : 'a' + (state >> 24) % 26);
        if (value & 0x100000 && (uint8_t)text[i] < 0x20)
            text[i] = '~';
    }
    return length;
}

size_t field_value(struct h2_field f, char *text)
{
    size_t length;

    if (f.name == NAME_STATUS)
        return (size_t)sprintf(text, "%03u", f.value);
    if (f.name >= NAME_NOISE || !names[f.name].values)
        return noise(f.value, text);
    length = strlen(names[f.name].values[f.value]);
    memcpy(text, names[f.name].values[f.value], length);
    return length;
}
