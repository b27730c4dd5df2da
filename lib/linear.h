/*
 * linear.h - the bytes of a linear memory: address space that lib reserves for a
 * memory's maximum, committed as the memory grows, so that its base does not move.
 *
 * Owners, each with a reference: the module that defines the memory, every module that
 * imports it, handles and views, and Go, which gives its own back from a cleanup. The
 * range is unmapped when the last is gone; the pages go back to the system earlier,
 * when no open module and no view uses them. Sizes change only inside the module's
 * group; everything else may be read from any thread.
 *
 * Where RLIMIT_AS limits the address space a memory reserves a small part of what is
 * left and moves when it grows out of that, unless a view pins it; some is never taken.
 */
#ifndef WAZERO_LIB_LINEAR_H
#define WAZERO_LIB_LINEAR_H

#include "wazero.h"

typedef struct wazero__linear wazero__linear_t;

/* Reserves room for maximum bytes, or for less where the address space is limited, but
 * for capacity bytes at least; more than limit is always refused. One reference, one
 * user. NULL without memory. */
wazero__linear_t *wazero__linear_new(uint64_t capacity, uint64_t maximum,
                                     uint64_t limit);

/* Sets the size in bytes, which never shrinks, and returns the base; NULL when the
 * limit does not allow it, the system refuses, or it would have to move while a view
 * exists. */
uint8_t *wazero__linear_resize(wazero__linear_t *linear, uint64_t size);

uint8_t *wazero__linear_base(const wazero__linear_t *linear);
size_t wazero__linear_size(const wazero__linear_t *linear);

/* Copies bytes out of the memory or into it; false if the range is not inside. */
bool wazero__linear_read(wazero__linear_t *linear, uint64_t offset, void *buffer,
                         size_t size);
bool wazero__linear_write(wazero__linear_t *linear, uint64_t offset, const void *buffer,
                          size_t size);

wazero__linear_t *wazero__linear_retain(wazero__linear_t *linear);
void wazero__linear_release(wazero__linear_t *linear); /* NULL is fine */

/* A module that uses the memory opens or closes; the last to close returns the
 * pages. */
void wazero__linear_use(wazero__linear_t *linear);
void wazero__linear_unuse(wazero__linear_t *linear);

/* A view begins or ends; it holds a reference and pins the base. */
void wazero__linear_pin(wazero__linear_t *linear);
void wazero__linear_unpin(wazero__linear_t *linear);

#endif
