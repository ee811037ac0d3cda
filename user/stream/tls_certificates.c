#include "stream/tls_certificates.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define NAMES_MAX 64
#define TEXT_MAX 512

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm utc;

    return ASN1_TIME_to_tm(time, &utc) ? (int64_t)timegm(&utc) : 0;
}

/* Returns how many there are, up to NAMES_MAX. They are of `all`. */
static size_t dns_names(const GENERAL_NAMES *all, const char **out)
{
    size_t count = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(all) && count < NAMES_MAX; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

        if (name->type == GEN_DNS)
            out[count++] = (const char *)ASN1_STRING_get0_data(name->d.dNSName);
    }
    return count;
}

static void tell(const X509 *from, struct tls_certificate *certificate, tls_certificate_fn *each,
                 void *arg)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(from, NID_subject_alt_name, NULL, NULL);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(from), NULL);
    char *serial = number ? BN_bn2hex(number) : NULL;
    char subject[TEXT_MAX] = "";
    const char *names[NAMES_MAX];

    X509_NAME_oneline(X509_get_subject_name(from), subject, sizeof(subject));
    certificate->serial = serial ? serial : "";
    certificate->subject = subject;
    certificate->dns_names = names;
    certificate->dns_name_count = dns_names(all, names);
    certificate->valid_from = seconds_of(X509_get0_notBefore(from));
    certificate->expires = seconds_of(X509_get0_notAfter(from));
    each(arg, certificate);
    GENERAL_NAMES_free(all);
    BN_free(number);
    OPENSSL_free(serial);
}

static int tell_all(const struct data_source *source, bool is_ca, tls_certificate_fn *each,
                    void *arg)
{
    struct tls_certificate certificate = {.is_ca = is_ca,
                                          .place = source->file ? source->file : source->place};
    uint8_t *bytes;
    size_t size, count = 0;
    X509 *found;
    BIO *in;
    int result = source->kind == DATA_NONE ? 0 : data_source_load(source, &bytes, &size);

    if (result || source->kind == DATA_NONE)
        return result;
    in = BIO_new_mem_buf(bytes, (int)size);
    for (; in && (found = PEM_read_bio_X509(in, NULL, NULL, NULL)); count++) {
        tell(found, &certificate, each, arg);
        X509_free(found);
    }
    ERR_clear_error();
    BIO_free(in);
    data_source_release(bytes, size);
    return count ? 0 : -EINVAL;
}

int tls_certificates(const struct tls_settings *settings, tls_certificate_fn *each, void *arg)
{
    int of_ca = tell_all(&settings->trusted_ca, true, each, arg);
    int of_client = tell_all(&settings->certificate, false, each, arg);

    return of_ca ? of_ca : of_client;
}
