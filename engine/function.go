package main

// This file makes functions that can be called, and calls them. This is the path of every
// call from C that needs Go, so it does not allocate. A function is wazero's call engine
// with a stack of its own: one call at a time, and never again from inside its own call.
// lib sees to that; the flag here only turns a mistake of lib's into an error. A function
// that has an entry (direct.go) stays where it is until lib releases it.

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

type wasmFunction struct {
	api.Function
	module  *wasmModule
	index   uint32
	running atomic.Bool
	// Of a function that has an entry:
	layout *directLayout
	pinner runtime.Pinner
}

// functionNew makes a function from its index in the function index space of the module.
func functionNew(h handle, index uint32) (handle, *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return 0, badHandle("module", h)
	}
	function, f := m.newFunction(index)
	if f != nil {
		return 0, f
	}
	made := &wasmFunction{Function: function, module: m, index: index}
	h = newHandle(made)
	if l := knownDirect.Load(); l.entryOf(function).preamble != 0 {
		made.layout = l
		made.pinner.Pin(function) // to be undone, so not before there is a handle
	}
	return h, nil
}

// entryOf is the entry of a new function.
func entryOf(h handle) functionEntry {
	function := lookup[wasmFunction](h)
	return function.layout.entryOf(function.Function)
}

func (m *wasmModule) newFunction(index uint32) (function api.Function, f *failure) {
	engine := m.layout.engineOf(m.Module)
	if engine == nil {
		return nil, internal("wazero's module engine makes no functions")
	}
	defer func() {
		// wazero indexes its slices with it, unchecked
		if r := recover(); r != nil {
			function, f = nil, invalid("no function with index %d: %v", index, r)
		}
	}()
	return engine.NewFunction(index), nil
}

// functionCall calls a function. stack has the arguments and takes the results.
func functionCall(h handle, stack []uint64) *failure {
	function := lookup[wasmFunction](h)
	if function == nil {
		return badHandle("function", h)
	}
	return function.call(context.Background(), stack)
}

func (function *wasmFunction) call(ctx context.Context, stack []uint64) *failure {
	// wazero would run the code and then say that the module is closed.
	if function.module.IsClosed() {
		return closedFailure(function.module)
	}
	if !function.running.CompareAndSwap(false, true) {
		return invalid("the function is running")
	}
	err := function.CallWithStack(ctx, stack)
	if err == nil {
		function.running.Store(false)
		return nil
	}
	f := callFailure(err)
	if f.kind == errorTrap && f.message == "stack overflow" {
		function.shrinkStack()
	}
	function.running.Store(false)
	return f
}

// shrinkStack drops a stack that grew to its limit, 84 MB, and would stay with the call
// engine. lib may have the entry of a function that it calls through Go, for one in a
// runtime with exceptions: then the call engine stays, with the stack of a fresh one.
func (function *wasmFunction) shrinkStack() {
	fresh, f := function.module.newFunction(function.index)
	switch {
	case f != nil:
	case function.layout != nil:
		function.layout.moveStack(fresh, function.Function)
	default:
		function.Function = fresh
	}
}

// functionStep has wazero see to the exit code that lib found after it entered the
// function, as wazero's loop would have, had it entered: with a preamble that only
// returns, the loop is where a call begins. It ends there, too, because lib has put an
// address of its own where wazero is to go on; or it has an error, a trap for one. The
// module may be closed: then wazero says so in the end, as at the end of every call.
func functionStep(h handle, stack []uint64) *failure {
	function := lookup[wasmFunction](h)
	if function == nil {
		return badHandle("function", h)
	}
	if function.layout == nil {
		return invalid("the function has no entry")
	}
	preamble := function.layout.preambleOf(function.Function)
	defer func(before uintptr) { *preamble = before }(*preamble)
	*preamble = function.layout.returnStub
	placesInUse.RLock() // for the trace of an error
	defer placesInUse.RUnlock()
	if err := function.CallWithStack(context.Background(), stack); err != nil {
		return callFailure(err)
	}
	return nil
}

// closedFailure is the failure of a call in a module that was closed before.
func closedFailure(m *wasmModule) *failure {
	f := &failure{kind: errorClosed, message: "the module is closed"}
	if closed, ok := m.Module.(interface{ FailIfClosed() error }); ok {
		if exit, ok := closed.FailIfClosed().(*sys.ExitError); ok {
			f.exitCode, f.message = exit.ExitCode(), exit.Error()
		}
	}
	return f
}

func functionRelease(h handle) {
	if function := removeHandle[wasmFunction](h); function != nil {
		function.pinner.Unpin()
	}
}
