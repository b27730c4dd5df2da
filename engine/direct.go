package main

// This file finds what lib needs to enter compiled code without Go: where wazero's
// compiler keeps what belongs to a call and to a module. None of it is API. Fields are
// found by name and checked to have the type that is expected, and then are looked at in
// a module that is made for it and called once (probe.go). With another wazero there is
// no layout: lib gets empty places and entries, and every call goes through Go.

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// The kinds of exits, as in lib/engine_abi.h.
const (
	exitUnknown = iota
	exitOK
	exitStack
	exitTrap
	exitFunction
	exitStep
	exitWait32
	exitWait64
	exitNotify
	exitListener
	exitListenedFunction
	exitCount = 64
)

// exitKinds has the exit codes that the direct path can see to, by the names that wazero
// gives them. The others belong to exceptions, whose calls go through Go.
var exitKinds = map[string]uint8{
	"ok":                            exitOK,
	"grow_stack":                    exitStack,
	"unreachable":                   exitTrap,
	"memory_out_of_bounds":          exitTrap,
	"table_out_of_bounds":           exitTrap,
	"indirect_call_null_pointer":    exitTrap,
	"indirect_call_type_mismatch":   exitTrap,
	"integer_division_by_zero":      exitTrap,
	"integer_overflow":              exitTrap,
	"invalid_conversion_to_integer": exitTrap,
	"unaligned_atomic":              exitTrap,
	"null_reference":                exitTrap,
	"call_go_module_function":       exitFunction,
	"call_go_function":              exitFunction,
	"grow_memory":                   exitStep,
	"table_grow":                    exitStep,
	"ref_func":                      exitStep,
	"check_module_exit_code":        exitStep,
	"memory_wait32":                 exitWait32,
	"memory_wait64":                 exitWait64,
	"memory_notify":                 exitNotify,
	"call_listener_before":          exitListener,
	"call_listener_after":           exitListener,

	"call_go_module_function_with_listener": exitListenedFunction,
	"call_go_function_with_listener":        exitListenedFunction,
}

// A host module's context has its Go functions from here on, each an interface. These are
// numbers in wazero, too (buildHostModuleOpaque); the probe shows that they hold.
const (
	hostFunctionsOffset = 32
	hostFunctionSize    = unsafe.Sizeof(any(nil))
)

// memmoveLimit is more than Go's memmove takes on any machine (2026: 2 KiB).
const memmoveLimit = 64 << 10

// directLayout is wz_layout, and what it takes to fill wz_place and wz_entry.
type directLayout struct {
	returnStub uintptr
	function   reflect.Type // *callEngine, which an api.Function is
	engine     reflect.Type // *moduleEngine, which a module has
	context    contextLayout
	exits      [exitCount]uint8  // kinds, by exit code
	exitCodes  map[string]uint32 // of those in exitKinds, by name

	// offsets in callEngine
	preamble, executable, stack, stackTop, parent, execution, executionPointer uintptr
	// offsets in moduleEngine
	opaque, compiled uintptr
	// offsets in compiledModule, and in what it leads to
	executables, code, sourceMap uintptr

	functionType uintptr // the first word of a *hostFunction in an interface
	moduleHooks  uintptr // offset in the module instance
	memmove      uintptr
	memmoveSize  uintptr
}

// contextLayout has offsets in executionContext.
type contextLayout struct {
	exitCode, callerModuleContext, originalFramePointer, originalStackPointer,
	goReturnAddress, stackBottom, goCallReturnAddress, stackPointerBeforeGoCall,
	calleeModuleContext, memmove, framePointerBeforeGoCall uintptr
}

// knownDirect is the layout once lib has asked for it and it is as expected.
var knownDirect atomic.Pointer[directLayout]

// useDirectLayout finds the layout and has places and entries be filled from now on.
func useDirectLayout(returnStub uintptr) (*directLayout, error) {
	l, err := findDirectLayout(returnStub)
	if err == nil {
		knownDirect.Store(l)
	}
	return l, err
}

func findDirectLayout(returnStub uintptr) (l *directLayout, err error) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return nil, errors.New("wazero's compiler is not for " + runtime.GOARCH)
	}
	defer func() {
		if r := recover(); r != nil {
			l, err = nil, fmt.Errorf("wazero is not as expected: %v", r)
		}
	}()
	p, f := newProbe()
	defer p.close()
	if f != nil {
		return nil, errors.New(f.message)
	}
	l = &directLayout{returnStub: returnStub, function: reflect.TypeOf(p.function)}
	l.engine = reflect.TypeOf(p.guest.layout.engineOf(p.guest.Module))
	if err := l.findFields(); err != nil {
		return nil, err
	}
	l.functionType = interfaceWords((*hostFunction)(nil))[0]
	l.moduleHooks = p.guest.layout.notifier + unsafe.Sizeof(uintptr(0)) // the second word
	if err := l.findMemmove(p.function); err != nil {
		return nil, err
	}
	return l, l.check(p)
}

// findFields finds the offsets.
func (l *directLayout) findFields() error {
	bytes, pointer := reflect.TypeFor[[]byte](), reflect.TypeFor[*byte]()
	word := reflect.TypeFor[uintptr]()
	var execution, compiled, executables, sourceMap reflect.Type
	err := locate(l.function, []wantedField{
		{"preambleExecutable", pointer, nil, &l.preamble},
		{"executable", pointer, nil, &l.executable},
		{"stack", bytes, nil, &l.stack},
		{"stackTop", word, nil, &l.stackTop},
		{"parent", l.engine, nil, &l.parent},
		{"execCtx", nil, &execution, &l.execution},
		{"execCtxPtr", word, nil, &l.executionPointer},
	})
	if err != nil {
		return err
	}
	err = locate(l.engine, []wantedField{
		{"opaquePtr", pointer, nil, &l.opaque},
		{"parent", nil, &compiled, &l.compiled},
	})
	if err != nil {
		return err
	}
	err = locate(compiled, []wantedField{
		{"executables", nil, &executables, &l.executables},
		{"sourceMap", nil, &sourceMap, &l.sourceMap},
	})
	if err == nil && !isSourceMap(sourceMap) {
		err = fmt.Errorf("wazero's source map is an unexpected %v", sourceMap)
	}
	if err != nil {
		return err
	}
	err = locate(executables, []wantedField{{"executable", bytes, nil, &l.code}})
	if err != nil {
		return err
	}
	return l.findContext(reflect.PointerTo(execution))
}

// findContext finds the offsets in the execution context, and the exit codes.
func (l *directLayout) findContext(execution reflect.Type) error {
	pointer, word := reflect.TypeFor[*byte](), reflect.TypeFor[uintptr]()
	slots := reflect.TypeFor[*uint64]()
	var exitCode reflect.Type
	c := &l.context
	err := locate(execution, []wantedField{
		{"exitCode", nil, &exitCode, &c.exitCode},
		{"callerModuleContextPtr", pointer, nil, &c.callerModuleContext},
		{"originalFramePointer", word, nil, &c.originalFramePointer},
		{"originalStackPointer", word, nil, &c.originalStackPointer},
		{"goReturnAddress", word, nil, &c.goReturnAddress},
		{"stackBottomPtr", pointer, nil, &c.stackBottom},
		{"goCallReturnAddress", pointer, nil, &c.goCallReturnAddress},
		{"stackPointerBeforeGoCall", slots, nil, &c.stackPointerBeforeGoCall},
		{"goFunctionCallCalleeModuleContextOpaque", word, nil, &c.calleeModuleContext},
		{"memmoveAddress", word, nil, &c.memmove},
		{"framePointerBeforeGoCall", word, nil, &c.framePointerBeforeGoCall},
	})
	if err != nil {
		return err
	}
	return l.findExits(exitCode)
}

// wantedField is a field of a struct: its type, or where to put it, and where to put its
// offset.
type wantedField struct {
	name   string
	is     reflect.Type
	found  *reflect.Type
	offset *uintptr
}

// locate finds fields of the struct that pointer is a pointer to.
func locate(pointer reflect.Type, wanted []wantedField) error {
	for _, w := range wanted {
		f, err := fieldOf(pointer, w.name, func(t reflect.Type) bool { return w.is == nil || t == w.is })
		if err != nil {
			return err
		}
		if w.found != nil {
			*w.found = f.Type
		}
		*w.offset = f.Offset
	}
	return nil
}

// findExits sorts the exit codes. All that exitKinds knows must be there.
func (l *directLayout) findExits(code reflect.Type) error {
	if code.Kind() != reflect.Uint32 || !code.Implements(reflect.TypeFor[fmt.Stringer]()) {
		return fmt.Errorf("wazero's exit code is an unexpected %v", code)
	}
	l.exitCodes = map[string]uint32{}
	for i := range l.exits {
		name := exitName(code, i)
		if kind, ok := exitKinds[name]; ok {
			l.exits[i] = kind
			l.exitCodes[name] = uint32(i)
		}
	}
	if len(l.exitCodes) != len(exitKinds) {
		return fmt.Errorf("wazero has %d of %d exit codes", len(l.exitCodes), len(exitKinds))
	}
	return nil
}

// exitName is what wazero calls an exit code; "" if it has none of that number, for which
// it panics.
func exitName(code reflect.Type, number int) (name string) {
	defer quiet()
	value := reflect.New(code).Elem()
	value.SetUint(uint64(number))
	return value.Interface().(fmt.Stringer).String()
}

// findMemmove finds the function that compiled code calls to copy memory.
func (l *directLayout) findMemmove(function api.Function) error {
	l.memmove = wordAt(l.executionOf(function), l.context.memmove)
	if f := runtime.FuncForPC(l.memmove); f == nil || f.Entry() != l.memmove || f.Name() != "runtime.memmove" {
		return errors.New("wazero's memmove is not that of Go")
	}
	const alignment = 16 // of Go's functions, at least
	for l.memmoveSize < memmoveLimit {
		l.memmoveSize += alignment
		if f := runtime.FuncForPC(l.memmove + l.memmoveSize); f == nil || f.Entry() != l.memmove {
			return nil
		}
	}
	return errors.New("Go's memmove has no end")
}

// modulePlace is wz_place.
type modulePlace struct{ context, code, codeSize uintptr }

// placeOf is all 0 for the interpreter, and without a layout.
//
// The executable of a compiled module has nothing but the bodies of its functions, with
// their constants and what aligns them (compileModule, engineRelocator): the preambles,
// the functions that all modules share (memory.grow, the growing of the stack) and the
// trampolines of host functions and listeners are mapped elsewhere. On arm64 there may be
// islands between the bodies, which calls to far functions jump through. That makes no
// difference to lib, which wants to know whether a thread may be taken out of the code:
// in an island the stack is as at the beginning of the callee.
func (l *directLayout) placeOf(m *wasmModule) modulePlace {
	if l == nil {
		return modulePlace{}
	}
	maker := m.layout.engineOf(m.Module)
	if reflect.TypeOf(maker) != l.engine {
		return modulePlace{}
	}
	engine := object(maker)
	executables := pointerAt(pointerAt(engine, l.compiled), l.executables)
	code := *(*[]byte)(unsafe.Add(executables, l.code))
	return modulePlace{
		context:  wordAt(engine, l.opaque),
		code:     uintptr(unsafe.Pointer(unsafe.SliceData(code))),
		codeSize: uintptr(len(code)),
	}
}

// functionEntry is wz_entry.
type functionEntry struct {
	preamble, executable, executionContext, moduleContext, stackTop uintptr
}

// entryOf is all 0 for a function that can only be called through Go, and without a
// layout.
func (l *directLayout) entryOf(function api.Function) functionEntry {
	if l == nil || reflect.TypeOf(function) != l.function {
		return functionEntry{}
	}
	callEngine := object(function)
	return functionEntry{
		preamble:         wordAt(callEngine, l.preamble),
		executable:       wordAt(callEngine, l.executable),
		executionContext: uintptr(unsafe.Add(callEngine, l.execution)),
		moduleContext:    wordAt(pointerAt(callEngine, l.parent), l.opaque),
		stackTop:         uintptr(unsafe.Add(callEngine, l.stackTop)),
	}
}

// preambleOf is where a function that has an entry keeps its preamble. What it leads to
// is not Go's, so it may be written as a number.
func (l *directLayout) preambleOf(function api.Function) *uintptr {
	return (*uintptr)(unsafe.Add(object(function), l.preamble))
}

// moveStack gives a function that has an entry the stack of another one.
func (l *directLayout) moveStack(from, to api.Function) {
	source, target := object(from), object(to)
	bottom := l.execution + l.context.stackBottom
	*(*[]byte)(unsafe.Add(target, l.stack)) = *(*[]byte)(unsafe.Add(source, l.stack))
	*(*uintptr)(unsafe.Add(target, l.stackTop)) = wordAt(source, l.stackTop)
	*(*unsafe.Pointer)(unsafe.Add(target, bottom)) = pointerAt(source, bottom)
}

// executionOf is the execution context of a function that has an entry.
func (l *directLayout) executionOf(function api.Function) unsafe.Pointer {
	return unsafe.Add(object(function), l.execution)
}

// object is what the pointer in an interface points to.
func object(v any) unsafe.Pointer { return reflect.ValueOf(v).UnsafePointer() }

func wordAt(p unsafe.Pointer, offset uintptr) uintptr {
	return *(*uintptr)(unsafe.Add(p, offset))
}

func pointerAt(p unsafe.Pointer, offset uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Add(p, offset))
}

// interfaceWords are the type word and the data word of an interface.
func interfaceWords(v any) [2]uintptr { return *(*[2]uintptr)(unsafe.Pointer(&v)) }
