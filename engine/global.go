package main

// This file reads and sets exported globals. A global works after its module was closed,
// as in wazero; lib decides whether that is allowed.

import "github.com/tetratelabs/wazero/api"

type wasmGlobal struct {
	api.Global
	module *wasmModule
}

func globalNew(h handle, name string) (handle, *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return 0, badHandle("module", h)
	}
	global := m.ExportedGlobal(name)
	if global == nil {
		return 0, invalid("the module exports no global %q", name)
	}
	return newHandle(&wasmGlobal{Global: global, module: m}), nil
}

// globalGet returns the value, of a v128 the lower half.
func globalGet(h handle) (uint64, *failure) {
	global := lookup[wasmGlobal](h)
	if global == nil {
		return 0, badHandle("global", h)
	}
	return global.Get(), nil
}

func globalSet(h handle, value uint64) *failure {
	global := lookup[wasmGlobal](h)
	if global == nil {
		return badHandle("global", h)
	}
	mutable, ok := global.Global.(api.MutableGlobal)
	if !ok {
		return invalid("the global is not mutable")
	}
	mutable.Set(value)
	return nil
}

func globalRelease(h handle) { removeHandle[wasmGlobal](h) }
