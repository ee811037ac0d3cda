/* Makes certificates and their keys in memory, for tests. */
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

struct identity {
    X509 *certificate;
    EVP_PKEY *key;
    char *certificate_pem, *key_pem;
};

struct identity_wish {
    const struct identity *issuer; /* NULL: itself */
    const char *common_name;
    const char *names;    /* "DNS:a,IP:127.0.0.1"; NULL: none */
    long from_s, to_s;    /* from now; both 0: an hour around now */
    const char *password; /* of key_pem; NULL: none */
};

static inline char *take_pem(BIO *bio)
{
    char *bytes, *text;
    long length = BIO_get_mem_data(bio, &bytes);

    text = strndup(bytes, (size_t)length);
    BIO_free(bio);
    return text;
}

static inline void add_extension(X509 *certificate, int kind, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline void write_pem(struct identity *identity, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());

    PEM_write_bio_X509(bio, identity->certificate);
    identity->certificate_pem = take_pem(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, identity->key, password ? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
                             (void *)password);
    identity->key_pem = take_pem(bio);
}

static inline struct identity identity_make(struct identity_wish wish)
{
    static long serial;
    struct identity made = {X509_new(), EVP_EC_gen("P-256"), NULL, NULL};
    const struct identity *issuer = wish.issuer ? wish.issuer : &made;
    X509_NAME *name = X509_get_subject_name(made.certificate);

    if (!wish.from_s && !wish.to_s) {
        wish.from_s = -1800;
        wish.to_s = 1800;
    }
    X509_set_version(made.certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), ++serial);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish.common_name,
                               -1, -1, 0);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), wish.from_s);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), wish.to_s);
    X509_set_pubkey(made.certificate, made.key);
    if (!wish.issuer)
        add_extension(made.certificate, NID_basic_constraints, "critical,CA:TRUE");
    if (wish.names)
        add_extension(made.certificate, NID_subject_alt_name, wish.names);
    X509_sign(made.certificate, issuer->key, EVP_sha256());
    write_pem(&made, wish.password);
    return made;
}

static inline void identity_free(struct identity *identity)
{
    X509_free(identity->certificate);
    EVP_PKEY_free(identity->key);
    free(identity->certificate_pem);
    free(identity->key_pem);
}
