#include "stream/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "stream/tls_context.h"
#include "stream/tls_names.h"

#define SUBJECT_MAX 128
#define NAMES_MAX 256

struct tls {
    const struct tls_settings *settings;
    SSL_CTX *context;
    char refusal[TLS_ERROR_MAX]; /* why the server's certificate was refused; "": it was not */
};

/* --- the server's certificate --------------------------------------------------------- */

/* The text of a memory BIO, cut to `size`. */
static void take_text(BIO *bio, char *out, size_t size)
{
    int length = bio ? BIO_read(bio, out, (int)size - 1) : 0;

    out[length > 0 ? length : 0] = '\0';
    BIO_free(bio);
}

static void subject_text(const X509 *certificate, char *out)
{
    BIO *bio = BIO_new(BIO_s_mem());

    if (bio)
        X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
    take_text(bio, out, SUBJECT_MAX);
}

/* "it was valid until Nov 24 12:00:00 2026 GMT" */
static void time_text(bool is_over, const X509 *certificate, char *out)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char text[64];

    if (bio)
        ASN1_TIME_print(bio, is_over ? X509_get0_notAfter(certificate)
                                     : X509_get0_notBefore(certificate));
    take_text(bio, text, sizeof(text));
    snprintf(out, SUBJECT_MAX, is_over ? " (it was valid until %s)" : " (it is valid from %s)",
             text);
}

/* More than OpenSSL's word for the error tells, or nothing. */
static void detail_text(int error, const X509 *certificate, char *out)
{
    out[0] = '\0';
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (certificate)
            time_text(error == X509_V_ERR_CERT_HAS_EXPIRED, certificate, out);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        snprintf(out, SUBJECT_MAX, " (no certificate of trusted_ca leads to it)");
        break;
    default:
        break;
    }
}

static void refuse_chain(struct tls *tls, X509_STORE_CTX *store)
{
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    char subject[SUBJECT_MAX] = "", detail[SUBJECT_MAX];

    if (certificate)
        subject_text(certificate, subject);
    detail_text(error, certificate, detail);
    snprintf(tls->refusal, sizeof(tls->refusal), "the server's certificate%s (%s): %s%s",
             X509_STORE_CTX_get_error_depth(store) ? " has an issuer" : "", subject,
             X509_verify_cert_error_string(error), detail);
}

static void refuse_name(struct tls *tls, const X509 *certificate)
{
    char found[NAMES_MAX], wanted[NAMES_MAX];

    tls_names_found(certificate, found, sizeof(found));
    tls_names_wanted(tls->settings, wanted, sizeof(wanted));
    snprintf(tls->refusal, sizeof(tls->refusal),
             "the server's certificate is for another name: it has %s, expected %s", found, wanted);
}

/* Envoy's verify_certificate_hash and verify_certificate_spki: one of all is enough. */
static bool is_pinned(const struct tls_settings *settings, const X509 *certificate)
{
    unsigned char key[SHA256_DIGEST_LENGTH], whole[SHA256_DIGEST_LENGTH], *der = NULL;
    char key_text[65], whole_text[65];
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool known = length > 0 && EVP_Digest(der, (size_t)length, key, NULL, EVP_sha256(), NULL) &&
                 X509_digest(certificate, EVP_sha256(), whole, NULL);

    OPENSSL_free(der);
    if (!known)
        return false;
    EVP_EncodeBlock((unsigned char *)key_text, key, sizeof(key));
    for (size_t i = 0; i < sizeof(whole); i++)
        snprintf(whole_text + 2 * i, 3, "%02x", whole[i]);
    for (size_t i = 0; i < settings->pin_count; i++)
        if (!strcmp(settings->pins[i].text, settings->pins[i].is_of_key ? key_text : whole_text))
            return true;
    return false;
}

/* What is asked for beside a chain to a trusted certificate. */
static int verify_leaf(struct tls *tls, X509_STORE_CTX *store)
{
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);

    if (!tls_names_match(tls->settings, certificate)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        refuse_name(tls, certificate);
        return 0;
    }
    if (tls->settings->pin_count && !is_pinned(tls->settings, certificate)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
        snprintf(tls->refusal, sizeof(tls->refusal),
                 "the server's certificate is none of those that verify_certificate_hash and "
                 "verify_certificate_spki allow");
        return 0;
    }
    return 1;
}

/* In place of OpenSSL's own verification, which it calls. */
static int verify(X509_STORE_CTX *store, void *arg)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(ssl);
    bool trusts = tls->settings->trusted_ca.kind != DATA_NONE || tls->settings->system_roots;

    (void)arg;
    if (trusts && X509_verify_cert(store) <= 0) {
        refuse_chain(tls, store);
        return 0;
    }
    return verify_leaf(tls, store);
}

/* --- one connection ------------------------------------------------------------------- */

int tls_new(const struct tls_settings *settings, struct tls **out, char *error)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    int err = tls ? tls_context_new(settings, &tls->context, error) : -ENOMEM;

    if (err) {
        free(tls);
        return err;
    }
    tls->settings = settings;
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(tls->context, verify, NULL);
    *out = tls;
    return 0;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

struct bufferevent *tls_start(struct tls *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    struct bufferevent *connection = NULL;

    if (ssl && SSL_set_app_data(ssl, tls) &&
        (!tls->settings->server_name || SSL_set_tlsext_host_name(ssl, tls->settings->server_name)))
        connection = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_CONNECTING,
                                                    BEV_OPT_CLOSE_ON_FREE);
    if (!connection)
        SSL_free(ssl);
    return connection;
}

/* --- why it failed ---------------------------------------------------------------------- */

/* What OpenSSL's reason means, where that is not plain. */
static const char *explain(unsigned long error)
{
    switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
        return ": it does not speak TLS there";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
        return ": no version of TLS suits both sides";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return ": it wants a certificate of ours (tls_certificates)";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        return ": it refuses our certificate (tls_certificates)";
    default:
        return "";
    }
}

bool tls_failure(const struct tls *tls, struct bufferevent *connection, char *out)
{
    unsigned long error = bufferevent_get_openssl_error(connection);
    const char *text = error ? ERR_reason_error_string(error) : NULL;

    if (tls->refusal[0])
        snprintf(out, TLS_ERROR_MAX, "%s", tls->refusal);
    else if (text)
        snprintf(out, TLS_ERROR_MAX, "%s%s", text, explain(error));
    else
        return false;
    return true;
}
