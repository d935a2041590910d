/* The files with keys: made where they are missing, and opened. */
#include <unistd.h>

#include "besterd/identity.h"
#include "besterd/privileges.h"
#include "besterd/server_internal.h"

static bool is_missing(const char *path)
{
    return path && access(path, F_OK) != 0;
}

enum status server_prepare(const struct config *config, struct fault *fault)
{
    struct tls_pin pin;

    privileges_lend(config);
    enum status status = config_make_directories(config, fault);
    if (status == STATUS_OK && config_has_pinned(config) && is_missing(config->identity_path))
        status = identity_make(config, IDENTITY_NOW, &pin, fault);
    if (status == STATUS_OK && config->self_signed && is_missing(config->certificate_path))
        status = tls_make_identity(
            config->certificate_path, config->key_path, config->server_name, fault);
    privileges_regain(config);
    return status;
}

enum status server_open_tls(
    struct tls_context **out, const struct config *config, struct fault *fault)
{
    enum status status = STATUS_OK;

    if (!config->certificate_path)
        return STATUS_OK;
    if (config->self_signed)
        status = tls_make_identity(
            config->certificate_path, config->key_path, config->server_name, fault);
    if (status != STATUS_OK)
        return status;
    identity_watch_over(config->key_path);
    return tls_context_new(out,
        &(struct tls_options){.server = true,
            .certificate_file = config->certificate_path,
            .key_file = config->key_path,
            .trust = TLS_TRUST_NOBODY},
        fault);
}
