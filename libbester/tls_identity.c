/* Making a certificate of one's own. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libbester/tls.h"

enum { YEARS = 100, SERIAL_BYTES = 16 };

static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_BYTES];
    BIGNUM *number;
    bool ok;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] &= 0x7F; /* positive */
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return ok;
}

static bool set_names(X509 *certificate, const char *name)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    char alternative[300];
    X509_EXTENSION *extension;
    bool ok;

    snprintf(alternative, sizeof(alternative), "DNS:%.250s", name);
    if (X509_NAME_add_entry_by_txt(
            subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) != 1 ||
        X509_set_issuer_name(certificate, subject) != 1)
        return false;
    extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternative);
    /* A name that is no host's name has no place there, and needs none. */
    ok = !extension || X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static X509 *make_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();

    if (certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
        set_serial(certificate) && X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) &&
        X509_time_adj_ex(X509_getm_notAfter(certificate), YEARS * 365, 0, NULL) &&
        X509_set_pubkey(certificate, key) == 1 && set_names(certificate, name) &&
        X509_sign(certificate, key, NULL) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* Never over a file that is there: somebody may rely on it. */
static FILE *create(const char *file, mode_t mode)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;

    if (fd >= 0 && !stream)
        close(fd);
    return stream;
}

static bool finish(FILE *stream, bool ok)
{
    ok = ok && fflush(stream) == 0 && fsync(fileno(stream)) == 0;
    return fclose(stream) == 0 && ok;
}

static enum status write_both(const char *certificate_file, X509 *certificate, const char *key_file,
    EVP_PKEY *key, struct fault *fault)
{
    FILE *stream = create(key_file, 0600);

    if (!stream)
        return fault_set(fault, STATUS_IO, 0, "%s: %s", key_file, strerror(errno));
    if (!finish(stream, PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1)) {
        unlink(key_file);
        return fault_set(fault, STATUS_IO, 0, "%s: cannot be written", key_file);
    }
    stream = create(certificate_file, 0644);
    if (!stream || !finish(stream, PEM_write_X509(stream, certificate) == 1)) {
        enum status status =
            fault_set(fault, STATUS_IO, 0, "%s: %s", certificate_file, strerror(errno));

        if (stream)
            unlink(certificate_file);
        unlink(key_file);
        return status;
    }
    return STATUS_OK;
}

/* Beside the file first: who finds the file finds all of it. */
static enum status write_file(
    const char *file, X509 *certificate, EVP_PKEY *key, struct fault *fault)
{
    char beside[PATH_MAX];

    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", file) >= (int)sizeof(beside))
        return fault_set(fault, STATUS_IO, 0, "%.100s…: the path is too long", file);
    int fd = mkostemp(beside, O_CLOEXEC); /* of mode 0600 */
    FILE *stream = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!stream) {
        enum status status = fault_set(fault, STATUS_IO, 0, "%s: %s", beside, strerror(errno));

        if (fd >= 0) {
            close(fd);
            unlink(beside);
        }
        return status;
    }
    bool ok = finish(stream, PEM_write_PrivateKey(stream, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                                 PEM_write_X509(stream, certificate) == 1);
    if (ok && link(beside, file) != 0 && errno != EEXIST)
        ok = false;
    enum status status =
        ok ? STATUS_OK : fault_set(fault, STATUS_IO, 0, "%s: %s", file, strerror(errno));
    unlink(beside);
    return status;
}

enum status tls_make_identity_file(const char *file, const char *name, struct fault *fault)
{
    if (access(file, F_OK) == 0)
        return STATUS_OK;
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *certificate = key ? make_certificate(key, name) : NULL;
    enum status status =
        certificate ? write_file(file, certificate, key, fault)
                    : fault_set(fault, STATUS_NO_MEMORY, 0, "a certificate could not be made");

    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}

enum status tls_make_identity(
    const char *certificate_file, const char *key_file, const char *name, struct fault *fault)
{
    bool have_certificate = access(certificate_file, F_OK) == 0;
    bool have_key = access(key_file, F_OK) == 0;

    if (have_certificate && have_key)
        return STATUS_OK;
    if (have_certificate || have_key)
        return fault_set(fault, STATUS_IO, 0, "%.100s is there, but %.100s is not",
            have_key ? key_file : certificate_file, have_key ? certificate_file : key_file);
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    X509 *certificate = key ? make_certificate(key, name) : NULL;
    enum status status =
        certificate ? write_both(certificate_file, certificate, key_file, key, fault)
                    : fault_set(fault, STATUS_NO_MEMORY, 0, "a certificate could not be made");

    X509_free(certificate);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}
