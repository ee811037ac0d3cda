#include "collector/tls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"

#define FILES 3

/* By which a file that was replaced, or written anew, is told from what it was. */
struct seen {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct tls {
    struct tls_files files;
    struct seen seen[FILES]; /* when they were last tried */
    SSL_CTX *context;
};

/* --- files ------------------------------------------------------------------------------ */

/* What OpenSSL failed at; the first of its errors is the cause. Never quotes the content. */
static const char *reason(void)
{
    unsigned long error = ERR_peek_error();
    const char *text = ERR_reason_error_string(error);

    if (ERR_SYSTEM_ERROR(error))
        return strerror(ERR_GET_REASON(error));
    return text ? text : "unknown";
}

static int __attribute__((format(printf, 4, 5)))
wrong(char *error, const char *option, const char *file, const char *format, ...)
{
    int used = snprintf(error, TLS_ERROR_MAX, "%s %.200s: ", option, file);
    va_list args;

    va_start(args, format);
    vsnprintf(error + used, TLS_ERROR_MAX - (size_t)used, format, args);
    va_end(args);
    ERR_clear_error();
    return -EINVAL;
}

/* For a key with a password: fail, do not ask the terminal. */
static int no_password(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static int load_identity(const struct tls_files *files, SSL_CTX *context, char *error)
{
    if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
        return wrong(error, "--tls-cert", files->certificate,
                     "found no certificate that can be used (%s), expected PEM", reason());
    SSL_CTX_set_default_passwd_cb(context, no_password);
    if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1)
        return wrong(error, "--tls-key", files->key,
                     "found no private key that can be used (%s), expected that of %.150s in PEM, "
                     "without a password",
                     reason(), files->certificate);
    return 0;
}

/* The names of the authorities go to the client, which may have several certificates. */
static int load_client_ca(const struct tls_files *files, SSL_CTX *context, char *error)
{
    STACK_OF(X509_NAME) * names;

    if (!files->client_ca)
        return 0;
    names = SSL_load_client_CA_file(files->client_ca);
    if (!names || SSL_CTX_load_verify_file(context, files->client_ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return wrong(error, "--tls-client-ca", files->client_ca,
                     "found no certificate that can be used (%s), expected one or more in PEM",
                     reason());
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return 0;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *length,
                           const unsigned char *offered, unsigned offered_length, void *arg)
{
    static const unsigned char ours[] = {2, 'h', '2'};
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, length, ours, sizeof(ours), offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int load(const struct tls_files *files, SSL_CTX **out, char *error)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    int err;

    if (!context)
        return -ENOMEM;
    ERR_clear_error();
    /* Streams last; a session to resume would outlive the authority that its client was trusted by. A
     * connection may end without a close_notify: gRPC has its own signs of an end. */
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    err = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ? 0 : -ENOMEM;
    if (!err)
        err = load_identity(files, context, error);
    if (!err)
        err = load_client_ca(files, context, error);
    if (err)
        SSL_CTX_free(context);
    else
        *out = context;
    return err;
}

/* --- files that change ------------------------------------------------------------------ */

/* A file that cannot be found is all zero. */
static struct seen look(const char *path)
{
    struct stat now;

    if (!path || stat(path, &now))
        return (struct seen){0};
    return (struct seen){now.st_dev, now.st_ino, now.st_size, now.st_mtim};
}

static bool is_same(const struct seen *a, const struct seen *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* True where something is not as it was seen last; it is seen now. */
static bool look_again(struct tls *tls)
{
    const char *const paths[FILES] = {tls->files.certificate, tls->files.key, tls->files.client_ca};
    bool changed = false;

    for (size_t i = 0; i < FILES; i++) {
        const struct seen now = look(paths[i]);

        changed = changed || !is_same(&now, &tls->seen[i]);
        tls->seen[i] = now;
    }
    return changed;
}

int tls_reload(struct tls *tls, char *error)
{
    SSL_CTX *context = NULL;
    int err;

    look_again(tls); /* before they are read: what changes meanwhile is seen next time */
    err = load(&tls->files, &context, error);
    if (err)
        return err;
    SSL_CTX_free(tls->context); /* connections have their own hold on it */
    tls->context = context;
    return 0;
}

int tls_refresh(struct tls *tls, char *error)
{
    int err;

    if (!look_again(tls))
        return 0;
    err = tls_reload(tls, error);
    return err ? err : 1;
}

int tls_new(const struct tls_files *files, struct tls **out, char *error)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    int err = -ENOMEM;

    if (tls) {
        tls->files = *files;
        err = tls_reload(tls, error);
    }
    if (err)
        free(tls);
    else
        *out = tls;
    return err;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* --- one connection ---------------------------------------------------------------------- */

struct bufferevent *tls_accept(const struct tls *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    struct bufferevent *connection = NULL;

    if (ssl)
        connection = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                    BEV_OPT_CLOSE_ON_FREE);
    if (!connection)
        SSL_free(ssl);
    return connection;
}

bool tls_failure(struct bufferevent *connection, char *out)
{
    const SSL *ssl = bufferevent_openssl_get_ssl(connection);
    unsigned long error = ssl ? bufferevent_get_openssl_error(connection) : 0;
    const char *text = error ? ERR_reason_error_string(error) : NULL;
    long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;

    if (!text)
        return false;
    snprintf(out, TLS_ERROR_MAX, "TLS: %s%s%s", text, verdict == X509_V_OK ? "" : ": ",
             verdict == X509_V_OK ? "" : X509_verify_cert_error_string(verdict));
    return true;
}

void tls_say_end(struct bufferevent *connection)
{
    SSL *ssl = bufferevent_openssl_get_ssl(connection);

    if (ssl && SSL_is_init_finished(ssl))
        SSL_shutdown(ssl);
    ERR_clear_error();
}
