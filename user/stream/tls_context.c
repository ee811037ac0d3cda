#include "stream/tls_context.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "stream/tls.h"

#define CERTIFICATES_MAX 100 /* of a client's chain */

struct loading {
    const struct tls_settings *settings;
    SSL_CTX *context;
    char *error; /* TLS_ERROR_MAX */
};

/* "bootstrap.yaml:1:2: a.trusted_ca: found …". Returns -EINVAL. */
static int __attribute__((format(printf, 3, 4)))
wrong(const struct loading *loading, const struct data_source *source, const char *format, ...)
{
    int used = snprintf(loading->error, TLS_ERROR_MAX, "%.300s: %s%.200s%s",
                        source->place ? source->place : "TLS", source->file ? "the file " : "",
                        source->file ? source->file : "", source->file ? ": " : "");
    va_list args;

    va_start(args, format);
    vsnprintf(loading->error + used, TLS_ERROR_MAX - (size_t)used, format, args);
    va_end(args);
    ERR_clear_error();
    return -EINVAL;
}

/* OpenSSL's reason for what failed last; it quotes nothing of the content. */
static const char *reason(void)
{
    const char *text = ERR_reason_error_string(ERR_peek_last_error());

    return text ? text : "unknown";
}

typedef int use_fn(const struct loading *loading, const struct data_source *source, BIO *bytes);

/* Lets `use` read the source's bytes. */
static int with_bytes(const struct loading *loading, const struct data_source *source, use_fn *use)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    BIO *bio = NULL;
    int err = data_source_load(source, &bytes, &size);

    if (err && err != -ENOMEM)
        return wrong(loading, source, "found no file that can be read: %s", strerror(-err));
    if (!err)
        bio = BIO_new_mem_buf(bytes, (int)size);
    if (bio)
        err = use(loading, source, bio);
    else
        err = -ENOMEM;
    BIO_free(bio);
    data_source_release(bytes, size);
    return err;
}

/* --- whom to trust ------------------------------------------------------------------ */

static int add_trusted(X509_STORE *store, const STACK_OF(X509_INFO) * infos, bool *has_crl)
{
    int certificates = 0;

    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        const X509_INFO *info = sk_X509_INFO_value(infos, i);

        if (info->x509 && X509_STORE_add_cert(store, info->x509))
            certificates++;
        if (info->crl && X509_STORE_add_crl(store, info->crl))
            *has_crl = true;
    }
    return certificates;
}

static int use_trusted(const struct loading *loading, const struct data_source *source, BIO *bytes)
{
    X509_STORE *store = SSL_CTX_get_cert_store(loading->context);
    STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read_bio(bytes, NULL, NULL, NULL);
    bool has_crl = false;
    int count = infos ? add_trusted(store, infos, &has_crl) : 0;

    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    if (count == 0)
        return wrong(loading, source, "found no certificate, expected one or more in PEM form");
    if (has_crl)
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    return 0;
}

/* A certificate that is trusted itself needs no issuer, as in Envoy. */
static int load_trust(const struct loading *loading)
{
    const struct tls_settings *settings = loading->settings;
    X509_STORE *store = SSL_CTX_get_cert_store(loading->context);

    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if (settings->allow_expired)
        X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);
    if (settings->system_roots)
        return SSL_CTX_set_default_verify_paths(loading->context) ? 0 : -ENOMEM;
    if (settings->trusted_ca.kind != DATA_NONE)
        return with_bytes(loading, &settings->trusted_ca, use_trusted);
    return 0;
}

/* --- who we are --------------------------------------------------------------------- */

static int use_chain(const struct loading *loading, const struct data_source *source, BIO *bytes)
{
    X509 *certificate = PEM_read_bio_X509(bytes, NULL, NULL, NULL);
    int good = certificate && SSL_CTX_use_certificate(loading->context, certificate);

    X509_free(certificate);
    if (!good)
        return wrong(loading, source, "found no certificate that can be used (%s), expected PEM",
                     reason());
    for (int i = 0; i < CERTIFICATES_MAX; i++) {
        certificate = PEM_read_bio_X509(bytes, NULL, NULL, NULL);
        if (!certificate)
            break; /* the end */
        if (!SSL_CTX_add0_chain_cert(loading->context, certificate)) {
            X509_free(certificate);
            return wrong(loading, source, "found a certificate in the chain that cannot be used");
        }
    }
    ERR_clear_error();
    return 0;
}

/* OpenSSL's way to ask for a password: without one, fail, do not ask the terminal. */
static int give_password(char *out, int size, int writing, void *arg)
{
    const struct data_source *password = arg;
    uint8_t *bytes = NULL;
    size_t length = 0;

    (void)writing;
    if (password->kind == DATA_NONE || data_source_load(password, &bytes, &length))
        return -1;
    while (length && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
        length--;
    if (length > (size_t)size)
        length = 0;
    memcpy(out, bytes, length);
    data_source_release(bytes, length);
    return length ? (int)length : -1;
}

static int use_key(const struct loading *loading, const struct data_source *source, BIO *bytes)
{
    void *password = (void *)&loading->settings->password;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bytes, NULL, give_password, password);
    int good = key && SSL_CTX_use_PrivateKey(loading->context, key);

    EVP_PKEY_free(key);
    if (!good)
        return wrong(loading, source,
                     "found no private key that can be used (%s), expected the PEM one of the "
                     "certificate",
                     reason());
    return 0;
}

static int load_identity(const struct loading *loading)
{
    const struct tls_settings *settings = loading->settings;
    int err;

    if (settings->certificate.kind == DATA_NONE)
        return 0;
    err = with_bytes(loading, &settings->certificate, use_chain);
    return err ? err : with_bytes(loading, &settings->private_key, use_key);
}

/* ------------------------------------------------------------------------------------ */

static int set_versions(const struct loading *loading)
{
    const struct tls_settings *settings = loading->settings;
    int min = settings->no_tls12 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int max = settings->no_tls13 ? TLS1_2_VERSION : 0; /* the highest there is */

    return SSL_CTX_set_min_proto_version(loading->context, min) &&
                   SSL_CTX_set_max_proto_version(loading->context, max)
               ? 0
               : -ENOMEM;
}

int tls_context_new(const struct tls_settings *settings, SSL_CTX **out, char *error)
{
    static const unsigned char alpn[] = {2, 'h', '2'};
    struct loading loading = {settings, SSL_CTX_new(TLS_client_method()), error};
    int err;

    if (!loading.context)
        return -ENOMEM;
    /* A connection that ends without a close_notify: gRPC has its own signs of an end. */
    SSL_CTX_set_options(loading.context, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(loading.context, SSL_MODE_NO_AUTO_CHAIN); /* send what certificate_chain has */
    err = SSL_CTX_set_alpn_protos(loading.context, alpn, sizeof(alpn)) ? -ENOMEM : 0;
    if (!err)
        err = set_versions(&loading);
    if (!err)
        err = load_trust(&loading);
    if (!err)
        err = load_identity(&loading);
    if (err)
        SSL_CTX_free(loading.context);
    else
        *out = loading.context;
    return err;
}
