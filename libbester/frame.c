#include "libbester/frame.h"

#include <assert.h>
#include <string.h>

enum pull frame_next(const char *at, size_t avail, size_t max_payload, struct span *payload,
    size_t *consumed, size_t *need)
{
    if (avail < FRAME_HEADER_BYTES) {
        *need = 0;
        return PULL_MORE;
    }
    const unsigned char *length = (const unsigned char *)at;
    uint32_t bytes = (uint32_t)length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 |
                     (uint32_t)length[3] << 24;
    if (bytes > max_payload) {
        *need = bytes;
        return PULL_BAD;
    }
    if (avail - FRAME_HEADER_BYTES < bytes) {
        *need = FRAME_HEADER_BYTES + (size_t)bytes;
        return PULL_MORE;
    }
    *payload = (struct span){.at = at + FRAME_HEADER_BYTES, .len = bytes};
    *consumed = FRAME_HEADER_BYTES + (size_t)bytes;
    return PULL_READY;
}

bool frame_is_tls(const char *at, size_t avail)
{
    enum { ALERT = 0x15, HANDSHAKE = 0x16, MAJOR = 3, MINOR_MAX = 4, BODY_AT = 5 };
    const unsigned char *record = (const unsigned char *)at;

    return avail > BODY_AT && (record[0] == ALERT || record[0] == HANDSHAKE) &&
           record[1] == MAJOR && record[2] <= MINOR_MAX && record[BODY_AT] < '\t';
}

void frame_put_header(char out[FRAME_HEADER_BYTES], uint32_t payload_bytes)
{
    for (int i = 0; i < FRAME_HEADER_BYTES; i++)
        out[i] = (char)(payload_bytes >> (8 * i) & 0xFF);
}

void parts_init(struct parts *self)
{
    /* at[] stays as it is: most lists use few of its places. */
    self->count = 0;
    self->bytes = 0;
}

void parts_add(struct parts *self, struct span span)
{
    assert(self->count < PARTS_MAX);
    self->at[self->count++] = span;
    /* A sum that would wrap can't be sent either; parts_copy refuses it. */
    self->bytes = span.len > SIZE_MAX - self->bytes ? SIZE_MAX : self->bytes + span.len;
}

void parts_add_text(struct parts *self, const char *text)
{
    parts_add(self, span_of(text));
}

/* A blob of header_bytes that are left open, then all parts. */
static struct blob *parts_copy(const struct parts *self, size_t header_bytes)
{
    if (self->bytes > SIZE_MAX - header_bytes)
        return NULL;
    struct blob *blob = blob_new(header_bytes + self->bytes);
    if (blob == NULL)
        return NULL;
    char *to = blob->data + header_bytes;
    for (size_t i = 0; i < self->count; i++) {
        if (self->at[i].len == 0)
            continue;
        memcpy(to, self->at[i].at, self->at[i].len);
        to += self->at[i].len;
    }
    return blob;
}

struct blob *parts_frame(const struct parts *self)
{
    if (self->bytes > UINT32_MAX)
        return NULL;
    struct blob *blob = parts_copy(self, FRAME_HEADER_BYTES);
    if (blob != NULL)
        frame_put_header(blob->data, (uint32_t)self->bytes);
    return blob;
}

struct blob *parts_blob(const struct parts *self)
{
    return parts_copy(self, 0);
}

struct blob *frame_of(struct span payload)
{
    struct parts parts;
    parts_init(&parts);
    parts_add(&parts, payload);
    return parts_frame(&parts);
}
