#include "libbester/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls_context {
    size_t refs;
    SSL_CTX *ssl;
    bool server;
    enum tls_trust trust;
};

struct tls {
    struct filter filter;
    struct tls_context *context;
    SSL *ssl;
    BIO *input;  /* ciphertext from the peer; the SSL's */
    BIO *output; /* ciphertext for the peer; the SSL's */
    bool failed;
    bool has_seen;       /* the pin of who showed a certificate, */
    struct tls_pin seen; /* believed or not */
    tls_knows *knows;    /* NULL: everybody is */
    void *user;
};

static enum status pin_of(const X509 *certificate, struct tls_pin *out);

/* What OpenSSL has to say about the latest failure, and nothing left over for
 * the next one. */
static enum status openssl_fault(struct fault *fault, enum status status, const char *what)
{
    char reason[120] = "unknown";
    unsigned long error = ERR_peek_last_error();

    if (error && ERR_reason_error_string(error))
        snprintf(reason, sizeof(reason), "%s", ERR_reason_error_string(error));
    else if (errno)
        snprintf(reason, sizeof(reason), "%s", strerror(errno));
    ERR_clear_error();
    return fault_set(fault, status, 0, "%s: %s", what, reason);
}

/* A file without what it should hold; "no start line" says that to nobody. */
static enum status file_fault(struct fault *fault, const char *file, const char *held)
{
    unsigned long error = ERR_peek_last_error();

    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        return openssl_fault(fault, STATUS_IO, file);
    ERR_clear_error();
    return fault_set(fault, STATUS_IO, 0, "%s: holds no %s (PEM)", file, held);
}

/* ---- contexts ---- */

/* OpenSSL forgets the certificate of a peer that it does not believe; people want
 * to know whom they met. */
static struct tls *look(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *self = ssl ? SSL_get_app_data(ssl) : NULL;
    const X509 *certificate = X509_STORE_CTX_get0_cert(store);

    if (self && certificate && !self->has_seen)
        self->has_seen = pin_of(certificate, &self->seen) == STATUS_OK;
    return self;
}

/* Trust in a pin is decided by who knows the pin: the handshake takes any other
 * property of a certificate, and proves that the peer has its key. */
static int accept_known(int ok, X509_STORE_CTX *store)
{
    struct tls *self = look(store);

    (void)ok;
    if (self && (!self->knows || (self->has_seen && self->knows(&self->seen, self->user))))
        return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
    return 0;
}

static int remember(int ok, X509_STORE_CTX *store)
{
    (void)look(store);
    return ok;
}

static enum status set_trust(SSL_CTX *ssl, const struct tls_options *options, struct fault *fault)
{
    switch (options->trust) {
    case TLS_TRUST_NOBODY:
        SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
        return STATUS_OK;
    case TLS_TRUST_PIN:
        SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_known);
        return STATUS_OK;
    case TLS_TRUST_AUTHORITIES:
        break;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, remember);
    int ok = options->authorities_file ? SSL_CTX_load_verify_file(ssl, options->authorities_file)
                                       : SSL_CTX_set_default_verify_paths(ssl);
    return ok == 1 ? STATUS_OK
                   : openssl_fault(fault, STATUS_IO,
                         options->authorities_file ? options->authorities_file
                                                   : "the system's certificate authorities");
}

static enum status set_identity(
    SSL_CTX *ssl, const struct tls_options *options, struct fault *fault)
{
    if (!options->certificate_file)
        return STATUS_OK;
    if (SSL_CTX_use_certificate_chain_file(ssl, options->certificate_file) != 1)
        return file_fault(fault, options->certificate_file, "certificate");
    if (SSL_CTX_use_PrivateKey_file(ssl, options->key_file, SSL_FILETYPE_PEM) != 1)
        return file_fault(fault, options->key_file, "private key");
    if (SSL_CTX_check_private_key(ssl) != 1)
        return openssl_fault(fault, STATUS_INVALID, "the key does not fit the certificate");
    return STATUS_OK;
}

enum status tls_context_new(
    struct tls_context **out, const struct tls_options *options, struct fault *fault)
{
    struct tls_context *self = calloc(1, sizeof(*self));

    errno = 0;
    ERR_clear_error();
    if (self)
        self->ssl = SSL_CTX_new(options->server ? TLS_server_method() : TLS_client_method());
    if (!self || !self->ssl) {
        free(self);
        return openssl_fault(fault, STATUS_NO_MEMORY, "TLS");
    }
    self->refs = 1;
    self->server = options->server;
    self->trust = options->trust;
    SSL_CTX_set_min_proto_version(self->ssl, TLS1_3_VERSION);
    SSL_CTX_set_mode(self->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* Sessions are long and few: tickets would only cost the first round trip. */
    SSL_CTX_set_num_tickets(self->ssl, 0);
    SSL_CTX_set_session_cache_mode(self->ssl, SSL_SESS_CACHE_OFF);
    enum status status = set_trust(self->ssl, options, fault);
    if (status == STATUS_OK)
        status = set_identity(self->ssl, options, fault);
    if (status != STATUS_OK) {
        tls_context_unref(self);
        return status;
    }
    *out = self;
    return STATUS_OK;
}

struct tls_context *tls_context_ref(struct tls_context *self)
{
    self->refs++;
    return self;
}

void tls_context_unref(struct tls_context *self)
{
    if (!self || --self->refs > 0)
        return;
    SSL_CTX_free(self->ssl);
    free(self);
}

/* ---- connections ---- */

static bool prepare(struct tls *self, const char *host)
{
    self->ssl = SSL_new(self->context->ssl);
    self->input = BIO_new(BIO_s_mem());
    self->output = BIO_new(BIO_s_mem());
    if (!self->ssl || !self->input || !self->output) {
        BIO_free(self->input);
        BIO_free(self->output);
        return false;
    }
    /* No bytes now does not mean no bytes ever. */
    BIO_set_mem_eof_return(self->input, -1);
    BIO_set_mem_eof_return(self->output, -1);
    SSL_set_bio(self->ssl, self->input, self->output);
    SSL_set_app_data(self->ssl, self);
    if (self->context->server) {
        SSL_set_accept_state(self->ssl);
        return true;
    }
    SSL_set_connect_state(self->ssl);
    if (!host)
        return true;
    /* An address has no place in the server's name indication. */
    X509_VERIFY_PARAM *param = SSL_get0_param(self->ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
        return true;
    ERR_clear_error();
    return SSL_set_tlsext_host_name(self->ssl, host) == 1 && SSL_set1_host(self->ssl, host) == 1;
}

void tls_set_judge(struct tls *self, tls_knows *knows, void *user)
{
    self->knows = knows;
    self->user = user;
}

struct tls *tls_new(struct tls_context *context, const char *host)
{
    struct tls *self = calloc(1, sizeof(*self));

    if (!self)
        return NULL;
    self->context = tls_context_ref(context);
    if (!prepare(self, host)) {
        ERR_clear_error();
        tls_free(self);
        return NULL;
    }
    if (!context->server)
        (void)SSL_do_handshake(self->ssl); /* writes the first flight; the rest follows */
    ERR_clear_error();
    return self;
}

void tls_free(struct tls *self)
{
    if (!self)
        return;
    SSL_free(self->ssl);
    tls_context_unref(self->context);
    free(self);
}

static bool tls_is_ready(const struct filter *filter)
{
    const struct tls *self = (const struct tls *)filter;

    return SSL_is_init_finished(self->ssl) == 1;
}

static enum status tls_take(struct filter *filter, struct span ciphertext)
{
    struct tls *self = (struct tls *)filter;

    while (ciphertext.len > 0) {
        int want = ciphertext.len < INT_MAX ? (int)ciphertext.len : INT_MAX;
        int n = BIO_write(self->input, ciphertext.at, want);

        if (n <= 0)
            return STATUS_NO_MEMORY;
        ciphertext.at += n;
        ciphertext.len -= (size_t)n;
    }
    return STATUS_OK;
}

/* Whether what came first was no record of TLS. */
static bool is_other_language(const struct tls *self)
{
    unsigned long error = ERR_peek_error();
    int reason = ERR_GET_REASON(error);
    OSSL_HANDSHAKE_STATE state = SSL_get_state(self->ssl);

    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           (state == TLS_ST_BEFORE || state == TLS_ST_CW_CLNT_HELLO) &&
           (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
               reason == SSL_R_HTTPS_PROXY_REQUEST);
}

/* OpenSSL only hangs up on who speaks no TLS; an alert tells him why. */
static void alert_plain_peer(struct tls *self)
{
    static const unsigned char unexpected_message[] = {0x15, 3, 1, 0, 2, 2, 10};

    if (self->context->server)
        (void)BIO_write(self->output, unexpected_message, sizeof(unexpected_message));
}

/* A certificate that is not believed is said so in words that help. */
static enum filter_state fail(struct tls *self, struct fault *fault)
{
    long verdict = SSL_get_verify_result(self->ssl);

    self->failed = true;
    errno = 0;
    if (is_other_language(self)) {
        ERR_clear_error();
        alert_plain_peer(self);
        fault_set(fault, STATUS_IO, 0, "TLS: the other side speaks none");
    } else if (self->context->trust == TLS_TRUST_AUTHORITIES && verdict != X509_V_OK) {
        ERR_clear_error();
        fault_set(fault, STATUS_IO, 0, "TLS: the certificate is not trusted: %s",
            X509_verify_cert_error_string(verdict));
    } else {
        openssl_fault(fault, STATUS_IO, "TLS");
    }
    return FILTER_FAILED;
}

static enum filter_state tls_read(
    struct filter *filter, char *out, size_t cap, size_t *got, struct fault *fault)
{
    struct tls *self = (struct tls *)filter;

    if (self->failed) {
        fault_set(fault, STATUS_IO, 0, "TLS: has failed before");
        return FILTER_FAILED;
    }
    ERR_clear_error();
    int result = SSL_read_ex(self->ssl, out, cap, got);
    if (result == 1)
        return FILTER_BYTES;
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        ERR_clear_error();
        return FILTER_HUNGRY;
    case SSL_ERROR_ZERO_RETURN:
        ERR_clear_error();
        return FILTER_CLOSED;
    default:
        return fail(self, fault);
    }
}

static enum status tls_write(struct filter *filter, struct span plain, size_t *taken)
{
    struct tls *self = (struct tls *)filter;

    *taken = 0;
    if (self->failed)
        return STATUS_IO;
    if (!tls_is_ready(&self->filter) || plain.len == 0)
        return STATUS_OK;
    ERR_clear_error();
    int result = SSL_write_ex(self->ssl, plain.at, plain.len, taken);
    if (result == 1)
        return STATUS_OK;
    int error = SSL_get_error(self->ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return STATUS_OK;
    self->failed = true;
    return STATUS_IO;
}

static void tls_say_closed(struct filter *filter)
{
    struct tls *self = (struct tls *)filter;

    if (!self->failed && tls_is_ready(&self->filter))
        (void)SSL_shutdown(self->ssl);
    ERR_clear_error();
}

static size_t tls_output(struct filter *filter, char *out, size_t cap)
{
    struct tls *self = (struct tls *)filter;
    int n = BIO_read(self->output, out, cap < INT_MAX ? (int)cap : INT_MAX);

    return n > 0 ? (size_t)n : 0;
}

static void tls_free_filter(struct filter *filter)
{
    tls_free((struct tls *)filter);
}

static const struct filter_ops ops = {
    .take = tls_take,
    .read = tls_read,
    .write = tls_write,
    .output = tls_output,
    .say_closed = tls_say_closed,
    .is_ready = tls_is_ready,
    .free = tls_free_filter,
};

struct filter *tls_filter(struct tls *self)
{
    self->filter.ops = &ops;
    return &self->filter;
}

/* ---- pins and identities ---- */

static enum status pin_of(const X509 *certificate, struct tls_pin *out)
{
    unsigned char *der = NULL;
    int len = certificate ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der) : -1;
    unsigned int size = 0;
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, out->sha256, &size, EVP_sha256(), NULL) == 1;

    OPENSSL_free(der);
    return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status tls_peer_pin(const struct tls *self, struct tls_pin *out)
{
    X509 *certificate = SSL_get0_peer_certificate(self->ssl);

    if (certificate)
        return pin_of(certificate, out);
    if (!self->has_seen)
        return STATUS_NOT_FOUND;
    *out = self->seen;
    return STATUS_OK;
}

enum status tls_file_pin(const char *certificate_file, struct tls_pin *out, struct fault *fault)
{
    errno = 0;
    BIO *file = BIO_new_file(certificate_file, "r");
    X509 *certificate = file ? PEM_read_bio_X509(file, NULL, NULL, NULL) : NULL;
    enum status status = certificate ? pin_of(certificate, out) : STATUS_IO;

    if (!certificate)
        status = file_fault(fault, certificate_file, "certificate");
    else if (status != STATUS_OK)
        status = openssl_fault(fault, status, certificate_file);

    X509_free(certificate);
    BIO_free(file);
    return status;
}
