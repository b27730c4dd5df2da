// Package main is the engine library of libwazero: wazero behind a C interface.
//
// This file holds nothing but the exports that lib/engine_abi.h declares. Each converts
// its arguments, calls the function of the same name that takes Go types, and converts
// what comes back; guard turns a panic on the way into an error of kind INTERNAL. The
// other files have one object of the interface each. There is no policy here: what may
// be called when, and what an error means to a user, lib decides.
package main

/*
#include "../lib/engine_abi.h"
*/
import "C"

import (
	"bytes"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

func main() {}

//export wz_abi_version
func wz_abi_version() C.uint32_t { return C.WZ_ABI_VERSION }

//export wz_start
func wz_start(given *C.wz_callbacks) {
	defer quiet()
	setCallbacks(unsafe.Pointer(given))
}

//export wz_collect
func wz_collect() {
	defer quiet()
	collectGarbage()
}

//export wz_direct_layout
func wz_direct_layout(returnStub C.uintptr_t, layout *C.wz_layout) (ok C.bool) {
	defer quiet()
	l, err := useDirectLayout(uintptr(returnStub))
	if err != nil {
		return false
	}
	*layout = C.wz_layout{
		exit_code:                    C.uint32_t(l.context.exitCode),
		caller_module_context:        C.uint32_t(l.context.callerModuleContext),
		original_frame_pointer:       C.uint32_t(l.context.originalFramePointer),
		original_stack_pointer:       C.uint32_t(l.context.originalStackPointer),
		go_return_address:            C.uint32_t(l.context.goReturnAddress),
		stack_bottom:                 C.uint32_t(l.context.stackBottom),
		go_call_return_address:       C.uint32_t(l.context.goCallReturnAddress),
		stack_pointer_before_go_call: C.uint32_t(l.context.stackPointerBeforeGoCall),
		callee_module_context:        C.uint32_t(l.context.calleeModuleContext),
		frame_pointer_before_go_call: C.uint32_t(l.context.framePointerBeforeGoCall),
		unreachable:                  C.uint8_t(l.exitCodes["unreachable"]),
		functions:                    hostFunctionsOffset,
		function_type:                C.uintptr_t(l.functionType),
		module_hooks:                 C.uint32_t(l.moduleHooks),
		memmove:                      C.uintptr_t(l.memmove),
		memmove_size:                 C.uintptr_t(l.memmoveSize),
	}
	for i, kind := range l.exits {
		layout.exits[i] = C.uint8_t(kind)
	}
	return true
}

//export wz_engine_version
func wz_engine_version() *C.char {
	defer quiet()
	text, _ := newText(engineVersion())
	return (*C.char)(text)
}

//export wz_compiler_supported
func wz_compiler_supported() C.bool {
	defer quiet()
	return C.bool(compilerSupports(api.CoreFeaturesV2))
}

//export wz_code_version
func wz_code_version() *C.char {
	defer quiet()
	version, err := codeVersion()
	if err != nil {
		return nil
	}
	text, _ := newText(version)
	return (*C.char)(text)
}

//export wz_digest
func wz_digest(data unsafe.Pointer, size C.size_t, salt unsafe.Pointer, saltSize C.size_t, sum *C.uint8_t) {
	defer quiet()
	key := digest(unsafe.Slice((*byte)(data), int(size)), unsafe.Slice((*byte)(salt), int(saltSize)))
	copy(unsafe.Slice((*byte)(sum), len(key)), key[:])
}

//export wz_cache_new
func wz_cache_new(folder C.wz_string, cache *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := cacheNew(goString(folder))
	return deliver(h, f, cache, failed)
}

//export wz_cache_find
func wz_cache_find(cache C.wz_handle, key *C.uint8_t) C.wz_handle {
	defer quiet()
	return C.wz_handle(cacheFind(handle(cache), keyAt(key)))
}

//export wz_entry_close
func wz_entry_close(entry C.wz_handle) {
	defer quiet()
	entryClose(handle(entry))
}

//export wz_cache_close
func wz_cache_close(cache C.wz_handle) {
	defer quiet()
	cacheClose(handle(cache))
}

//export wz_runtime_new
func wz_runtime_new(config *C.wz_runtime_config, runtime *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := runtimeNew(runtimeConfig{
		engine:           engineKind(config.engine),
		memoryLimitPages: uint32(config.memory_limit_pages),
		features:         uint64(config.features),
		cache:            handle(config.cache),
		debugInfo:        bool(config.debug_info),
		capacityFromMax:  bool(config.memory_capacity_from_max),
	})
	return deliver(h, f, runtime, failed)
}

//export wz_runtime_close
func wz_runtime_close(runtime C.wz_handle, exitCode C.uint32_t) {
	defer quiet()
	runtimeClose(handle(runtime), uint32(exitCode))
}

//export wz_runtime_compile
func wz_runtime_compile(runtime C.wz_handle, given *C.wz_compilation, compiled *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := runtimeCompile(handle(runtime), &compileTask{
		binary:    unsafe.Slice((*byte)(given.wasm), int(given.size)),
		workers:   int(given.workers),
		key:       keyAt(given.key),
		entry:     handle(given.entry),
		lines:     bool(given.lines),
		listening: goListening(given.listening),
	})
	return deliver(h, f, compiled, failed)
}

//export wz_compiled_close
func wz_compiled_close(compiled C.wz_handle) {
	defer quiet()
	compiledClose(handle(compiled))
}

//export wz_host_module_new
func wz_host_module_new(runtime C.wz_handle, name C.wz_string, functions *C.wz_host_function, count C.size_t, listening *C.wz_listening, module *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	list := make([]hostFunctionDefinition, count)
	for i, given := range unsafe.Slice(functions, int(count)) {
		list[i] = hostFunctionDefinition{
			name:     goString(given.name),
			params:   bytes.Clone(unsafe.Slice((*byte)(given.params), int(given.param_count))),
			results:  bytes.Clone(unsafe.Slice((*byte)(given.results), int(given.result_count))),
			function: uintptr(given.function),

			debugName:   goString(given.debug_name),
			paramNames:  goStrings(given.param_names, given.param_count),
			resultNames: goStrings(given.result_names, given.result_count),
		}
	}
	h, f := hostModuleNew(handle(runtime), goString(name), list, goListening(listening))
	return deliver(h, f, module, failed)
}

//export wz_wasi_new
func wz_wasi_new(runtime C.wz_handle, name C.wz_string, listening *C.wz_listening, module *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := wasiNew(handle(runtime), goString(name), goListening(listening))
	return deliver(h, f, module, failed)
}

//export wz_module_new
func wz_module_new(runtime, compiled C.wz_handle, config *C.wz_module_config, module *C.wz_handle, place *C.wz_place, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	converted := moduleConfig{
		user: uintptr(config.user),
		sources: sources{
			walltime:           sourceKind(config.walltime),
			walltimeResolution: uint32(config.walltime_resolution),
			nanotime:           sourceKind(config.nanotime),
			nanotimeResolution: uint32(config.nanotime_resolution),
			random:             sourceKind(config.random),
			nanosleep:          bool(config.nanosleep),
			osyield:            bool(config.osyield),
		},
	}
	for _, given := range unsafe.Slice(config.imports, int(config.import_count)) {
		converted.imports = append(converted.imports,
			moduleImport{name: goString(given.name), module: handle(given.module)})
	}
	for _, given := range unsafe.Slice(config.args, int(config.arg_count)) {
		converted.args = append(converted.args, goString(given))
	}
	for _, given := range unsafe.Slice(config.environment, int(config.environment_count)) {
		converted.environment = append(converted.environment,
			variable{key: goString(given.key), value: goString(given.value)})
	}
	for i, given := range config.streams {
		converted.streams[i] = stream{
			kind: streamKind(given.kind), fd: int32(given.fd), user: uintptr(given.user),
		}
	}
	for _, given := range unsafe.Slice(config.mounts, int(config.mount_count)) {
		converted.mounts = append(converted.mounts, mount{
			host: goString(given.host), guest: goString(given.guest), readOnly: bool(given.read_only),
		})
	}
	listeners := unsafe.Slice(config.listeners, int(config.listener_count))
	for _, given := range listeners {
		converted.listeners = append(converted.listeners, listener{
			host: goString(given.host), port: int(given.port),
		})
	}
	h, f := moduleNew(handle(runtime), handle(compiled), &converted)
	if f == nil {
		for i := range listeners {
			address := converted.listeners[i].address
			listeners[i].bound_port = C.uint16_t(address.Port)
			host := unsafe.Slice((*byte)(unsafe.Pointer(&listeners[i].bound_host)), len(listeners[i].bound_host))
			host[copy(host[:len(host)-1], hostOf(address))] = 0
		}
		p := placeOf(h)
		*place = C.wz_place{
			context: C.uintptr_t(p.context), code: C.uintptr_t(p.code), code_size: C.uintptr_t(p.codeSize),
		}
	}
	return deliver(h, f, module, failed)
}

//export wz_module_close
func wz_module_close(module C.wz_handle, exitCode C.uint32_t) {
	defer quiet()
	moduleClose(handle(module), uint32(exitCode))
}

//export wz_module_release
func wz_module_release(module C.wz_handle) {
	defer quiet()
	moduleRelease(handle(module))
}

//export wz_module_load_places
func wz_module_load_places(module C.wz_handle) {
	defer quiet()
	moduleLoadPlaces(handle(module))
}

//export wz_function_new
func wz_function_new(module C.wz_handle, index C.uint32_t, function *C.wz_handle, entry *C.wz_entry, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := functionNew(handle(module), uint32(index))
	if f == nil {
		e := entryOf(h)
		entry.preamble = C.uintptr_t(e.preamble)
		entry.executable = C.uintptr_t(e.executable)
		entry.execution_context = C.uintptr_t(e.executionContext)
		entry.module_context = C.uintptr_t(e.moduleContext)
		// As a number: a pointer would have the collector look at what C had there.
		*(*uintptr)(unsafe.Pointer(&entry.stack_top)) = e.stackTop
	}
	return deliver(h, f, function, failed)
}

//export wz_function_call
func wz_function_call(function C.wz_handle, stack *C.uint64_t, slotCount C.size_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	f := functionCall(handle(function), unsafe.Slice((*uint64)(stack), int(slotCount)))
	if f != nil {
		fill(failed, f)
		return false
	}
	return true
}

//export wz_function_call_with_snapshots
func wz_function_call_with_snapshots(function C.wz_handle, stack *C.uint64_t, slotCount C.size_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	f := functionCallWithSnapshots(handle(function), unsafe.Slice((*uint64)(stack), int(slotCount)))
	if f != nil {
		fill(failed, f)
		return false
	}
	return true
}

//export wz_snapshot_new
func wz_snapshot_new(function C.wz_handle, taken *C.wz_handle, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	h, f := snapshotNew(handle(function))
	return deliver(h, f, taken, failed)
}

//export wz_snapshot_release
func wz_snapshot_release(taken C.wz_handle) {
	defer quiet()
	snapshotRelease(handle(taken))
}

//export wz_function_step
func wz_function_step(function C.wz_handle, stack *C.uint64_t, slotCount C.size_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	f := functionStep(handle(function), unsafe.Slice((*uint64)(stack), int(slotCount)))
	if f != nil {
		fill(failed, f)
		return false
	}
	return true
}

//export wz_function_release
func wz_function_release(function C.wz_handle) {
	defer quiet()
	functionRelease(handle(function))
}

//export wz_frame_next
func wz_frame_next(walk C.wz_handle, next *C.wz_frame) (ok C.bool) {
	defer quiet()
	f := stackNext(handle(walk))
	if f == nil {
		return false
	}
	text, size := newText(string(f.function))
	*next = C.wz_frame{
		function: (*C.char)(text), function_size: C.size_t(size),
		program_counter: C.uint64_t(f.programCounter), source_offset: C.uint64_t(f.offset),
	}
	return true
}

//export wz_note_release
func wz_note_release(note C.wz_handle) {
	defer quiet()
	noteRelease(handle(note))
}

//export wz_memory_grow
func wz_memory_grow(module C.wz_handle, delta C.uint32_t) (pages C.int64_t) {
	pages = -1 // what a panic leaves
	defer quiet()
	pages = C.int64_t(memoryGrow(handle(module), uint32(delta)))
	return pages
}

//export wz_function_reference
func wz_function_reference(module C.wz_handle, index C.uint32_t, reference *C.uint64_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	made, f := functionReference(handle(module), uint32(index))
	return answer(C.uint64_t(made), f, reference, failed)
}

//export wz_reference_resolve
func wz_reference_resolve(module C.wz_handle, reference C.uint64_t, place *C.wz_function_place, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	p, f := referenceResolve(handle(module), uintptr(reference))
	return answer(C.wz_function_place{
		module: C.uintptr_t(p.user), host: C.uintptr_t(p.host),
		index: C.uint32_t(p.index), _type: C.uint32_t(p.typeID),
	}, f, place, failed)
}

//export wz_references_mark
func wz_references_mark(modules *C.wz_handle, count C.size_t, marks *C.uint8_t, size C.size_t, places *C.uint64_t) (all C.bool) {
	defer quiet()
	looked, found := referencesMark(unsafe.Slice((*handle)(modules), int(count)), unsafe.Slice((*byte)(marks), int(size)))
	*places = C.uint64_t(looked)
	return C.bool(found)
}

//export wz_signature_types
func wz_signature_types(module C.wz_handle, index C.uint32_t, types *C.wz_reference_type, count C.size_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	found, f := signatureTypes(handle(module), uint32(index))
	if f == nil && len(found) != int(count) {
		f = internal("type %d has %d types, not %d", uint32(index), len(found), int(count))
	}
	if f != nil {
		fill(failed, f)
		return false
	}
	for i, t := range found {
		unsafe.Slice(types, int(count))[i] = convertType(t)
	}
	return true
}

//export wz_table_type
func wz_table_type(module C.wz_handle, index C.uint32_t, element *C.wz_reference_type, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	t, f := tableType(handle(module), uint32(index))
	return answer(convertType(t), f, element, failed)
}

//export wz_table_size
func wz_table_size(module C.wz_handle, index C.uint32_t, size *C.uint32_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	elements, f := tableSize(handle(module), uint32(index))
	return answer(C.uint32_t(elements), f, size, failed)
}

//export wz_table_get
func wz_table_get(module C.wz_handle, index, element C.uint32_t, reference *C.uint64_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	at, f := tableElement(handle(module), uint32(index), uint32(element))
	if f != nil {
		fill(failed, f)
		return false
	}
	*reference = C.uint64_t(*at)
	return true
}

//export wz_table_set
func wz_table_set(module C.wz_handle, index, element C.uint32_t, reference C.uint64_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	at, f := tableElement(handle(module), uint32(index), uint32(element))
	if f != nil {
		fill(failed, f)
		return false
	}
	*at = uintptr(reference)
	return true
}

//export wz_table_grow
func wz_table_grow(module C.wz_handle, index, delta C.uint32_t, reference C.uint64_t, size *C.uint32_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	old, f := tableGrow(handle(module), uint32(index), uint32(delta), uintptr(reference))
	return answer(C.uint32_t(old), f, size, failed)
}

//export wz_global_type
func wz_global_type(module C.wz_handle, index C.uint32_t, value *C.wz_reference_type, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	t, f := globalType(handle(module), uint32(index))
	return answer(convertType(t), f, value, failed)
}

//export wz_global_get
func wz_global_get(module C.wz_handle, index C.uint32_t, slots *C.uint64_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	lower, upper, f := globalGet(handle(module), uint32(index))
	return answer([2]C.uint64_t{C.uint64_t(lower), C.uint64_t(upper)}, f, (*[2]C.uint64_t)(unsafe.Pointer(slots)), failed)
}

//export wz_global_set
func wz_global_set(module C.wz_handle, index C.uint32_t, slots *C.uint64_t, failed *C.wz_error) (ok C.bool) {
	defer guard(&ok, failed)
	halves := (*[2]C.uint64_t)(unsafe.Pointer(slots))
	f := globalSet(handle(module), uint32(index), uint64(halves[0]), uint64(halves[1]))
	if f != nil {
		fill(failed, f)
		return false
	}
	return true
}

// convertType fills a wz_reference_type.
func convertType(t referenceType) C.wz_reference_type {
	return C.wz_reference_type{
		kind: C.uint8_t(t.kind), nullable: C.bool(t.nullable), typed: C.bool(t.typed), _type: C.uint32_t(t.typeID),
	}
}

// answer hands a value or a failure over to C.
func answer[T any](value T, f *failure, out *T, failed *C.wz_error) C.bool {
	if f != nil {
		fill(failed, f)
		return false
	}
	*out = value
	return true
}

// deliver hands a new handle or a failure over to C.
func deliver(h handle, f *failure, out *C.wz_handle, failed *C.wz_error) C.bool {
	return answer(C.wz_handle(h), f, out, failed)
}

// guard is deferred by every export that can report an error. It reports a panic.
func guard(ok *C.bool, failed *C.wz_error) {
	if r := recover(); r != nil {
		*ok = false
		fill(failed, panicked(r))
	}
}

// quiet is deferred by the exports that cannot report an error: closing and releasing,
// after which nobody would know what to do with one.
func quiet() { _ = recover() }

// fill writes a failure where C asked for it.
func fill(failed *C.wz_error, f *failure) {
	text, size := newText(f.message)
	failed.kind = C.int32_t(f.kind)
	failed.exit_code = C.uint32_t(f.exitCode)
	failed.message = (*C.char)(text)
	failed.message_size = C.size_t(size)
}

// goListening is nobody for nil.
func goListening(given *C.wz_listening) *listening {
	if given == nil {
		return nil
	}
	return &listening{
		user: uintptr(given.user), log: bool(given.log),
		hostOnly: bool(given.log_host_only), scopes: uint64(given.log_scopes),
	}
}

// keyAt copies the key of an entry; nil for none.
func keyAt(key *C.uint8_t) *entryKey {
	if key == nil {
		return nil
	}
	copied := *(*entryKey)(unsafe.Pointer(key))
	return &copied
}

// goStrings copies a list of strings of C's; none for NULL.
func goStrings(list *C.wz_string, count C.size_t) (out []string) {
	if list == nil {
		return nil
	}
	for _, s := range unsafe.Slice(list, int(count)) {
		out = append(out, goString(s))
	}
	return out
}

// goString copies a string of C's.
func goString(s C.wz_string) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(s.data)), int(s.size)))
}
