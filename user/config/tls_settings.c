#include "config/tls_settings.h"

#include <stdlib.h>

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
