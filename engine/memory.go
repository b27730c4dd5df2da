package main

// This file gives wazero linear memories that lib owns. lib is told of a memory's end
// once, when Go has no reference to it any more, and never by wazero's Free: v1.12.0
// calls that when any module with the memory closes, be it an importer, and drops the
// buffer of all others with it (module.go keeps it from doing so). Go's reference is the
// MemoryInstance, which the module that owns the memory, the importers and the functions
// of both lead to; a cleanup on it ends the memory.

import (
	"runtime"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero/experimental"
)

// memoryAllocator is a MemoryAllocator for one instantiation.
type memoryAllocator struct {
	user   uintptr       // of the module
	memory *linearMemory // what it made
	// ready is set when the module has been made. Until then a memory that lib refuses
	// must end the instantiation, for wazero has no error for that: it would panic with
	// a slice out of range, or, when the memory starts empty, not notice.
	ready bool
}

// memoryRefused is what a refusal panics with while a module is being made.
type memoryRefused struct{ size uint64 }

// Allocate implements experimental.MemoryAllocator.
func (a *memoryAllocator) Allocate(capacity, maximum uint64) experimental.LinearMemory {
	id := callMemoryNew(a.user, capacity, maximum)
	if id == 0 {
		panic(memoryRefused{capacity})
	}
	memory := &linearMemory{id: id, allocator: a}
	// Until attach, the memory goes with this object. A module that could not be made
	// may still be reachable, if it has put functions into a table it imported.
	memory.cleanup = runtime.AddCleanup(memory, releaseMemory, id)
	a.memory = memory
	return memory
}

// attach ties the end of the memory to the MemoryInstance of its module. The linearMemory
// would do as well as long as nothing drops the reference to it, which is what wazero's
// close tries to.
func (a *memoryAllocator) attach(instance unsafe.Pointer) {
	a.ready = true
	if a.memory == nil {
		return
	}
	runtime.AddCleanup((*byte)(instance), releaseMemory, a.memory.id)
	a.memory.cleanup.Stop()
	runtime.KeepAlive(a.memory)
}

func releaseMemory(id uintptr) {
	defer quiet()
	callMemoryRelease(id)
}

// collectGarbage collects garbage and gives the cleanups of what it found time to run: they have
// goroutines of their own, which a cleanup that was added last tells of.
func collectGarbage() {
	done := make(chan struct{})
	sentinel := new([16]byte)
	runtime.AddCleanup(sentinel, func(done chan struct{}) { close(done) }, done)
	runtime.GC()
	select {
	case <-done:
	case <-time.After(100 * time.Millisecond):
	}
}

// linearMemory is one memory of lib's.
type linearMemory struct {
	id        uintptr
	allocator *memoryAllocator
	cleanup   runtime.Cleanup
}

// Reallocate implements experimental.LinearMemory. The capacity of what it returns is its
// length: were wazero to append to it, it would copy and not write behind the end.
func (m *linearMemory) Reallocate(size uint64) []byte {
	base := callMemoryReallocate(m.id, size)
	if base == nil {
		if !m.allocator.ready {
			panic(memoryRefused{size})
		}
		return nil
	}
	return unsafe.Slice(base, size)
}

// Free implements experimental.LinearMemory; see the top of this file.
func (m *linearMemory) Free() {}

// memoryGrow grows the memory that the module has, exported or not.
func memoryGrow(h handle, delta uint32) int64 {
	m := lookup[wasmModule](h)
	if m == nil {
		return -1
	}
	if *m.layout.memoryOf(m.Module) == nil { // Memory would return a typed nil
		return -1
	}
	pages, ok := m.Memory().Grow(delta)
	if !ok {
		return -1
	}
	return int64(pages)
}
