/*
 * identity.h - what a deterministic guest is told of files in place of what the host
 * happens to have: numbers in the order in which it sees them, one device, one time,
 * and directories of no size.
 *
 * Files are told apart as the host tells them: by device and number. One that the guest
 * deletes is forgotten, so that whether the host uses its number again does not show.
 * It belongs to the thread inside the module, as all of WASI's state.
 */
#ifndef WAZERO_LIB_WASI_IDENTITY_H
#define WAZERO_LIB_WASI_IDENTITY_H

#include "wasi/fs.h"

typedef struct wazero__identities wazero__identities_t;

wazero__identities_t *wazero__identities_new(void); /* NULL without memory */
void wazero__identities_delete(wazero__identities_t *identities); /* NULL is fine */

/* Makes of what stat tells what the guest is told. Errors: NOMEM, also when the guest
 * has seen more files than are kept. */
wazero__errno_t wazero__identities_fix(wazero__identities_t *identities,
                                       wazero__stat_t *stat);

/* The file is gone, if this was its last name (or all names are gone already). */
void wazero__identities_forget(wazero__identities_t *identities,
                               const wazero__stat_t *stat);

#endif
