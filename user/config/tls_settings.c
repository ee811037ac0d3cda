#include "config/tls_settings.h"

#include <stdlib.h>
#include <string.h>

static bool same_names(const struct tls_settings *a, const struct tls_settings *b)
{
    if (a->name_count != b->name_count)
        return false;
    for (size_t i = 0; i < a->name_count; i++) {
        const struct tls_name *one = &a->names[i], *other = &b->names[i];

        if (one->kind != other->kind || one->match != other->match ||
            one->ignore_case != other->ignore_case || strcmp(one->text, other->text) != 0)
            return false;
    }
    return true;
}

static bool same_pins(const struct tls_settings *a, const struct tls_settings *b)
{
    if (a->pin_count != b->pin_count)
        return false;
    for (size_t i = 0; i < a->pin_count; i++)
        if (a->pins[i].is_of_key != b->pins[i].is_of_key ||
            strcmp(a->pins[i].text, b->pins[i].text) != 0)
            return false;
    return true;
}

static bool same_server_name(const struct tls_settings *a, const struct tls_settings *b)
{
    if (!a->server_name || !b->server_name)
        return a->server_name == b->server_name;
    return !strcmp(a->server_name, b->server_name);
}

static bool same_sources(const struct tls_settings *a, const struct tls_settings *b)
{
    return data_source_equal(&a->trusted_ca, &b->trusted_ca) &&
           data_source_equal(&a->certificate, &b->certificate) &&
           data_source_equal(&a->private_key, &b->private_key) &&
           data_source_equal(&a->password, &b->password);
}

bool tls_settings_equal(const struct tls_settings *a, const struct tls_settings *b)
{
    if (!a || !b)
        return a == b;
    return a->system_roots == b->system_roots && a->allow_expired == b->allow_expired &&
           a->no_tls12 == b->no_tls12 && a->no_tls13 == b->no_tls13 && same_sources(a, b) &&
           same_names(a, b) && same_pins(a, b) && same_server_name(a, b);
}

void tls_settings_free(struct tls_settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < settings->name_count; i++)
        free(settings->names[i].text);
    free(settings->names);
    free(settings->pins);
    free(settings->server_name);
    data_source_clear(&settings->trusted_ca);
    data_source_clear(&settings->certificate);
    data_source_clear(&settings->private_key);
    data_source_clear(&settings->password);
    free(settings);
}
