/* /certs: the certificates that a configuration names, as Envoy shows them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "admin/config_page.h"
#include "base/mem.h"
#include "certificates.h"
#include "stream/tls_certificates.h"

#define DAY 86400

static void add(void *arg, const struct tls_certificate *certificate)
{
    certificates_add(arg, certificate, (int64_t)time(NULL));
}

static struct data_source inline_source(char *text)
{
    return (struct data_source){.kind = DATA_INLINE,
                                .bytes = (uint8_t *)text,
                                .size = strlen(text),
                                .place = (char *)"f.yaml:1:2: a.b"};
}

static const char *text_at(json_t *all, const char *list, size_t i, const char *key)
{
    json_t *entries =
        json_object_get(json_array_get(json_object_get(all, "certificates"), 0), list);

    return json_string_value(json_object_get(json_array_get(entries, i), key));
}

static void both_kinds(void **state)
{
    struct identity ca = identity_make(
        (struct identity_wish){.common_name = "authority", .from_s = -DAY, .to_s = 10 * DAY + 100});
    struct identity own =
        identity_make((struct identity_wish){.issuer = &ca,
                                             .common_name = "node",
                                             .names = "DNS:a.example,IP:127.0.0.1,DNS:b.example",
                                             .from_s = -2 * DAY,
                                             .to_s = -DAY});
    autofree char *two = NULL;
    json_t *all = certificates_begin(), *names;

    (void)state;
    assert_true(asprintf(&two, "%s%s", ca.certificate_pem, own.certificate_pem) > 0);
    const struct tls_settings settings = {.trusted_ca = inline_source(two),
                                          .certificate = inline_source(own.certificate_pem)};

    assert_int_equal(tls_certificates(&settings, add, all), 0);
    assert_string_equal(text_at(all, "ca_cert", 0, "subject"), "/CN=authority");
    assert_string_equal(text_at(all, "ca_cert", 0, "days_until_expiration"), "10");
    assert_string_equal(text_at(all, "ca_cert", 0, "path"), "f.yaml:1:2: a.b");
    assert_string_equal(text_at(all, "ca_cert", 1, "subject"), "/CN=node");
    assert_null(text_at(all, "ca_cert", 2, "subject"));
    assert_string_equal(text_at(all, "cert_chain", 0, "days_until_expiration"), "0");
    names = json_object_get(
        json_array_get(
            json_object_get(json_array_get(json_object_get(all, "certificates"), 0), "cert_chain"),
            0),
        "subject_alt_names");
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(names, 1), "dns")),
                        "b.example");
    json_decref(all);
    identity_free(&ca);
    identity_free(&own);
}

static void what_cannot_be_read(void **state)
{
    json_t *all = certificates_begin();
    struct tls_settings settings = {.trusted_ca = inline_source((char *)"no certificate")};

    (void)state;
    assert_int_equal(tls_certificates(&settings, add, all), -EINVAL);
    settings.trusted_ca = (struct data_source){.kind = DATA_FILE, .file = (char *)"/no/such/file"};
    assert_int_equal(tls_certificates(&settings, add, all), -ENOENT);
    settings = (struct tls_settings){0};
    assert_int_equal(tls_certificates(&settings, add, all), 0);
    assert_null(text_at(all, "ca_cert", 0, "subject"));
    json_decref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_kinds),
        cmocka_unit_test(what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
