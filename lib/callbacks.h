/*
 * callbacks.h - what the engine calls in lib.
 */
#ifndef WAZERO_LIB_CALLBACKS_H
#define WAZERO_LIB_CALLBACKS_H

#include "engine_abi.h"

/* The callbacks to hand to the engine, static. */
const wz_callbacks *wazero__callbacks(void);

#endif
