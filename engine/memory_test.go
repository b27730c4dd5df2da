package main

import (
	"bytes"
	"testing"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
)

// The functions of memoryOwner and memoryImporter, by index.
const (
	memoryLoad = iota
	memoryStore
	memoryGrowIt
	memorySize
)

// sharing makes an owner and an importer of one memory.
func sharing(t *testing.T, r handle) (owner, importer handle) {
	t.Helper()
	owner = instantiateBytes(t, r, memoryOwner(), &moduleConfig{user: 1})
	importer = instantiateBytes(t, r, memoryImporter(),
		&moduleConfig{user: 2, imports: []moduleImport{{"owner", owner}}})
	return owner, importer
}

// buffer is wazero's idea of the memory.
func buffer(t *testing.T, m handle) []byte {
	t.Helper()
	memory := lookup[wasmModule](m).Memory()
	b, ok := memory.Read(0, memory.Size())
	if !ok {
		t.Fatal("cannot read the memory")
	}
	return b
}

func TestMemory(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, memoryOwner(), &moduleConfig{user: 42})
		ours := onlyMemory(t)
		if ours.module != 42 || ours.size != 65536 {
			t.Fatal(ours)
		}
		ours.bytes[8] = 99
		if got := result(t, m, memoryLoad, 8); got != 99 {
			t.Error(got)
		}
		if old := memoryGrow(m, 2); old != 1 || ours.size != 3*65536 {
			t.Error(old, ours.size)
		}
		if old := memoryGrow(m, 0); old != 3 {
			t.Error(old)
		}
		if old := result(t, m, memoryGrowIt, 1); old != 3 || ours.size != 4*65536 {
			t.Error(old, ours.size)
		}
		for _, delta := range []uint32{97, 65536, 1 << 31, 1<<32 - 1} {
			if old := memoryGrow(m, delta); old != -1 {
				t.Error(delta, old)
			}
		}
		lib.limit = 4 << 16
		if old := result(t, m, memoryGrowIt, 1); old != 1<<32-1 {
			t.Error(old)
		}
		if got := result(t, m, memorySize); got != 4 {
			t.Error(got)
		}
		if memoryGrow(0, 1) != -1 || memoryGrow(r, 1) != -1 {
			t.Error("grew what is no module")
		}
		none := instantiateBytes(t, r, calculator(), nil)
		if memoryGrow(none, 0) != -1 {
			t.Error("grew no memory")
		}
		moduleRelease(none)
		moduleRelease(m)
	})
}

func TestMemoryRefused(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		c, f := runtimeCompile(r, &compileTask{binary: memoryOwner()})
		must(t, c, f)
		lib.refuseNew = true
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorMemory)
		lib.refuseNew, lib.limit = false, 65535
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorMemory)
		eventually(t, "the memory that could not grow is released", func() bool { return len(lib.released) == 1 })
		compiledClose(c)

		// refused though nothing is asked for
		b := &binaryModule{}
		b.memory(0, 1)
		c, f = runtimeCompile(r, &compileTask{binary: b.bytes()})
		must(t, c, f)
		lib.refuseNew = true
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorMemory)
		compiledClose(c)
	})
}

func TestEmptyMemory(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.memory(0, 2)
		b.addMemoryFunctions()
		m := instantiateBytes(t, r, b.bytes(), nil)
		_, f := call(t, m, memoryLoad, 0)
		fails(t, f, errorTrap, "out of bounds memory access")
		if old := memoryGrow(m, 0); old != 0 {
			t.Error(old)
		}
		if old := memoryGrow(m, 2); old != 0 {
			t.Error(old)
		}
		onlyMemory(t).bytes[131068] = 5
		if got := result(t, m, memoryLoad, 131068); got != 5 {
			t.Error(got)
		}
		moduleRelease(m)
	})
}

// TestImporterCloses is the bug of v1.12.0: closing an importer dropped the buffer.
func TestImporterCloses(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		for _, how := range []string{"module_close", "exit", "host exit"} {
			owner, importer := sharing(t, r)
			address := addressOf(buffer(t, owner))
			_, _ = call(t, importer, memoryStore, 100, 12345)
			switch how {
			case "module_close":
				moduleClose(importer, 0)
			case "exit": // as WASI's proc_exit does it, past the shim
				_ = lookup[wasmModule](importer).CloseWithExitCode(t.Context(), 3)
			case "host exit":
				h := &hostFunction{home: new(api.Module)}
				lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostExit, "", 1 }
				func() {
					defer func() { _ = recover() }()
					h.Call(t.Context(), lookup[wasmModule](importer).Module, nil)
				}()
			}
			if !lookup[wasmModule](importer).IsClosed() {
				t.Fatal("not closed")
			}
			if old := memoryGrow(owner, 3); old != 1 {
				t.Fatal(old)
			}
			if old := result(t, owner, memoryGrowIt, 1); old != 4 {
				t.Fatal(old)
			}
			if got := result(t, owner, memoryLoad, 100); got != 12345 {
				t.Error(got)
			}
			if now := buffer(t, owner); addressOf(now) != address || len(now) != 5<<16 {
				t.Errorf("%s: the memory is at %x, was at %x", how, addressOf(now), address)
			}
			if _, f := call(t, owner, memoryStore, 5<<16-4, 77); f != nil {
				t.Error(f.message)
			}
			moduleRelease(importer)
			moduleRelease(owner)
		}
	})
}

// TestOwnerCloses has an importer go on with the memory of a closed and released owner.
func TestOwnerCloses(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		owner, importer := sharing(t, r)
		address := addressOf(buffer(t, owner))
		load, f := functionNew(owner, memoryLoad)
		must(t, load, f)
		_, _ = call(t, owner, memoryStore, 100, 12345)
		moduleClose(owner, 0)
		if got := result(t, importer, memoryLoad, 100); got != 12345 {
			t.Error(got)
		}
		if old := result(t, importer, memoryGrowIt, 1); old != 1 {
			t.Fatal(old)
		}
		if old := memoryGrow(importer, 1); old != 2 {
			t.Fatal(old)
		}
		// The code of the owner sees it, too. (Past functionCall, which checks.)
		stack := []uint64{100}
		_ = lookup[wasmFunction](load).CallWithStack(t.Context(), stack)
		if uint32(stack[0]) != 12345 {
			t.Error(stack)
		}
		stack[0] = 3<<16 - 4
		if err := lookup[wasmFunction](load).CallWithStack(t.Context(), stack); callFailure(err).kind != errorExit {
			t.Error(err)
		}
		functionRelease(load)
		moduleRelease(owner)
		collect()
		if len(lib.released) != 0 {
			t.Fatal("the memory was released under the importer")
		}
		if old := result(t, importer, memoryGrowIt, 1); old != 3 {
			t.Fatal(old)
		}
		if now := buffer(t, importer); addressOf(now) != address || len(now) != 4<<16 {
			t.Errorf("the memory is at %x, was at %x", addressOf(now), address)
		}
		if got := result(t, importer, memoryLoad, 100); got != 12345 {
			t.Error(got)
		}
		moduleClose(importer, 0)
		moduleRelease(importer)
		eventually(t, "the memory is released", func() bool { return len(lib.released) == 1 })
	})
}

// TestRuntimeClosesSharing: after the runtime, functions that lib still has can run.
func TestRuntimeClosesSharing(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		owner, importer := sharing(t, r)
		grow, f := functionNew(importer, memoryGrowIt)
		must(t, grow, f)
		address := addressOf(buffer(t, owner))
		runtimeClose(r, 0)
		stack := []uint64{1}
		_ = lookup[wasmFunction](grow).CallWithStack(t.Context(), stack)
		if stack[0] != 1 || addressOf(buffer(t, owner)) != address {
			t.Error("the memory moved")
		}
		moduleRelease(owner)
		moduleRelease(importer)
		collect()
		if len(lib.released) != 0 {
			t.Fatal("the memory was released under a function")
		}
		functionRelease(grow)
		eventually(t, "the memory is released", func() bool { return len(lib.released) == 1 })
	})
}

// TestFailedModuleKeepsItsMemory: a module that could not be made has put a function into
// a table it imports, and that function uses the memory.
func TestFailedModuleKeepsItsMemory(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.table(1, 1)
		b.export("table", aTable, 0)
		get := b.signature(nil, []byte{i32})
		b.function("call", nil, []byte{i32}, 0x41, 0, 0x11, byte(get), 0)
		owner := instantiateBytes(t, r, b.bytes(), nil)

		guest := &binaryModule{}
		guest.importTable("m", "table", 1, 1)
		guest.memory(1, 2)
		guest.function("", nil, []byte{i32}, 0x41, 8, 0x28, 2, 0)
		guest.element(0, 0)
		start := guest.function("", nil, nil, 0x00)
		guest.start = &start
		guest.segment([]byte{8}, "\x2a\x00\x00\x00")
		c, f := runtimeCompile(r, &compileTask{binary: guest.bytes()})
		must(t, c, f)
		_, f = moduleNew(r, c, &moduleConfig{imports: []moduleImport{{"m", owner}}})
		fails(t, f, errorTrap, "start function[1] failed: wasm error: unreachable")
		compiledClose(c)
		collect()
		if len(lib.released) != 0 {
			t.Fatal("the memory was released under the table")
		}
		if got := result(t, owner, 0); got != 42 {
			t.Error(got)
		}
		moduleClose(owner, 0)
		moduleRelease(owner)
		eventually(t, "the memory is released", func() bool { return len(lib.released) == 1 })
	})
}

// TestHooksPutTheMemoryBack looks at what close leaves.
func TestHooksPutTheMemoryBack(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, memoryOwner(), nil)
		module := lookup[wasmModule](m)
		before := *module.layout.memoryOf(module.Module)
		b := buffer(t, m)
		copy(b, "hello")
		moduleClose(m, 0)
		if *module.layout.memoryOf(module.Module) != before || before == nil {
			t.Error("the memory instance is another one")
		}
		if !bytes.HasPrefix(onlyMemory(t).bytes, []byte("hello")) {
			t.Error("the bytes are lost")
		}
		if memoryGrow(m, 1) != 1 {
			t.Error("the memory cannot grow")
		}
		moduleRelease(m)
	})
}

// TestSharedMemory grows one that is shared, past the close of its owner.
func TestSharedMemory(t *testing.T) {
	for _, kind := range []engineKind{engineCompiler, engineInterpreter} {
		resetLib()
		r, f := runtimeNew(runtimeConfig{engine: kind, memoryLimitPages: 65536, features: features | 1<<7})
		must(t, r, f)
		b := &binaryModule{memories: [][]byte{{3, 1, 100}}}
		b.export("memory", aMemory, 0)
		b.addMemoryFunctions()
		owner := instantiateBytes(t, r, b.bytes(), nil)
		i := &binaryModule{imports: [][]byte{join(named("owner"), named("memory"), []byte{aMemory, 3, 1, 100})}}
		i.addMemoryFunctions()
		importer := instantiateBytes(t, r, i.bytes(), &moduleConfig{imports: []moduleImport{{"owner", owner}}})
		if old := result(t, owner, memoryGrowIt, 1); old != 1 {
			t.Error(old)
		}
		moduleClose(owner, 0)
		if old := result(t, importer, memoryGrowIt, 1); old != 2 {
			t.Error(old)
		}
		onlyMemory(t).bytes[3<<16-4] = 9
		if got := result(t, importer, memoryLoad, 3<<16-4); got != 9 {
			t.Error(got)
		}
		moduleRelease(owner)
		moduleRelease(importer)
		runtimeClose(r, 0)
	}
}

func TestLinearMemoryIsNotTiny(t *testing.T) {
	// Go's tiny allocator would put several into one block, and with it their cleanups.
	if unsafe.Sizeof(linearMemory{}) < 16 {
		t.Error("too small for a cleanup of its own")
	}
}
