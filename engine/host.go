package main

// This file makes modules whose functions are lib's. Such a module has no name that
// others could find: it is only ever reached through an import list.

import (
	"context"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// hostFunctionDefinition is wz_host_function.
type hostFunctionDefinition struct {
	name            string
	params, results []api.ValueType
	function        uintptr
	debugName       string
	paramNames      []string // one for each, or none
	resultNames     []string
}

const valueTypeV128 api.ValueType = 0x7b

// hostFunction is what wazero calls, and what lib finds in its place when it calls the
// function itself: it reads the first field.
type hostFunction struct {
	function uintptr
	narrow   []int       // the slots of i32 and f32 parameters
	home     *api.Module // the module that has this function
}

func newHostFunction(d *hostFunctionDefinition, home *api.Module) *hostFunction {
	host := &hostFunction{function: d.function, home: home}
	slot := 0
	for _, t := range d.params {
		switch t {
		case api.ValueTypeI32, api.ValueTypeF32:
			host.narrow = append(host.narrow, slot)
		case valueTypeV128:
			slot++
		}
		slot++
	}
	return host
}

// Call implements api.GoModuleFunction.
func (host *hostFunction) Call(ctx context.Context, m api.Module, stack []uint64) {
	for _, slot := range host.narrow {
		stack[slot] &= 1<<32 - 1 // compiled code leaves garbage above
	}
	status, message, exitCode := callHost(host.function, userOf(ctx, m), unsafe.SliceData(stack))
	switch status {
	case hostGoOn:
	case hostExit: // as proc_exit of wazero's WASI
		if m != *host.home { // which is the caller when lib itself calls
			_ = m.CloseWithExitCode(ctx, exitCode)
		}
		panic(sys.NewExitError(exitCode))
	case hostBack:
		restore(message)
	default:
		panic(&hostError{message})
	}
}

func hostModuleNew(h handle, name string, functions []hostFunctionDefinition, listening *listening) (handle, *failure) {
	home := new(api.Module)
	made, f := newHostModule(h, name, listening, func(builder wazero.HostModuleBuilder) {
		for i := range functions {
			d := &functions[i]
			builder.NewFunctionBuilder().
				WithGoModuleFunction(newHostFunction(d, home), d.params, d.results).
				WithName(d.debugName).
				WithParameterNames(d.paramNames...).
				WithResultNames(d.resultNames...).
				Export(d.name)
		}
	})
	if f == nil {
		*home = lookup[wasmModule](made).Module // before anybody has the handle
	}
	return made, f
}

// newHostModule compiles and instantiates a module made by wazero's builder.
func newHostModule(h handle, name string, listening *listening, define func(wazero.HostModuleBuilder)) (handle, *failure) {
	r, f := enterRuntime(h)
	if f != nil {
		return 0, f
	}
	defer r.leave()
	builder := r.NewHostModuleBuilder(name)
	define(builder)
	ctx := context.Background()
	compiled, err := builder.Compile(listening.context())
	if err != nil {
		return 0, invalid("%v", err)
	}
	// Not Builder.Instantiate, which wraps the module, and the wrapper is not what an
	// import resolver must return. The random source is one that costs nothing to make.
	m, f := instantiate(ctx, r, compiled, anonymous.WithRandSource(new(fakeRandom)))
	if f != nil {
		_ = compiled.Close(ctx)
		return 0, f
	}
	*m.layout.closerOf(m.Module) = compiled // its code goes with the module
	return newHandle(m), nil
}
