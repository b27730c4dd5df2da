/*
 * spectest.h - the module "spectest" of the official suite, made by the host.
 */
#ifndef WAZERO_TESTS_SPECTEST_H
#define WAZERO_TESTS_SPECTEST_H

#include "wazero.h"

/* Adds to imports, as module "spectest", what the module of that name has that wazero
 * ships with the suite: functions that ignore what they are given, four globals, a
 * table and a memory. */
wazero_error_t *spectest_add(wazero_runtime_t *runtime, wazero_imports_t *imports);

#endif
