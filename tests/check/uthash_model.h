/*
 * uthash_model: what HASH_DELETE and DL_DELETE do, in words that a static
 * analyser follows. It loses the thread in the real macros, and takes the
 * element after the deleted one for freed. Only tests/check/tidy includes this; it is never linked.
 */
#ifndef BESTER_UTHASH_MODEL_H
#define BESTER_UTHASH_MODEL_H

#include <uthash.h>
#include <utlist.h>

/* The head of the table or list without this element. */
void *uthash_model_delete(void *head, void *element);

#undef HASH_DELETE
#define HASH_DELETE(hh, head, element) ((head) = uthash_model_delete((head), (element)))

#undef DL_DELETE2
#define DL_DELETE2(head, element, prev, next) ((head) = uthash_model_delete((head), (element)))

#undef DL_DELETE
#define DL_DELETE(head, element) ((head) = uthash_model_delete((head), (element)))

#endif
