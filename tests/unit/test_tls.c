/* TLS against an OpenSSL server at the other end of a socket pair, on the same event loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/ssl.h>

#include "certificates.h"

#include "base/mem.h"
#include "stream/tls.h"
#include "stream/tls_names.h"

static struct event_base *base;
static struct identity ca, server_identity, client_identity;

/* --- the server --------------------------------------------------------------------- */

static struct {
    const struct identity *identity;
    int min_version, max_version;
    bool wants_certificate;
    char seen_alpn[16], seen_name[64], seen_peer[64];
} server;

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *length,
                       const unsigned char *offered, unsigned offered_length, void *arg)
{
    (void)ssl, (void)arg;
    memcpy(server.seen_alpn, offered, offered_length);
    *out = offered + 1;
    *length = offered[0];
    return SSL_TLSEXT_ERR_OK;
}

static int look_at_peer(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    X509_NAME_get_text_by_NID(X509_get_subject_name(X509_STORE_CTX_get0_cert(store)),
                              NID_commonName, server.seen_peer, sizeof(server.seen_peer));
    return X509_verify_cert(store);
}

static struct bufferevent *serve(int fd)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    struct bufferevent *connection;

    SSL_CTX_use_certificate(context, server.identity->certificate);
    SSL_CTX_use_PrivateKey(context, server.identity->key);
    SSL_CTX_set_cipher_list(context, "DEFAULT:@SECLEVEL=0"); /* or there were no TLS 1.1 */
    SSL_CTX_set_min_proto_version(context, server.min_version);
    SSL_CTX_set_max_proto_version(context, server.max_version);
    SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca.certificate);
    SSL_CTX_set_cert_verify_callback(context, look_at_peer, NULL);
    if (server.wants_certificate)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    connection = bufferevent_openssl_socket_new(base, fd, SSL_new(context),
                                                BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
    SSL_CTX_free(context);
    return connection;
}

/* --- the client --------------------------------------------------------------------- */

static struct data_source inline_text(const char *text)
{
    return (struct data_source){
        .kind = DATA_INLINE, .bytes = (uint8_t *)text, .size = strlen(text), .place = "f:1:2: a"};
}

/* What tls_new or the connection said; "" where a byte came through, which the server sends. */
static char outcome[TLS_ERROR_MAX];
static bool over;
static struct tls *tls;

static void on_read(struct bufferevent *connection, void *arg)
{
    (void)connection, (void)arg;
    outcome[0] = '\0';
    over = true;
}

static void on_event(struct bufferevent *connection, short what, void *arg)
{
    (void)arg;
    if (what & BEV_EVENT_CONNECTED)
        return;
    if (!(what & BEV_EVENT_ERROR) || !tls_failure(tls, connection, outcome))
        snprintf(outcome, sizeof(outcome), "ended, %s", strerror(errno));
    over = true;
}

/* The name must be there before the handshake ends: it is asked of the server's side. */
static void note_name(struct bufferevent *connection, short what, void *arg)
{
    const char *name =
        SSL_get_servername(bufferevent_openssl_get_ssl(connection), TLSEXT_NAMETYPE_host_name);

    (void)arg;
    if (what & BEV_EVENT_CONNECTED)
        snprintf(server.seen_name, sizeof(server.seen_name), "%s", name ? name : "none");
}

static void talk(int ends[2])
{
    const struct timeval limit = {.tv_sec = 5};
    struct bufferevent *there = serve(ends[0]), *here = tls_start(tls, base, ends[1]);

    bufferevent_setcb(there, NULL, NULL, note_name, NULL);
    bufferevent_setcb(here, on_read, NULL, on_event, NULL);
    bufferevent_enable(there, EV_READ | EV_WRITE);
    bufferevent_enable(here, EV_READ | EV_WRITE);
    bufferevent_write(there, "x", 1);
    over = false;
    event_base_loopexit(base, &limit);
    while (!over && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(over);
    bufferevent_free(here);
    bufferevent_free(there);
}

/* Connects once; returns `outcome`. */
static const char *connect_with(const struct tls_settings *settings)
{
    int ends[2];

    snprintf(outcome, sizeof(outcome), "nothing");
    if (tls_new(settings, &tls, outcome))
        return outcome;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    talk(ends);
    tls_free(TAKE(tls));
    return outcome;
}

static void expect(const struct tls_settings *settings, const char *part)
{
    const char *said = connect_with(settings);

    if (part[0] ? !strstr(said, part) : said[0] != '\0')
        fail_msg("\"%s\" has no \"%s\"", said, part);
}

/* --- set up ------------------------------------------------------------------------- */

static int make_all(void **state)
{
    (void)state;
    ca = identity_make((struct identity_wish){.common_name = "Test CA"});
    server_identity = identity_make((struct identity_wish){
        .issuer = &ca, .common_name = "server", .names = "DNS:lrs.example,IP:127.0.0.1"});
    client_identity = identity_make((struct identity_wish){
        .issuer = &ca, .common_name = "client", .names = "URI:spiffe://a/b"});
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    identity_free(&ca);
    identity_free(&server_identity);
    identity_free(&client_identity);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&server, 0, sizeof(server));
    server.identity = &server_identity;
    base = event_base_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    event_base_free(base);
    return 0;
}

static struct tls_settings trusting(void)
{
    return (struct tls_settings){.trusted_ca = inline_text(ca.certificate_pem)};
}

/* --- tests -------------------------------------------------------------------------- */

static void test_verified(void **state)
{
    static struct tls_name name = {NAME_DNS, NAME_EXACT, false, "lrs.example"};
    struct tls_settings settings = trusting();

    (void)state;
    settings.names = &name;
    settings.name_count = 1;
    settings.server_name = "lrs.example";
    expect(&settings, "");
    assert_string_equal(server.seen_alpn, "\2h2");
    assert_string_equal(server.seen_name, "lrs.example");
    settings.server_name = NULL;
    expect(&settings, "");
    assert_string_equal(server.seen_name, "none");
}

static void test_wrong_name(void **state)
{
    static struct tls_name names[] = {{NAME_DNS, NAME_EXACT, false, "other.example"},
                                      {NAME_URI, NAME_PREFIX, false, "spiffe://a/"}};
    struct tls_settings settings = trusting();

    (void)state;
    settings.names = names;
    settings.name_count = 2;
    expect(&settings, "the server's certificate is for another name: it has DNS lrs.example, IP "
                      "127.0.0.1, expected DNS \"other.example\" or URI prefix \"spiffe://a/\"");
}

static void test_untrusted(void **state)
{
    struct identity other = identity_make((struct identity_wish){.common_name = "Other CA"});
    struct tls_settings settings = {.trusted_ca = inline_text(other.certificate_pem)};

    (void)state;
    expect(&settings,
           "the server's certificate (CN=server): unable to get local issuer certificate "
           "(no certificate of trusted_ca leads to it)");
    settings.trusted_ca.kind = DATA_NONE;
    settings.system_roots = true;
    expect(&settings, "the server's certificate (CN=server): unable to get local issuer");
    settings.system_roots = false;
    expect(&settings, ""); /* as Envoy: nothing to verify with */
    identity_free(&other);
}

static void test_trusted_itself(void **state)
{
    struct tls_settings settings = {.trusted_ca = inline_text(server_identity.certificate_pem)};

    (void)state;
    expect(&settings, "");
}

static void test_time(void **state)
{
    struct identity past = identity_make((struct identity_wish){
        .issuer = &ca, .common_name = "past", .from_s = -7200, .to_s = -3600});
    struct identity future = identity_make((struct identity_wish){
        .issuer = &ca, .common_name = "future", .from_s = 3600, .to_s = 7200});
    struct tls_settings settings = trusting();

    (void)state;
    server.identity = &past;
    expect(&settings,
           "the server's certificate (CN=past): certificate has expired (it was valid until ");
    server.identity = &future;
    expect(&settings, "(CN=future): certificate is not yet valid (it is valid from ");
    settings.allow_expired = true;
    expect(&settings, "");
    identity_free(&past);
    identity_free(&future);
}

static void test_expired_issuer(void **state)
{
    struct identity old = identity_make(
        (struct identity_wish){.common_name = "Old CA", .from_s = -7200, .to_s = -3600});
    struct identity leaf =
        identity_make((struct identity_wish){.issuer = &old, .common_name = "leaf"});
    struct tls_settings settings = {.trusted_ca = inline_text(old.certificate_pem)};

    (void)state;
    server.identity = &leaf;
    expect(&settings,
           "the server's certificate has an issuer (CN=Old CA): certificate has expired");
    identity_free(&old);
    identity_free(&leaf);
}

/* The SHA-256 of the server's certificate, and of its public key. */
static void pins_of_server(struct tls_pin *whole, struct tls_pin *key)
{
    unsigned char hash[32], *der = NULL;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(server_identity.certificate), &der);

    EVP_Digest(der, (size_t)length, hash, NULL, EVP_sha256(), NULL);
    EVP_EncodeBlock((unsigned char *)key->text, hash, sizeof(hash));
    key->is_of_key = true;
    X509_digest(server_identity.certificate, EVP_sha256(), hash, NULL);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(whole->text + 2 * i, 3, "%02x", hash[i]);
    OPENSSL_free(der);
}

static void test_pins(void **state)
{
    static const char refusal[] = "the server's certificate is none of those that verify_";
    struct tls_pin pins[2] = {{.is_of_key = false}};
    struct tls_settings settings = {.pins = pins, .pin_count = 2};

    (void)state;
    pins_of_server(&pins[0], &pins[1]);
    expect(&settings, "");
    pins[0].text[0] ^= 1;
    expect(&settings, ""); /* one is enough */
    pins[1].text[0] ^= 1;
    expect(&settings, refusal);
    pins[0].text[0] ^= 1;
    expect(&settings, "");
    settings.trusted_ca = inline_text(ca.certificate_pem);
    expect(&settings, "");
    pins[0].text[0] ^= 1;
    expect(&settings, refusal);
    pins[0].text[0] ^= 1;
    settings.trusted_ca = inline_text(client_identity.certificate_pem);
    expect(&settings, "unable to get local issuer"); /* a pin does not replace trust */
}

static void test_client_certificate(void **state)
{
    struct tls_settings settings = trusting();

    (void)state;
    server.wants_certificate = true;
    expect(&settings, "it wants a certificate of ours (tls_certificates)");
    settings.certificate = inline_text(client_identity.certificate_pem);
    settings.private_key = inline_text(client_identity.key_pem);
    expect(&settings, "");
    assert_string_equal(server.seen_peer, "client");
}

static void test_client_certificate_that_is_refused(void **state)
{
    struct identity stranger = identity_make((struct identity_wish){.common_name = "stranger"});
    struct tls_settings settings = trusting();

    (void)state;
    server.wants_certificate = true;
    settings.certificate = inline_text(stranger.certificate_pem);
    settings.private_key = inline_text(stranger.key_pem);
    expect(&settings, "unknown ca: it refuses our certificate");
    identity_free(&stranger);
}

static void test_versions(void **state)
{
    struct tls_settings settings = trusting();

    (void)state;
    server.max_version = TLS1_1_VERSION;
    expect(&settings, "no version of TLS suits both sides");
    server.max_version = TLS1_2_VERSION;
    expect(&settings, "");
    settings.no_tls12 = true;
    expect(&settings, "no version of TLS suits both sides");
    server.max_version = 0;
    expect(&settings, "");
    settings = trusting();
    settings.no_tls13 = true;
    server.min_version = TLS1_3_VERSION;
    expect(&settings, "no version of TLS suits both sides");
}

static void test_content_that_is_no_certificate(void **state)
{
    static const char key_begin[] =
        "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----";
    struct tls_settings settings = {.trusted_ca = inline_text("hello")};

    (void)state;
    expect(&settings, "f:1:2: a: found no certificate, expected one or more in PEM form");
    settings.trusted_ca = inline_text(server_identity.key_pem);
    expect(&settings, "found no certificate");
    settings = trusting();
    settings.certificate = inline_text("hello");
    settings.private_key = inline_text(client_identity.key_pem);
    expect(&settings, "f:1:2: a: found no certificate that can be used (no start line)");
    settings.certificate = inline_text(client_identity.certificate_pem);
    settings.private_key = inline_text(server_identity.key_pem);
    expect(&settings, "f:1:2: a: found no private key that can be used (key values mismatch)");
    settings.private_key = inline_text(key_begin);
    expect(&settings, "f:1:2: a: found no private key that can be used");
    assert_null(strstr(outcome, "c2Vj"));
}

static void test_password(void **state)
{
    struct identity locked = identity_make(
        (struct identity_wish){.issuer = &ca, .common_name = "locked", .password = "open sesame"});
    struct tls_settings settings = trusting();

    (void)state;
    server.wants_certificate = true;
    settings.certificate = inline_text(locked.certificate_pem);
    settings.private_key = inline_text(locked.key_pem);
    expect(&settings, "found no private key that can be used");
    settings.password = inline_text("open barley");
    expect(&settings, "found no private key that can be used");
    assert_null(strstr(outcome, "barley"));
    settings.password = inline_text("open sesame\n");
    expect(&settings, "");
    assert_string_equal(server.seen_peer, "locked");
    identity_free(&locked);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void test_files_are_read_for_each_connection(void **state)
{
    char path[] = "/tmp/loadtap-test-XXXXXX";
    struct identity other = identity_make((struct identity_wish){.common_name = "Other CA"});
    struct tls_settings settings = {
        .trusted_ca = {.kind = DATA_FILE, .file = path, .place = "f:1:2: trusted_ca"}};

    (void)state;
    close(mkstemp(path));
    write_file(path, other.certificate_pem);
    expect(&settings, "unable to get local issuer");
    write_file(path, ca.certificate_pem);
    expect(&settings, "");
    write_file(path, "");
    expect(&settings, "f:1:2: trusted_ca: the file /tmp/loadtap-test-");
    unlink(path);
    expect(&settings, ": found no file that can be read: No such file or directory");
    identity_free(&other);
}

static void test_names(void **state)
{
    static const struct {
        struct tls_name wanted;
        bool matches;
    } cases[] = {
        {{NAME_DNS, NAME_EXACT, false, "a.example"}, true},
        {{NAME_DNS, NAME_EXACT, false, "A.Example"}, true},
        {{NAME_DNS, NAME_EXACT, false, "b.a.example"}, false},
        {{NAME_DNS, NAME_EXACT, false, "x.wild.example"}, true},
        {{NAME_DNS, NAME_EXACT, false, "x.y.wild.example"}, false},
        {{NAME_DNS, NAME_EXACT, false, "wild.example"}, false},
        {{NAME_DNS, NAME_EXACT, false, ".wild.example"}, false},
        {{NAME_DNS, NAME_EXACT, false, "*.wild.example"}, true},
        {{NAME_ANY, NAME_EXACT, false, "a.example"}, true},
        {{NAME_URI, NAME_EXACT, false, "a.example"}, false},
        {{NAME_DNS, NAME_PREFIX, false, "a."}, true},
        {{NAME_DNS, NAME_PREFIX, false, "A."}, false},
        {{NAME_DNS, NAME_PREFIX, true, "A."}, true},
        {{NAME_DNS, NAME_SUFFIX, false, ".example"}, true},
        {{NAME_DNS, NAME_SUFFIX, false, "longer.than.it.is.a.example"}, false},
        {{NAME_DNS, NAME_CONTAINS, false, "ild.ex"}, true},
        {{NAME_DNS, NAME_CONTAINS, true, "ILD.EX"}, true},
        {{NAME_DNS, NAME_CONTAINS, false, "ILD.EX"}, false},
        {{NAME_IP, NAME_EXACT, false, "127.0.0.1"}, true},
        {{NAME_IP, NAME_EXACT, false, "::1"}, true},
        {{NAME_IP, NAME_EXACT, false, "127.0.0.2"}, false},
        {{NAME_DNS, NAME_EXACT, false, "127.0.0.1"}, false},
        {{NAME_URI, NAME_EXACT, false, "spiffe://td/ns"}, true},
        {{NAME_URI, NAME_EXACT, false, "spiffe://td/n"}, false},
        {{NAME_EMAIL, NAME_SUFFIX, false, "@a.example"}, true},
        {{NAME_DNS, NAME_EXACT, false, "common"}, false}, /* CN is no name */
    };
    struct identity identity = identity_make(
        (struct identity_wish){.common_name = "common",
                               .names = "DNS:a.example,DNS:*.wild.example,IP:127.0.0.1,IP:::1,"
                                        "URI:spiffe://td/ns,email:me@a.example"});
    struct identity nameless = identity_make((struct identity_wish){.common_name = "common"});
    char text[64];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct tls_name wanted = cases[i].wanted;
        struct tls_settings settings = {.names = &wanted, .name_count = 1};

        if (tls_names_match(&settings, identity.certificate) != cases[i].matches)
            fail_msg("case %zu", i);
        assert_false(tls_names_match(&settings, nameless.certificate));
    }
    tls_names_found(nameless.certificate, text, sizeof(text));
    assert_string_equal(text, "no name at all");
    tls_names_found(identity.certificate, text, sizeof(text)); /* cut */
    assert_int_equal(strlen(text), sizeof(text) - 1);
    identity_free(&identity);
    identity_free(&nameless);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_verified),
        TEST(test_wrong_name),
        TEST(test_untrusted),
        TEST(test_trusted_itself),
        TEST(test_time),
        TEST(test_expired_issuer),
        TEST(test_pins),
        TEST(test_client_certificate),
        TEST(test_client_certificate_that_is_refused),
        TEST(test_versions),
        TEST(test_content_that_is_no_certificate),
        TEST(test_password),
        TEST(test_files_are_read_for_each_connection),
        TEST(test_names),
    };

    return cmocka_run_group_tests(tests, make_all, free_all);
}
