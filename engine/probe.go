package main

// This file looks whether the fields that were found by name mean what lib takes them for,
// in a module that is made like any other, while its code runs. That is most of what
// finding the layout takes (2026-11-24: 0.5 ms once, in the 3 ms in which the library is
// loaded; 0.2 ms when all is warm).

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// probe is a module in a runtime of its own, and the host module that it imports from. It
// is a host function itself.
type probe struct {
	runtime, compiled, hostHandle, guestHandle handle

	host, guest *wasmModule
	listed      *hostFunction        // function 0 of host; the probe is function 1
	function    api.Function         // of guest: it calls the probe
	observe     func(stack []uint64) // what the probe does when it is called
}

// Call implements api.GoModuleFunction.
func (p *probe) Call(_ context.Context, _ api.Module, stack []uint64) { p.observe(stack) }

// probeBinary imports the functions a and b of h and passes the parameter of its own
// function on to b.
var probeBinary = []byte("\x00asm\x01\x00\x00\x00" +
	"\x01\x05\x01\x60\x01\x7e\x00" + // type 0: (func (param i64))
	"\x02\x0d\x02\x01h\x01a\x00\x00\x01h\x01b\x00\x00" +
	"\x03\x02\x01\x00" +
	"\x0a\x08\x01\x06\x00\x20\x00\x10\x01\x0b") // local.get 0, call 1

const (
	probeFunction = 2
	probeCallee   = 1
	probeUser     = 0x7573_6572
	probeArgument = 0x6172_6775_6d65_6e74
)

// newProbe makes a probe. It must be closed whether or not that failed.
func newProbe() (p *probe, f *failure) {
	p = new(probe)
	p.runtime, f = runtimeNew(runtimeConfig{engine: engineCompiler, features: uint64(api.CoreFeaturesV2)})
	if f != nil {
		return p, f
	}
	params := []api.ValueType{api.ValueTypeI64}
	p.listed = newHostFunction(&hostFunctionDefinition{params: params}, new(api.Module))
	p.hostHandle, f = newHostModule(p.runtime, "h", nil, func(builder wazero.HostModuleBuilder) {
		builder.NewFunctionBuilder().WithGoModuleFunction(p.listed, params, nil).Export("a")
		builder.NewFunctionBuilder().WithGoModuleFunction(p, params, nil).Export("b")
	})
	if f != nil {
		return p, f
	}
	if p.compiled, f = runtimeCompile(p.runtime, &compileTask{binary: probeBinary}); f != nil {
		return p, f
	}
	config := &moduleConfig{user: probeUser, imports: []moduleImport{{"h", p.hostHandle}}}
	if p.guestHandle, f = moduleNew(p.runtime, p.compiled, config); f != nil {
		return p, f
	}
	p.host, p.guest = lookup[wasmModule](p.hostHandle), lookup[wasmModule](p.guestHandle)
	p.function, f = p.guest.newFunction(probeFunction)
	return p, f
}

// close releases the modules first: lib must not be told that the guest is closed.
func (p *probe) close() {
	moduleRelease(p.guestHandle)
	moduleRelease(p.hostHandle)
	compiledClose(p.compiled)
	runtimeClose(p.runtime, 0)
}

// hostSlotsOffset is where, above the stack pointer, a host function has its slots: behind
// their size in bytes, and on arm64 that of the frame (GoCallStackView).
var hostSlotsOffset = map[string]uintptr{"amd64": 8, "arm64": 16}[runtime.GOARCH]

// expectation is what should be so, and whether it is.
type expectation struct {
	what string
	met  bool
}

// check looks that the fields mean what lib takes them for. With another wazero it may
// follow what is no pointer.
func (l *directLayout) check(p *probe) error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	var expected []expectation
	p.observe = func(stack []uint64) {
		expected = slices.Concat(l.expectedOfFunction(p), l.expectedOfModules(p), l.expectedInCall(p, stack))
	}
	if err := p.function.CallWithStack(context.Background(), []uint64{probeArgument}); err != nil {
		return err
	}
	for _, e := range expected {
		if !e.met {
			return errors.New("not as expected in wazero: " + e.what)
		}
	}
	if expected == nil {
		return errors.New("the host function was not called")
	}
	return nil
}

func (l *directLayout) expectedOfFunction(p *probe) []expectation {
	callEngine := object(p.function)
	entry, place := l.entryOf(p.function), l.placeOf(p.guest)
	stack := *(*[]byte)(unsafe.Add(callEngine, l.stack))
	bottom := uintptr(unsafe.Pointer(unsafe.SliceData(stack)))
	return []expectation{
		{"the preamble", entry.preamble != 0},
		{"the execution context", entry.executionContext == wordAt(callEngine, l.executionPointer)},
		{"the module context", entry.moduleContext != 0 && entry.moduleContext == place.context},
		{"the executable", entry.executable-place.code < place.codeSize},
		{"the stack's top", wordAt(callEngine, l.stackTop)-bottom < uintptr(len(stack))},
		{"the stack's bottom", wordAt(l.executionOf(p.function), l.context.stackBottom) == bottom},
	}
}

func (l *directLayout) expectedOfModules(p *probe) []expectation {
	contextOf := func(m *wasmModule) unsafe.Pointer {
		return pointerAt(object(m.layout.engineOf(m.Module)), l.opaque)
	}
	functions := unsafe.Add(contextOf(p.host), hostFunctionsOffset)
	first := *(*[2]uintptr)(functions)
	second := *(*[2]uintptr)(unsafe.Add(functions, hostFunctionSize))
	instance := pointerAt(contextOf(p.guest), 0)
	return []expectation{
		{"a function of lib's", first[0] == l.functionType && first[1] == uintptr(unsafe.Pointer(p.listed))},
		{"a function of others", second == interfaceWords(p)},
		{"the module instance", instance == object(p.guest.Module)},
		{"the hooks", wordAt(pointerAt(instance, l.moduleHooks), 0) == probeUser},
	}
}

// expectedInCall is what the execution context should have while the host is called.
func (l *directLayout) expectedInCall(p *probe, stack []uint64) []expectation {
	execution := l.executionOf(p.function)
	guest, host := l.placeOf(p.guest), l.placeOf(p.host)
	// GoFunctionIndexFromExitCode: the low byte is the code, the rest the index.
	exitCode := l.exitCodes["call_go_module_function"] | probeCallee<<8
	first := uintptr(unsafe.Pointer(unsafe.SliceData(stack)))
	return []expectation{
		{"the argument", len(stack) > 0 && stack[0] == probeArgument},
		{"the exit code", *(*uint32)(unsafe.Add(execution, l.context.exitCode)) == exitCode},
		{"the caller", wordAt(execution, l.context.callerModuleContext) == guest.context},
		{"the callee", wordAt(execution, l.context.calleeModuleContext) == host.context},
		{"the slots", wordAt(execution, l.context.stackPointerBeforeGoCall)+hostSlotsOffset == first},
		{"the return address", wordAt(execution, l.context.goCallReturnAddress)-host.code < host.codeSize},
	}
}
