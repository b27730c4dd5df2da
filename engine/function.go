package main

// This file makes functions that can be called, and calls them. This is the path of every
// call from C, so it does not allocate. A function is wazero's call engine with a stack of
// its own: one call at a time, and never again from inside its own call. lib sees to
// that; the flag here only turns a mistake of lib's into an error.

import (
	"context"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

type wasmFunction struct {
	api.Function
	module  *wasmModule
	index   uint32
	running atomic.Bool
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
	return newHandle(&wasmFunction{Function: function, module: m, index: index}), nil
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
	// wazero would run the code and then say that the module is closed.
	if function.module.IsClosed() {
		return closedFailure(function.module)
	}
	if !function.running.CompareAndSwap(false, true) {
		return invalid("the function is running")
	}
	err := function.CallWithStack(context.Background(), stack)
	if err == nil {
		function.running.Store(false)
		return nil
	}
	f := callFailure(err)
	if f.kind == errorTrap && f.message == "stack overflow" {
		// A stack that grew to its limit, 84 MB, would stay with the call engine.
		if fresh, failed := function.module.newFunction(function.index); failed == nil {
			function.Function = fresh
		}
	}
	function.running.Store(false)
	return f
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

func functionRelease(h handle) { removeHandle[wasmFunction](h) }
