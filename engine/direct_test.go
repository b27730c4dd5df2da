package main

import (
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// stubs is code as that of lib/call/enter_*.S, assembled by hand: wazero__return_stub
// and, 16 bytes further, wazero__step_stub.
var stubs = map[string]string{
	"amd64": "\xc3" + strings.Repeat("\xcc", 15) +
		"\x48\xc7\x40\x30\x00\x00\x00\x00" + // mov qword [rax+48], 0
		"\x48\x8b\x68\x10" + // mov rbp, [rax+16]
		"\x48\x8b\x60\x18" + // mov rsp, [rax+24]
		"\xc3",
	"arm64": "\xc0\x03\x5f\xd6" + strings.Repeat("\x00", 12) +
		"\x1f\x18\x00\xf9" + // str xzr, [x0, #48]
		"\x1d\x08\x40\xf9" + // ldr x29, [x0, #16]
		"\x01\x0c\x40\xf9" + // ldr x1, [x0, #24]
		"\x3f\x00\x00\x91" + // mov sp, x1
		"\x1e\x10\x40\xf9" + // ldr x30, [x0, #32]
		"\xc0\x03\x5f\xd6",
}

const stepStubOffset = 16

// withDirect turns direct calls on until the end of the test.
func withDirect(t testing.TB) (l *directLayout, stepStub uintptr) {
	t.Helper()
	code := stubs[runtime.GOARCH]
	if code == "" {
		t.Skip("no direct calls on " + runtime.GOARCH)
	}
	page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	copy(page, code)
	if err := syscall.Mprotect(page, syscall.PROT_READ|syscall.PROT_EXEC); err != nil {
		t.Fatal(err)
	}
	l, err = useDirectLayout(addressOf(page))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		knownDirect.Store(nil)
		_ = syscall.Munmap(page)
	})
	return l, addressOf(page) + stepStubOffset
}

// eachEngineDirect runs a test with direct calls on, where there are any.
func eachEngineDirect(t *testing.T, test func(t *testing.T, r handle, l *directLayout)) {
	t.Helper()
	l, _ := withDirect(t)
	eachEngine(t, func(t *testing.T, r handle) { test(t, r, l) })
}

// TestDirectLayout fails where a new wazero is laid out differently: then direct calls
// are off.
func TestDirectLayout(t *testing.T) {
	before := liveHandles()
	l, _ := withDirect(t)
	if n := liveHandles() - before; n != 0 {
		t.Errorf("%d handles are left", n)
	}
	c := l.context
	offsets := []uintptr{c.exitCode, c.callerModuleContext, c.originalFramePointer, c.originalStackPointer,
		c.goReturnAddress, c.stackBottom, c.goCallReturnAddress, c.stackPointerBeforeGoCall,
		c.calleeModuleContext, c.framePointerBeforeGoCall}
	if expected := []uintptr{0, 8, 16, 24, 32, 40, 48, 56, 1120, 1152}; !slices.Equal(offsets, expected) {
		t.Error(offsets)
	}
	if l.exitCodes["unreachable"] == 0 || l.exits[l.exitCodes["unreachable"]] != exitTrap {
		t.Error(l.exitCodes)
	}
	if l.memmoveSize < 256 || l.memmoveSize >= memmoveLimit {
		t.Errorf("memmove has %d bytes", l.memmoveSize)
	}
	if len(lib.closed) != 0 {
		t.Error("lib was told of the probe")
	}
}

// TestExitsHaveKinds names the exit codes that are unknown on purpose.
func TestExitsHaveKinds(t *testing.T) {
	l, _ := withDirect(t)
	unknown := []string{"throw_alloc", "throw", "try_table_enter", "try_table_leave"}
	function, _ := l.function.Elem().FieldByName("execCtx")
	code, _ := function.Type.FieldByName("exitCode")
	named := 0
	for i, kind := range l.exits {
		name := exitName(code.Type, i)
		if name != "" {
			named++
		}
		if (kind == exitUnknown) != (name == "" || slices.Contains(unknown, name)) {
			t.Errorf("exit code %d, %q, is of kind %d", i, name, kind)
		}
	}
	if named != len(exitKinds)+len(unknown) || exitName(code.Type, exitCount) != "" {
		t.Errorf("%d exit codes", named)
	}
}

func TestExitsAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../lib/engine_abi.h")
	if err != nil {
		t.Skip(err)
	}
	kinds := []string{exitUnknown: "UNKNOWN", exitOK: "OK", exitStack: "STACK", exitTrap: "TRAP",
		exitFunction: "FUNCTION", exitStep: "STEP", exitWait32: "WAIT32", exitWait64: "WAIT64",
		exitNotify: "NOTIFY", exitListener: "LISTENER", exitListenedFunction: "LISTENED_FUNCTION"}
	var found []string
	for _, match := range regexp.MustCompile(`(?m)^ +WZ_EXIT_(\w+)`).FindAllStringSubmatch(string(header), -1) {
		found = append(found, match[1])
	}
	if !slices.Equal(found, kinds) || !strings.Contains(string(header), "WZ_EXIT_COUNT = 64 ") || exitCount != 64 {
		t.Error(found)
	}
}

// TestNoLayoutOfAnotherWazero has fields and exit codes missing, and offsets that are wrong.
func TestNoLayoutOfAnotherWazero(t *testing.T) {
	l, _ := withDirect(t)
	type noFields struct{}
	type otherField struct{ preambleExecutable *int }
	for _, other := range []directLayout{
		{function: reflect.TypeFor[api.Function](), engine: l.engine},
		{function: reflect.TypeFor[*otherField](), engine: l.engine},
		{function: l.function, engine: reflect.TypeFor[*noFields]()},
	} {
		if err := other.findFields(); err == nil {
			t.Error(other.function, other.engine)
		}
	}
	if err := new(directLayout).findExits(reflect.TypeFor[uint32]()); err == nil {
		t.Error("exit codes without names")
	}
	if err := new(directLayout).findExits(reflect.TypeFor[fewExits]()); err == nil {
		t.Error("exit codes missing")
	}
	for what, change := range map[string]func(other *directLayout){
		"exit code":     func(other *directLayout) { other.context.exitCode += 4 },
		"callee":        func(other *directLayout) { other.context.calleeModuleContext -= 8 },
		"hooks":         func(other *directLayout) { other.moduleHooks -= 8 },
		"function type": func(other *directLayout) { other.functionType++ },
	} {
		p := newTestProbe(t)
		other := *l
		change(&other)
		if err := other.check(p); err == nil {
			t.Error(what)
		}
		p.close()
	}
}

type fewExits uint32

func (fewExits) String() string { return "ok" }

// TestNoLayoutWithoutPointers has the check follow what is no pointer.
func TestNoLayoutWithoutPointers(t *testing.T) {
	l, _ := withDirect(t)
	p := newTestProbe(t)
	defer p.close()
	hooks := (*uintptr)(unsafe.Add(object(p.guest.Module), l.moduleHooks))
	defer func(before uintptr) { *hooks = before }(*hooks)
	*hooks = 0x5000 // not mapped, and too high to be taken for nil
	if err := l.check(p); err == nil {
		t.Error("no error")
	}
}

func newTestProbe(t *testing.T) *probe {
	p, f := newProbe()
	if f != nil {
		t.Fatal(f.message)
	}
	return p
}

// at is a word of C's view of wazero's memory.
func at(address uintptr) *uintptr { return *(**uintptr)(unsafe.Pointer(&address)) }

// isCompiler tells with which engine eachEngine runs the test.
func isCompiler(t *testing.T) bool { return strings.HasSuffix(t.Name(), "/compiler") }

func TestEntry(t *testing.T) {
	eachEngineDirect(t, func(t *testing.T, r handle, l *directLayout) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, hostCaller(nil, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
		place := placeOf(m)
		imported, f := functionNew(m, 0)
		must(t, imported, f)
		own, f := functionNew(m, 1)
		must(t, own, f)
		if entry := entryOf(imported); entry != (functionEntry{}) {
			t.Error("an imported host function", entry)
		}
		fails(t, functionStep(imported, nil), errorInvalid, "the function has no entry")
		if entry := entryOf(own); !isCompiler(t) {
			if entry != (functionEntry{}) || place != (modulePlace{}) {
				t.Error("the interpreter", entry, place)
			}
		} else if entry.preamble == 0 || entry.moduleContext != place.context || place.context == 0 ||
			entry.executable-place.code >= place.codeSize ||
			*at(entry.executionContext + l.context.stackBottom) >= *at(entry.stackTop) {
			t.Error(entry, place)
		}
		fails(t, functionStep(m, nil), errorInvalid, "not a handle of a function")
		functionRelease(own)
		fails(t, functionStep(own, nil), errorClosed)
		functionRelease(imported)
		moduleRelease(m)
		moduleRelease(env)
	})
}

func TestPlace(t *testing.T) {
	eachEngineDirect(t, func(t *testing.T, r handle, l *directLayout) {
		if !isCompiler(t) {
			return
		}
		m := instantiateBytes(t, r, calculator(), nil)
		place := placeOf(m)
		for index := range uint32(calculatorNothing + 1) {
			h, f := functionNew(m, index)
			must(t, h, f)
			if offset := entryOf(h).executable - place.code; offset >= place.codeSize || (offset == 0) != (index == 0) {
				t.Error(index, offset, place)
			}
			functionRelease(h)
		}
		empty := instantiateBytes(t, r, (&binaryModule{}).bytes(), nil)
		if place := placeOf(empty); place.context == 0 || place.code != 0 || place.codeSize != 0 {
			t.Error(place)
		}
		moduleRelease(empty)
		moduleRelease(m)
	})
}

func TestNoEntryUnlessAsked(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, calculator(), nil)
		h, f := functionNew(m, calculatorAdd)
		must(t, h, f)
		if entryOf(h) != (functionEntry{}) || placeOf(m) != (modulePlace{}) {
			t.Error(entryOf(h), placeOf(m))
		}
		functionRelease(h)
		moduleRelease(m)
	})
}

// TestHooks reads the user of a module as lib does.
func TestHooks(t *testing.T) {
	eachEngineDirect(t, func(t *testing.T, r handle, l *directLayout) {
		if !isCompiler(t) {
			return
		}
		none := instantiateBytes(t, r, calculator(), nil)
		m := instantiateBytes(t, r, calculator(), &moduleConfig{user: 4711})
		released := instantiateBytes(t, r, calculator(), &moduleConfig{user: 4712})
		hooks := func(context uintptr) *uintptr { return at(*at(context) + l.moduleHooks) }
		context, contextOfReleased := placeOf(m).context, placeOf(released).context
		if *at(*hooks(context)) != 4711 || *at(*hooks(placeOf(none).context)) != 0 {
			t.Error("not the user")
		}
		keep := lookup[wasmModule](released)
		moduleRelease(released)
		if *at(*hooks(contextOfReleased)) != 0 {
			t.Error("a user that may be gone")
		}
		runtime.KeepAlive(keep)
		moduleClose(m, 0)
		if *hooks(context) != 0 {
			t.Error("a closed module has hooks")
		}
		moduleRelease(m)
		moduleRelease(none)
	})
}

// left is compiled code that has come back to lib, made up: an execution context as the
// code would leave it, and the stack that it was on.
type left struct {
	t     testing.TB
	l     *directLayout
	h     handle
	entry functionEntry
	stack [64]uintptr
	slots []uintptr
}

func newLeft(t testing.TB, l *directLayout, m handle, index uint32) *left {
	h, f := functionNew(m, index)
	must(t, h, f)
	return &left{t: t, l: l, h: h, entry: entryOf(h)}
}

func (c *left) field(offset uintptr) *uintptr { return at(c.entry.executionContext + offset) }

// with makes the code leave for Go with an exit code and slots. resume is where to go on.
func (c *left) with(exitCode string, index uint32, callee, resume uintptr, slots ...uintptr) {
	const pointer = 32
	first := pointer + int(hostSlotsOffset/8)
	c.slots = c.stack[first : first+len(slots)]
	copy(c.slots, slots)
	c.stack[first-1] = uintptr(8 * len(slots))
	*(*uint32)(unsafe.Pointer(c.field(c.l.context.exitCode))) = c.l.exitCodes[exitCode] | index<<8
	*c.field(c.l.context.callerModuleContext) = c.entry.moduleContext
	*c.field(c.l.context.calleeModuleContext) = callee
	*c.field(c.l.context.stackPointerBeforeGoCall) = uintptr(unsafe.Pointer(&c.stack[pointer]))
	*c.field(c.l.context.goCallReturnAddress) = resume
}

// step steps, and looks that nothing is left of it.
func (c *left) step() *failure {
	f := functionStep(c.h, make([]uint64, 2))
	if now := entryOf(c.h); now != c.entry {
		c.t.Error(now, "was", c.entry)
	}
	return f
}

// forgetStack has wazero find no frames.
func (c *left) forgetStack() { *c.field(c.l.context.stackPointerBeforeGoCall) = 0 }

// TestStepOfTrap gives wazero's text for a trap that only lib has seen.
func TestStepOfTrap(t *testing.T) {
	l, _ := withDirect(t)
	r := newRuntime(t, engineCompiler)
	m := instantiateBytes(t, r, calculator(), nil)
	c := newLeft(t, l, m, calculatorAdd)
	for _, closed := range []bool{false, true} {
		for name, text := range map[string]string{
			"unreachable":              "wasm error: unreachable",
			"integer_division_by_zero": "wasm error: integer divide by zero",
		} {
			c.with(name, 0, 0, 0)
			c.forgetStack()
			f := c.step()
			fails(t, f, errorTrap, text)
			if *(*uint32)(unsafe.Pointer(c.field(l.context.exitCode))) != 0 {
				t.Error("the exit code is left")
			}
		}
		stack := []uint64{3, 4}
		if f := functionCall(c.h, stack); !closed && (f != nil || stack[0] != 7) {
			t.Error("not to be called again", f, stack)
		}
		moduleClose(m, 1)
	}
	fails(t, functionStep(c.h, nil), errorInvalid, "need 2 params, but stack size is 0")
	functionRelease(c.h)
	moduleRelease(m)
	runtimeClose(r, 0)
}

// TestStepComesBack has Go grow a memory, and return to lib instead of going on.
func TestStepComesBack(t *testing.T) {
	l, stepStub := withDirect(t)
	resetLib()
	r := newRuntime(t, engineCompiler)
	m := instantiateBytes(t, r, memoryOwner(), nil)
	const grow, size = 2, 3
	c := newLeft(t, l, m, grow)
	for pages := range uintptr(3) {
		c.with("grow_memory", 0, 0, stepStub, 1)
		if f := c.step(); f != nil || c.slots[0] != 1+pages {
			t.Fatal(f, c.slots)
		}
		if *c.field(l.context.goCallReturnAddress) != 0 {
			t.Fatal("the stub was not reached")
		}
	}
	if n := result(t, m, size); n != 4 {
		t.Error(n)
	}
	moduleClose(m, 5)
	c.with("grow_memory", 0, 0, stepStub, 0)
	f := c.step() // what was to be done is done; then the call is over
	fails(t, f, errorExit, "module closed with exit_code(5)")
	if f.exitCode != 5 || *c.field(l.context.goCallReturnAddress) != 0 {
		t.Error(f.exitCode)
	}
	functionRelease(c.h)
	moduleRelease(m)
	runtimeClose(r, 0)
}

// TestStepOfHostFunction has Go call a host function, out of which come other calls.
func TestStepOfHostFunction(t *testing.T) {
	l, stepStub := withDirect(t)
	resetLib()
	r := newRuntime(t, engineCompiler)
	env, f := hostModuleNew(r, "env", []hostFunctionDefinition{
		{name: "unused", function: 6},
		{name: "f", function: 7, params: []byte{i32}, results: []byte{i32}},
	}, nil)
	must(t, env, f)
	m := instantiateBytes(t, r, hostCaller([]byte{i32}, []byte{i32}),
		&moduleConfig{user: 4711, imports: []moduleImport{{"env", env}}})
	outer, inner := newLeft(t, l, m, 1), newLeft(t, l, m, 1)
	callee, depth := placeOf(env).context, 0
	lib.host = func(function, caller uintptr, stack *uint64) (int32, string, uint32) {
		if function != 7 || caller != 4711 || *stack != uint64(depth) {
			t.Error(function, caller, *stack)
		}
		switch depth++; depth {
		case 1: // a step in a step, and then a call through Go
			inner.with("call_go_module_function", 1, callee, stepStub, uintptr(depth))
			if f := inner.step(); f != nil || inner.slots[0] != 200 {
				t.Error(f, inner.slots)
			}
			if n := result(t, m, 1, uint64(depth)); n != 300 {
				t.Error(n)
			}
			*stack = 100
		default:
			*stack = uint64(depth) * 100
		}
		return hostGoOn, "", 0
	}
	outer.with("call_go_module_function", 1, callee, stepStub, ^uintptr(0)&^0xffffffff)
	if f := outer.step(); f != nil || outer.slots[0] != 100 || depth != 3 {
		t.Error(f, outer.slots, depth)
	}
	lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostFail, "it broke", 0 }
	stepWithFrames := func() *failure {
		// A frame above the slots, at the end of the stack, that of a trampoline: its words
		// are right for both ways of unwinding.
		top := uintptr(unsafe.Pointer(&outer.stack[38]))
		outer.with("call_go_module_function", 1, callee, outer.entry.executable, 1, 2)
		outer.stack[32] = 16
		if runtime.GOARCH == "amd64" {
			outer.stack[32] = 8
		}
		outer.stack[36], outer.stack[37] = top, 0
		*outer.field(l.context.framePointerBeforeGoCall) = top - 16
		defer func(before uintptr) { *at(outer.entry.stackTop) = before }(*at(outer.entry.stackTop))
		*at(outer.entry.stackTop) = top
		return outer.step()
	}
	f = stepWithFrames()
	fails(t, f, errorHost)
	if f.message != "it broke (recovered by wazero)\nwasm stack trace:\n\tcaller.$1(i32) i32" {
		t.Errorf("%q", f.message)
	}
	lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostExit, "", 9 }
	f = stepWithFrames()
	fails(t, f, errorExit)
	if f.exitCode != 9 || !lookup[wasmModule](m).IsClosed() {
		t.Error(f.exitCode)
	}
	functionRelease(outer.h)
	functionRelease(inner.h)
	moduleRelease(m)
	moduleRelease(env)
	runtimeClose(r, 0)
}

// TestStackOverflowKeepsEntry overflows through Go in a function that lib has the entry of.
func TestStackOverflowKeepsEntry(t *testing.T) {
	l, _ := withDirect(t)
	r := newRuntime(t, engineCompiler)
	m := instantiateBytes(t, r, calculator(), nil)
	h, f := functionNew(m, calculatorRecurse)
	must(t, h, f)
	entry := entryOf(h)
	for range 2 {
		fails(t, functionCall(h, nil), errorTrap, "stack overflow")
		engine := reflect.ValueOf(lookup[wasmFunction](h).Function).UnsafePointer()
		stack := *(*[]byte)(unsafe.Add(engine, l.stack))
		if entryOf(h) != entry {
			t.Error("the entry is another one")
		}
		if len(stack) > 1<<20 || *at(entry.stackTop)-addressOf(stack) >= uintptr(len(stack)) ||
			*at(entry.executionContext + l.context.stackBottom) != addressOf(stack) {
			t.Error("the stack is not a fresh one")
		}
	}
	functionRelease(h)
	moduleRelease(m)
	runtimeClose(r, 0)
}

// TestEntriesArePinned would panic in a collection if a pinned function were forgotten.
func TestEntriesArePinned(t *testing.T) {
	withDirect(t)
	r := newRuntime(t, engineCompiler)
	m := instantiateBytes(t, r, calculator(), nil)
	for range 100 {
		h, f := functionNew(m, calculatorAdd)
		must(t, h, f)
		entry := entryOf(h)
		if *at(entry.executionContext + knownDirect.Load().context.memmove) != knownDirect.Load().memmove {
			t.Fatal("not an execution context")
		}
		functionRelease(h)
	}
	collect()
	moduleRelease(m)
	runtimeClose(r, 0)
}

func BenchmarkDirectLayout(b *testing.B) {
	for b.Loop() {
		if _, err := findDirectLayout(0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	l, stepStub := withDirect(b)
	resetLib()
	r := newRuntime(b, engineCompiler)
	m := instantiateBytes(b, r, memoryOwner(), nil)
	c := newLeft(b, l, m, 2)
	for b.Loop() {
		c.with("grow_memory", 0, 0, stepStub, 0)
		if f := functionStep(c.h, []uint64{0}); f != nil {
			b.Fatal(f.message)
		}
	}
	functionRelease(c.h)
	moduleRelease(m)
	runtimeClose(r, 0)
}
