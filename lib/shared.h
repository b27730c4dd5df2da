/*
 * shared.h - a pointer of the host's that comes with a function to delete it, shared by
 * reference: a configuration has it, and each module made from that.
 *
 * Immutable; deleted with the last reference, by whichever thread gives that back.
 */
#ifndef WAZERO_LIB_SHARED_H
#define WAZERO_LIB_SHARED_H

typedef struct wazero__shared wazero__shared_t;

/* One reference. Without memory NULL, and user has been deleted. delete_user may be
 * NULL. */
wazero__shared_t *wazero__shared_new(void *user, void (*delete_user)(void *user));

wazero__shared_t *wazero__shared_retain(wazero__shared_t *shared); /* NULL is fine */
void wazero__shared_release(wazero__shared_t *shared);             /* NULL is fine */

/* The pointer; NULL of NULL. */
void *wazero__shared_user(const wazero__shared_t *shared);

#endif
