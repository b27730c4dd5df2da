package main

// This file turns what went wrong in Go into what C can read: a kind, wazero's own text
// and an exit code. wazero tells most of its errors apart by text only. What is relied on
// here is in each function, and errors_test.go has one case for each, with both engines,
// so that a new version of wazero cannot change it unseen.

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"
	"syscall"

	"github.com/tetratelabs/wazero/sys"
)

// The kinds of lib/engine_abi.h. (main_test.go compares the numbers with the header.)
const (
	errorCompile  = 1
	errorLink     = 2
	errorTrap     = 3
	errorExit     = 4
	errorClosed   = 5
	errorInvalid  = 8
	errorMemory   = 9
	errorHost     = 10
	errorInternal = 11
)

// failure is a wz_error. It is not a Go error, so that a nil *failure is always success.
type failure struct {
	kind     int32
	exitCode uint32
	message  string
}

func invalid(format string, args ...any) *failure {
	return &failure{kind: errorInvalid, message: fmt.Sprintf(format, args...)}
}

func internal(format string, args ...any) *failure {
	return &failure{kind: errorInternal, message: fmt.Sprintf(format, args...)}
}

// panicked is the failure for a panic that reached an export.
func panicked(r any) *failure {
	return internal("panic in the engine: %v", r)
}

// hostError is what a failed callback panics with. wazero recovers it, adds the stack
// trace and wraps it with %w.
type hostError struct{ message string }

func (e *hostError) Error() string { return e.message }

// callFailure classifies what api.Function.CallWithStack returned.
func callFailure(err error) *failure {
	f := &failure{kind: errorInternal, message: err.Error()}
	var exit *sys.ExitError
	var host *hostError
	switch {
	case errors.As(err, &exit):
		f.kind, f.exitCode = errorExit, exit.ExitCode()
	case errors.As(err, &host):
		f.kind = errorHost
	case isTrap(err):
		f.kind = errorTrap
	case strings.HasPrefix(f.message, "need "):
		// "need 2 params, but stack size is 1", from before anything ran
		f.kind = errorInvalid
	}
	return f
}

// isTrap tells whether a *wasmruntime.Error is in the chain of err. The type is internal,
// so it is told by its name; the text would not do, since that of a stack overflow in
// compiled code is bare ("stack overflow"), with neither prefix nor trace.
func isTrap(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if isTrapType(reflect.TypeOf(err)) {
			return true
		}
	}
	return false
}

func isTrapType(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Name() == "Error" &&
		t.Elem().PkgPath() == "github.com/tetratelabs/wazero/internal/wasmruntime"
}

// compileFailure classifies what Runtime.CompileModule returned. Everything is about the
// binary but for a runtime that is closed and the files of the cache.
func compileFailure(err error) *failure {
	f := &failure{kind: errorCompile, message: err.Error()}
	var path *fs.PathError
	var errno syscall.Errno
	switch {
	case strings.HasPrefix(f.message, "runtime closed with exit_code("):
		f.kind = errorClosed
	case strings.HasPrefix(f.message, "compilationcache: "),
		errors.As(err, &path), errors.As(err, &errno):
		f.kind = errorInternal
	}
	return f
}

// instantiateFailure classifies what Runtime.InstantiateModule returned. It looks at how
// the text begins and ends, where wazero's format strings are and no name of the guest's
// can be (internal/wasm/store.go, store_module_list.go, table.go and internal/sys/sys.go):
//
//	module[NAME] not instantiated
//	"NAME" is not exported in module "NAME"
//	export "NAME" in module "NAME" is a KIND, not a KIND
//	import KIND[NAME.NAME]: REASON
//	data[INDEX]: out of bounds memory access
//	element[INDEX].init exceeds min table size
//	args invalid: REASON, environ invalid: REASON
//	listen tcp ADDRESS: REASON
//	source module must be compiled before instantiation
//	runtime closed with exit_code(CODE)
func instantiateFailure(err error) *failure {
	text := err.Error()
	begins := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	ends := func(suffix string) bool { return strings.HasSuffix(text, suffix) }
	f := &failure{kind: errorInternal, message: text}
	var exit *sys.ExitError
	var host *hostError
	switch {
	case errors.As(err, &exit):
		f.kind, f.exitCode = errorExit, exit.ExitCode()
	case errors.As(err, &host): // only if a start section was left in
		f.kind = errorHost
	case isTrap(err):
		f.kind = errorTrap
	case begins("module[") && ends("] not instantiated"),
		begins(`"`), begins(`export "`), begins("import "):
		f.kind = errorLink
	case begins("data[") && ends(": out of bounds memory access"),
		begins("element[") && ends("].init exceeds min table size"):
		f.kind = errorTrap
	case begins("args invalid: "), begins("environ invalid: "), begins("listen tcp"):
		f.kind = errorInvalid
	case begins("source module must be compiled"), begins("runtime closed"), begins("already closed"):
		f.kind = errorClosed
	}
	return f
}
