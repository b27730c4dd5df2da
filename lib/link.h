/*
 * link.h - finding what answers a module's imports, and telling the engine.
 *
 * wazero resolves imports by module name alone: all fields of "env" come from one
 * module. Here each field is found for itself: in the host's set, then among the
 * runtime's named modules, then in WASI. Where the fields of one name come from several
 * places, a module is synthesised that imports them and exports them again, which costs
 * a call nothing, for wazero follows re-exports when it links.
 */
#ifndef WAZERO_LIB_LINK_H
#define WAZERO_LIB_LINK_H

#include <stdatomic.h>

#include "engine_abi.h"
#include "host.h"
#include "imports.h"
#include "listener.h"
#include "runtime.h"

/* A module that this one imports from. */
typedef struct {
    wazero_module_t *module; /* a reference */
    bool shares_references;
    bool joins; /* the groups: something but host functions and shared memories */
} wazero__source_t;

/* What a module has of its linking, for as long as it lives. */
typedef struct {
    wazero__source_t *sources;
    size_t source_count;
    wazero__host_t *hosts; /* host functions of the host's set */
    size_t host_count;
    wz_handle
        *helpers; /* the engine's modules made for this one: host and synthesised */
    size_t helper_count;
    wazero__listening_t *listening; /* to the host functions and WASI, or NULL */
    /* WASI with listeners, by its name; they are helpers, too. */
    wz_handle wasi[WAZERO__WASI_NAMES];
    bool shares_references; /* with any source */
    bool needs_wasi;        /* a function of lib's WASI may be called from here */
    atomic_bool given_up;   /* the references on sources that join: see link_give_up */
    wz_import *imports; /* for the engine; names are borrowed from the parsed module */
    size_t import_count;
} wazero__link_t;

/* Links module, of which runtime, compiled and group are set: checks names and types,
 * fills module->link, and takes module->linear from the source of an imported memory.
 * `link` is to be cleared also when this fails. Errors: LINK, CLOSED, MEMORY, those of
 * the engine. */
wazero_error_t *wazero__link(wazero_module_t *module, const wazero_imports_t *imports);

/* Enters the group of module and those of its sources, and makes them one:
 * module->group has then been entered once. Errors: INVALID when waiting would never
 * end. */
wazero_error_t *wazero__link_enter(wazero_module_t *module);

/* Gives back the references on the sources of the same group, of a module that the
 * group keeps: the group keeps them with it. They would keep each other for ever
 * otherwise, for the module would wait for the host to give up sources that the
 * module itself holds. */
void wazero__link_give_up(wazero__link_t *link);

/* Frees what linking made; in_engine says whether the engine may still be called. */
void wazero__link_clear(wazero__link_t *link, bool in_engine);

#endif
