package main

// This file is the way from Go into lib: for each member of wz_callbacks a trampoline in
// C, which calls the function pointer, and a Go function variable, which calls the
// trampoline. The rest of the engine uses the variables only, so that tests can put Go
// functions in their place. Nothing in this file may be exported to C, for a file with
// exports must not define C functions.

/*
#include <stdlib.h>
#include "../lib/engine_abi.h"

static wz_callbacks callbacks;

// What host_call reports, by value: Go would have to allocate for output parameters.
typedef struct {
    int32_t status;
    uint32_t exit_code;
    wz_string message;
} wz_outcome;

static void set_callbacks(const wz_callbacks *given) { callbacks = *given; }

static wz_outcome host_call(uintptr_t function, uintptr_t caller, uint64_t *stack)
{
    wz_outcome outcome = {0, 0, {NULL, 0}};
    outcome.status = callbacks.host_call(function, caller, stack, &outcome.message,
                                         &outcome.exit_code);
    return outcome;
}

static uintptr_t memory_new(uintptr_t module, uint64_t capacity, uint64_t maximum)
{
    return callbacks.memory_new(module, capacity, maximum);
}

static uint8_t *memory_reallocate(uintptr_t memory, uint64_t size)
{
    return callbacks.memory_reallocate(memory, size);
}

static void memory_release(uintptr_t memory) { callbacks.memory_release(memory); }

static void module_closed(uintptr_t module, uint32_t exit_code)
{
    callbacks.module_closed(module, exit_code);
}

static uintptr_t listener_wants(uintptr_t listeners, const char *function, size_t size,
                                bool logged)
{
    return callbacks.listener_wants(listeners, (wz_string){function, size}, logged);
}

static wz_outcome listener_before(uintptr_t function, uintptr_t module,
                                  uint64_t *params, wz_handle walk, const char *line,
                                  size_t size, wz_handle note)
{
    wz_outcome outcome = {0, 0, {NULL, 0}};
    outcome.status = callbacks.listener_before(function, module, params, walk,
                                               (wz_string){line, size}, note,
                                               &outcome.message, &outcome.exit_code);
    return outcome;
}

static wz_handle listener_note(uintptr_t function)
{
    return callbacks.listener_note(function);
}

static wz_outcome listener_after(uintptr_t function, uintptr_t module,
                                 uint64_t *results, const char *line, size_t size)
{
    wz_outcome outcome = {0, 0, {NULL, 0}};
    outcome.status =
        callbacks.listener_after(function, module, results, (wz_string){line, size},
                                 &outcome.message, &outcome.exit_code);
    return outcome;
}

static int64_t stream_read(uintptr_t user, uint8_t *buffer, uint64_t size)
{
    return callbacks.stream_read(user, buffer, size);
}

static int64_t stream_write(uintptr_t user, const uint8_t *buffer, uint64_t size)
{
    return callbacks.stream_write(user, buffer, size);
}

static bool ask(uintptr_t module, int32_t what, uint64_t number, uint8_t *buffer,
                int64_t *answer)
{
    return callbacks.ask(module, what, number, buffer, answer);
}

// C.malloc of cgo ends the process when memory runs out; this one returns NULL.
static void *allocate(size_t size) { return malloc(size); }
*/
import "C"

import "unsafe"

// What host_call can answer; see wz_callbacks.
const (
	hostGoOn = 0
	hostFail = 1
	hostExit = 2
	hostBack = 3
)

// outcome is what a callback reports that can end a call.
func outcome(o C.wz_outcome) (status int32, message string, exitCode uint32) {
	if o.status == hostFail || o.status == hostBack {
		message = string(unsafe.Slice((*byte)(unsafe.Pointer(o.message.data)), int(o.message.size)))
	}
	return int32(o.status), message, uint32(o.exit_code)
}

// chars is a text for C, for the time of a callback.
func chars(text []byte) (*C.char, C.size_t) {
	return (*C.char)(unsafe.Pointer(unsafe.SliceData(text))), C.size_t(len(text))
}

// The callbacks, as the rest of the engine sees them.
var (
	callHost = func(function, caller uintptr, stack *uint64) (status int32, message string, exitCode uint32) {
		return outcome(C.host_call(C.uintptr_t(function), C.uintptr_t(caller), (*C.uint64_t)(stack)))
	}
	callListenerWants = func(listeners uintptr, function []byte, logged bool) uintptr {
		data, size := chars(function)
		return uintptr(C.listener_wants(C.uintptr_t(listeners), data, size, C.bool(logged)))
	}
	callListenerBefore = func(function, module uintptr, params []uint64, walk handle, line []byte, note handle) (status int32, message string, exitCode uint32) {
		data, size := chars(line)
		return outcome(C.listener_before(C.uintptr_t(function), C.uintptr_t(module),
			(*C.uint64_t)(unsafe.SliceData(params)), C.wz_handle(walk), data, size, C.wz_handle(note)))
	}
	callListenerNote = func(function uintptr) handle {
		return handle(C.listener_note(C.uintptr_t(function)))
	}
	callListenerAfter = func(function, module uintptr, results []uint64, line []byte) (status int32, message string, exitCode uint32) {
		data, size := chars(line)
		return outcome(C.listener_after(C.uintptr_t(function), C.uintptr_t(module),
			(*C.uint64_t)(unsafe.SliceData(results)), data, size))
	}
	callMemoryNew = func(module uintptr, capacity, maximum uint64) uintptr {
		return uintptr(C.memory_new(C.uintptr_t(module), C.uint64_t(capacity), C.uint64_t(maximum)))
	}
	callMemoryReallocate = func(memory uintptr, size uint64) *byte {
		return (*byte)(C.memory_reallocate(C.uintptr_t(memory), C.uint64_t(size)))
	}
	callMemoryRelease = func(memory uintptr) {
		C.memory_release(C.uintptr_t(memory))
	}
	callModuleClosed = func(module uintptr, exitCode uint32) {
		C.module_closed(C.uintptr_t(module), C.uint32_t(exitCode))
	}
	callStreamRead = func(user uintptr, buffer []byte) int64 {
		return int64(C.stream_read(C.uintptr_t(user),
			(*C.uint8_t)(unsafe.SliceData(buffer)), C.uint64_t(len(buffer))))
	}
	callAsk = func(module uintptr, what int32, number uint64, buffer []byte) (answer int64, ok bool) {
		var result C.int64_t
		ok = bool(C.ask(C.uintptr_t(module), C.int32_t(what), C.uint64_t(number),
			(*C.uint8_t)(unsafe.SliceData(buffer)), &result))
		return int64(result), ok
	}
	callStreamWrite = func(user uintptr, buffer []byte) int64 {
		return int64(C.stream_write(C.uintptr_t(user),
			(*C.uint8_t)(unsafe.SliceData(buffer)), C.uint64_t(len(buffer))))
	}
)

// setCallbacks keeps a copy of the wz_callbacks at given.
func setCallbacks(given unsafe.Pointer) {
	C.set_callbacks((*C.wz_callbacks)(given))
}

// newText copies a string into memory of C's, with a NUL behind it; nil and 0 when there
// is none left.
func newText(s string) (text unsafe.Pointer, size int) {
	text = C.allocate(C.size_t(len(s) + 1))
	if text == nil {
		return nil, 0
	}
	bytes := unsafe.Slice((*byte)(text), len(s)+1)
	copy(bytes, s)
	bytes[len(s)] = 0
	return text, len(s)
}
