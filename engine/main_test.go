package main

// This file has what the tests share: lib's callbacks in Go, and short ways to make
// runtimes and modules. Every test runs with both engines (eachEngine).

import (
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	features      = 1<<7 - 1 // WAZERO_FEATURES_V2
	reservedBytes = 128 << 16
)

// fakeLib stands in for lib.
type fakeLib struct {
	mutex     sync.Mutex
	memories  map[uintptr]*fakeMemory
	refuseNew bool
	limit     uint64 // of a memory, in bytes
	released  []uintptr
	closed    []closedModule

	host  func(function, caller uintptr, stack *uint64) (int32, string, uint32)
	read  func(user uintptr, buffer []byte) int64
	write func(user uintptr, buffer []byte) int64
	ask   func(module uintptr, what int32, number uint64, buffer []byte) (int64, bool)
}

// closedModule is what module_closed was told.
type closedModule struct {
	user     uintptr
	exitCode uint32
}

type fakeMemory struct {
	module uintptr
	bytes  []byte // the whole reservation
	size   uint64
}

// lib is that of the running test. A memory of an earlier test may be released at any
// time, from a goroutine of Go's own, so memories know theirs.
var (
	lib        *fakeLib
	owners     sync.Map // memory to *fakeLib
	lastMemory atomic.Uintptr
)

func resetLib() {
	lib = &fakeLib{memories: map[uintptr]*fakeMemory{}, limit: reservedBytes}
}

// onlyMemory is the one memory of the test.
func onlyMemory(t testing.TB) *fakeMemory {
	t.Helper()
	lib.mutex.Lock()
	defer lib.mutex.Unlock()
	if len(lib.memories) != 1 {
		t.Fatalf("%d memories", len(lib.memories))
	}
	for _, m := range lib.memories {
		return m
	}
	return nil
}

func TestMain(m *testing.M) {
	resetLib()
	callHost = func(function, caller uintptr, stack *uint64) (int32, string, uint32) {
		return lib.host(function, caller, stack)
	}
	callModuleClosed = func(module uintptr, exitCode uint32) {
		lib.mutex.Lock()
		defer lib.mutex.Unlock()
		lib.closed = append(lib.closed, closedModule{module, exitCode})
	}
	callStreamRead = func(user uintptr, buffer []byte) int64 { return lib.read(user, buffer) }
	callStreamWrite = func(user uintptr, buffer []byte) int64 { return lib.write(user, buffer) }
	callAsk = func(module uintptr, what int32, number uint64, buffer []byte) (int64, bool) {
		return lib.ask(module, what, number, buffer)
	}
	callMemoryNew = func(module uintptr, capacity, maximum uint64) uintptr {
		lib.mutex.Lock()
		defer lib.mutex.Unlock()
		if lib.refuseNew {
			return 0
		}
		bytes, err := syscall.Mmap(-1, 0, reservedBytes, syscall.PROT_READ|syscall.PROT_WRITE,
			syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
		if err != nil {
			return 0
		}
		id := lastMemory.Add(1)
		owners.Store(id, lib)
		lib.memories[id] = &fakeMemory{module: module, bytes: bytes}
		return id
	}
	callMemoryReallocate = func(memory uintptr, size uint64) *byte {
		lib.mutex.Lock()
		defer lib.mutex.Unlock()
		if size > lib.limit {
			return nil
		}
		lib.memories[memory].size = size
		return &lib.memories[memory].bytes[0]
	}
	callMemoryRelease = func(memory uintptr) {
		owner, _ := owners.Load(memory)
		l := owner.(*fakeLib)
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.released = append(l.released, memory)
		if m := l.memories[memory]; m != nil {
			_ = syscall.Munmap(m.bytes)
			delete(l.memories, memory)
		}
	}
	os.Exit(m.Run())
}

// eachEngine runs a test with the compiler and the interpreter.
func eachEngine(t *testing.T, test func(t *testing.T, r handle)) {
	t.Helper()
	for name, kind := range map[string]engineKind{"compiler": engineCompiler, "interpreter": engineInterpreter} {
		t.Run(name, func(t *testing.T) {
			collect() // memories of other tests
			resetLib()
			before := liveHandles()
			r := newRuntime(t, kind)
			test(t, r)
			runtimeClose(r, 0)
			if n := liveHandles() - before; n != 0 && !t.Failed() && !t.Skipped() {
				t.Errorf("%d handles are left", n)
			}
		})
	}
}

func newRuntime(t testing.TB, kind engineKind) handle {
	t.Helper()
	h, f := runtimeNew(runtimeConfig{engine: kind, memoryLimitPages: 65536, features: features, debugInfo: true})
	return must(t, h, f)
}

func must(t testing.TB, h handle, f *failure) handle {
	t.Helper()
	if f != nil {
		t.Fatalf("kind %d: %s", f.kind, f.message)
	}
	if h == 0 {
		t.Fatal("handle 0")
	}
	return h
}

// fails checks a failure's kind and that its text contains all of texts.
func fails(t testing.TB, f *failure, kind int32, texts ...string) {
	t.Helper()
	if f == nil {
		t.Fatalf("no error, expected kind %d", kind)
	}
	if f.kind != kind {
		t.Fatalf("kind %d, expected %d: %s", f.kind, kind, f.message)
	}
	for _, text := range texts {
		if !strings.Contains(f.message, text) {
			t.Fatalf("%q is not in %q", text, f.message)
		}
	}
}

// instantiateBytes compiles and instantiates; the module and the compiled module are
// released at the end of the test.
func instantiateBytes(t testing.TB, r handle, wasm []byte, config *moduleConfig) handle {
	t.Helper()
	c, f := runtimeCompile(r, &compileTask{binary: wasm})
	must(t, c, f)
	if config == nil {
		config = &moduleConfig{}
	}
	m, f := moduleNew(r, c, config)
	must(t, m, f)
	compiledClose(c)
	return m
}

func call(t testing.TB, m handle, index uint32, stack ...uint64) ([]uint64, *failure) {
	t.Helper()
	h, f := functionNew(m, index)
	must(t, h, f)
	defer functionRelease(h)
	if len(stack) == 0 {
		stack = make([]uint64, 1)
	}
	f = functionCall(h, stack)
	return stack, f
}

// result calls a function that must succeed and returns the first result as an i32.
func result(t testing.TB, m handle, index uint32, stack ...uint64) uint32 {
	t.Helper()
	out, f := call(t, m, index, stack...)
	if f != nil {
		t.Fatalf("kind %d: %s", f.kind, f.message)
	}
	return uint32(out[0])
}

// collect lets Go find what is garbage and run its cleanups.
func collect() {
	for range 3 {
		runtime.GC()
		time.Sleep(5 * time.Millisecond)
	}
}

// eventually collects until done or five seconds have passed.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		collect()
		lib.mutex.Lock()
		ok := done()
		lib.mutex.Unlock()
		if ok {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func addressOf(bytes []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(bytes))) }

func TestNumbersAreThoseOfTheHeader(t *testing.T) {
	header, err := os.ReadFile("../lib/engine_abi.h")
	if err != nil {
		t.Skip(err)
	}
	for name, number := range map[string]int{
		"WZ_ERROR_COMPILE": errorCompile, "WZ_ERROR_LINK": errorLink, "WZ_ERROR_TRAP": errorTrap,
		"WZ_ERROR_EXIT": errorExit, "WZ_ERROR_CLOSED": errorClosed, "WZ_ERROR_INVALID": errorInvalid,
		"WZ_ERROR_MEMORY": errorMemory, "WZ_ERROR_HOST": errorHost, "WZ_ERROR_INTERNAL": errorInternal,
		"WZ_STREAM_NONE": int(streamNone), "WZ_STREAM_INHERIT": int(streamInherit),
		"WZ_STREAM_FD": int(streamFD), "WZ_STREAM_CALL": int(streamCall),
	} {
		found := regexp.MustCompile(name + ` = (\d+)`).FindSubmatch(header)
		if found == nil || string(found[1]) != strconv.Itoa(number) {
			t.Errorf("%s is not %d in the header", name, number)
		}
	}
}

func TestEveryMemberIsExported(t *testing.T) {
	header, err := os.ReadFile("../lib/engine_abi.h")
	if err != nil {
		t.Skip(err)
	}
	source, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(header), "by name \"wz_\"")
	members := regexp.MustCompile(`\(\*(\w+)\)`).FindAllStringSubmatch(table, -1)
	if len(members) < 20 {
		t.Fatalf("only %d members", len(members))
	}
	for _, member := range members {
		if !strings.Contains(string(source), "//export wz_"+member[1]+"\n") {
			t.Errorf("wz_%s is not exported", member[1])
		}
	}
}

func TestPanicIsInternal(t *testing.T) {
	fails(t, panicked("boom"), errorInternal, "boom")
}
