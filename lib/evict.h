/*
 * evict.h - keeping the files of a cache within a limit.
 */
#ifndef WAZERO_LIB_EVICT_H
#define WAZERO_LIB_EVICT_H

#include <stdint.h>

/* Notes that the file is used now; where that cannot be noted, nothing happens. */
void wazero__evict_touch(const char *path);

/* Removes files in the folders of the cache's directory, those of other versions too,
 * that were not used for longest, until all together have at most `limit` bytes, but
 * not the one at `keep`; and folders that are empty then, but for the one that has it.
 * What cannot be read or removed stays. */
void wazero__evict(const char *directory, const char *keep, uint64_t limit);

#endif
