/*
 * lines.h - source lines in stack traces.
 *
 * Go gets no DWARF of a module's, only a mark that it puts behind each place in its
 * traces (parse_rewrite.c). Here marks become lines. Nothing of this runs, and no DWARF
 * is looked at, before there is a trace.
 */
#ifndef WAZERO_LIB_LINES_H
#define WAZERO_LIB_LINES_H

#include "engine_abi.h"
#include "module.h"

/* Before the engine is asked for a trace: sees to it that the engine has the places of
 * the code that the calling thread may be in. */
void wazero__lines_prepare(const wazero_module_t *module);

/* Puts source lines into the message of an error that a call of the module ended with,
 * or takes the marks out. The message stays in C's malloc. */
void wazero__lines_resolve(const wazero_module_t *module, wz_error *failure);

/* Tells the names of modules and of functions in the frames of such an error apart,
 * also where the module's has dots. */
void wazero__lines_split(const wazero_module_t *module, wazero_error_t *error);

#endif
