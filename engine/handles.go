package main

// This file turns Go objects into the numbers that C holds, and back. A handle is the
// index of a slot with, in the upper half, how often the slot has been used; so a handle
// that was given back never names a later object. A look-up says which type it wants
// and gets nil for anything else. Look-ups take no lock, for each call of a function
// makes one; new and remove take one.

import (
	"sync"
	"sync/atomic"
)

type handle uint64

const (
	chunkBits = 10
	maxChunks = 1 << 14 // of 1024 handles each
)

// slotEntry never changes once it can be seen, so a reader needs no lock: the entry it
// loaded either carries its handle, and then the object is the right one, or does not.
type slotEntry struct {
	handle handle
	object any
}

type slotChunk [1 << chunkBits]struct {
	entry atomic.Pointer[slotEntry]
	uses  uint32 // guarded by mutex; 0 while the slot has never been used
}

var handles struct {
	chunks [maxChunks]atomic.Pointer[slotChunk]
	mutex  sync.Mutex
	free   []uint32 // slots that were used and are not now
	used   uint32   // slots that have ever been used
	live   int
}

// newHandle keeps object until removeHandle. It panics when there are 16 million handles.
func newHandle(object any) handle {
	handles.mutex.Lock()
	defer handles.mutex.Unlock()
	var index uint32
	if n := len(handles.free); n > 0 {
		index = handles.free[n-1]
		handles.free = handles.free[:n-1]
	} else {
		if handles.used == maxChunks<<chunkBits {
			panic("too many handles")
		}
		index = handles.used
		handles.used++
	}
	chunk := handles.chunks[index>>chunkBits].Load()
	if chunk == nil {
		chunk = new(slotChunk)
		handles.chunks[index>>chunkBits].Store(chunk)
	}
	slot := &chunk[index&(1<<chunkBits-1)]
	slot.uses++
	h := handle(slot.uses)<<32 | handle(index)
	slot.entry.Store(&slotEntry{handle: h, object: object})
	handles.live++
	return h
}

// lookup returns the object of a handle, or nil if it is not a *T any more or never was.
func lookup[T any](h handle) *T {
	index := uint32(h)
	if index>>chunkBits >= maxChunks {
		return nil
	}
	chunk := handles.chunks[index>>chunkBits].Load()
	if chunk == nil {
		return nil
	}
	entry := chunk[index&(1<<chunkBits-1)].entry.Load()
	if entry == nil || entry.handle != h {
		return nil
	}
	object, _ := entry.object.(*T)
	return object
}

// removeHandle makes the handle invalid and returns its object, or nil if it is not a *T.
// Of several that remove the same handle at once, one gets the object.
func removeHandle[T any](h handle) *T {
	handles.mutex.Lock()
	defer handles.mutex.Unlock()
	object := lookup[T](h)
	if object == nil {
		return nil
	}
	index := uint32(h)
	slot := &handles.chunks[index>>chunkBits].Load()[index&(1<<chunkBits-1)]
	slot.entry.Store(nil)
	handles.live--
	if slot.uses != 1<<32-1 { // else the slot has no number left that is new
		handles.free = append(handles.free, index)
	}
	return object
}

// badHandle says what is wrong with a handle that lookup refused.
func badHandle(what string, h handle) *failure {
	handles.mutex.Lock()
	defer handles.mutex.Unlock()
	index := uint32(h)
	if h>>32 != 0 && index < handles.used {
		slot := &handles.chunks[index>>chunkBits].Load()[index&(1<<chunkBits-1)]
		if uses := uint32(h >> 32); uses < slot.uses || uses == slot.uses && slot.entry.Load() == nil {
			return &failure{kind: errorClosed, message: "the " + what + " is closed"}
		}
	}
	return &failure{kind: errorInvalid, message: "not a handle of a " + what}
}

// liveHandles is the number of handles that were given out and not yet given back.
func liveHandles() int {
	handles.mutex.Lock()
	defer handles.mutex.Unlock()
	return handles.live
}
