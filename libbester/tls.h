/*
 * tls: TLS 1.3 as a filter (filter.h) of a stream. The only user of OpenSSL.
 *
 * A struct tls_context holds what many connections share (certificate, key, whom
 * to trust); connections keep a reference, so that it may be replaced while they
 * live. Who a peer is, is told by his pin: SHA-256 of the SubjectPublicKeyInfo of
 * his certificate.
 */
#ifndef BESTER_TLS_H
#define BESTER_TLS_H

#include "libbester/filter.h"
#include "libbester/status.h"

enum { TLS_PIN_BYTES = 32, TLS_PIN_TEXT = 7 + 2 * TLS_PIN_BYTES + 1 };

struct tls_pin {
    unsigned char sha256[TLS_PIN_BYTES];
};

/* "sha256:" and 64 hexadecimal digits. */
const char *tls_pin_format(const struct tls_pin *pin, char out[TLS_PIN_TEXT]);
MUST_CHECK enum status tls_pin_parse(struct tls_pin *out, struct span text, struct fault *fault);
bool tls_pin_equal(const struct tls_pin *a, const struct tls_pin *b);

/* Makes a self-signed Ed25519 certificate of 100 years for name and its key, as
 * PEM files (the key 0600). Files that are there already are left alone and
 * STATUS_OK is returned if both are. STATUS_IO: *fault says why. */
MUST_CHECK enum status tls_make_identity(
    const char *certificate_file, const char *key_file, const char *name, struct fault *fault);
/* The same, both in one file of mode 0600 that is there whole or not at all. A file
 * that is there already is left alone: STATUS_OK. */
MUST_CHECK enum status tls_make_identity_file(
    const char *file, const char *name, struct fault *fault);
/* The pin of the first certificate of a PEM file. */
MUST_CHECK enum status tls_file_pin(
    const char *certificate_file, struct tls_pin *out, struct fault *fault);

/* Whom a connection believes the other side to be. */
enum tls_trust {
    TLS_TRUST_AUTHORITIES, /* a certificate for the host's name, signed by a known authority */
    TLS_TRUST_PIN,         /* any certificate; the caller compares tls_peer_pin */
    TLS_TRUST_NOBODY       /* a server that asks for no certificate */
};

struct tls_options {
    bool server;
    const char *certificate_file; /* chain, PEM; NULL: none (a client) */
    const char *key_file;
    enum tls_trust trust;
    const char *authorities_file; /* PEM; NULL: the system's */
};

struct tls_context;

/* STATUS_IO or STATUS_INVALID: *fault says which file and why. */
MUST_CHECK enum status tls_context_new(
    struct tls_context **out, const struct tls_options *options, struct fault *fault);
struct tls_context *tls_context_ref(struct tls_context *self);
void tls_context_unref(struct tls_context *self); /* NULL is legal */

struct tls;

/* A connection. host: for a client, the name to ask for and, with
 * TLS_TRUST_AUTHORITIES, to check; else NULL. NULL: out of memory. */
struct tls *tls_new(struct tls_context *context, const char *host);
void tls_free(struct tls *self); /* NULL is legal; only while no stream owns it */

/* With TLS_TRUST_PIN: who is asked in the middle of the handshake whether the peer with
 * that pin is known; an answer of no ends it with an alert, and the pin can still be
 * asked for. The peer has not proved yet that the key is his: on_secured tells. */
typedef bool tls_knows(const struct tls_pin *pin, void *user);
void tls_set_judge(struct tls *self, tls_knows *knows, void *user);

/* For stream_options; the stream then owns the connection. */
struct filter *tls_filter(struct tls *self);

/* Also of one that was not believed. STATUS_NOT_FOUND: the peer showed no
 * certificate. */
MUST_CHECK enum status tls_peer_pin(const struct tls *self, struct tls_pin *out);

#endif
