/* A configuration of any bytes: as --config-yaml, as a file's YAML, and as JSON, loaded and checked
 * in full. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/bootstrap.h"
#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "message/json_tree.h"
#include "message/message_fill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load_merged(const char *yaml)
{
    static const char *const environment[] = {"A=a", "PORT=80", "EMPTY=", NULL};
    const struct bootstrap_source alone = {
        .yaml = yaml, .environment = environment, .service_zone = "z"};
    const struct bootstrap_source on_top = {.path = "configs/envoy-lrs-sandbox.yaml", .yaml = yaml};
    struct bootstrap *bootstrap = NULL;
    struct config_error error;

    if (bootstrap_load(&alone, &bootstrap, &error) == 0)
        bootstrap_free(bootstrap);
    bootstrap = NULL;
    if (bootstrap_load(&on_top, &bootstrap, &error) == 0)
        bootstrap_free(bootstrap);
}

static void fill_json(const char *text, size_t size)
{
    static const struct message_types none = {NULL, 0};
    struct config_error error;
    struct tree *tree = NULL;
    ProtobufCMessage *message = NULL;

    if (json_tree_read("fuzz.json", text, size, &tree, &error) != 0)
        return;
    if (message_fill(tree, &envoy__config__bootstrap__v3__bootstrap__descriptor, &none, &message,
                     &error) == 0)
        protobuf_c_message_free_unpacked(message, NULL);
    tree_free(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    autofree char *text = malloc(size);

    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] % 2)
        fill_json(text, size - 1);
    else
        load_merged(text);
    return 0;
}
