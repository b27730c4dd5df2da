package main

// This file sees to source maps: which place in the binary each place in the code is from.
// Only stack traces with source lines need them, and they are half as large as the code. Of
// a module that was loaded from a cache the map stays in the file until lib, before it asks
// for a trace, says that it is needed. wazero reads its maps without a lock; so one is put
// in only while no call is inside Go's part of the direct path.

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// sourceMap is wazero's struct of that name.
type sourceMap struct {
	executableOffsets []uintptr
	wasmBinaryOffsets []uint64
}

// isSourceMap tells whether t has the fields of sourceMap.
func isSourceMap(t reflect.Type) bool {
	ours := reflect.TypeFor[sourceMap]()
	if t.Kind() != reflect.Struct || t.NumField() != ours.NumField() {
		return false
	}
	for i := range ours.NumField() {
		if t.Field(i).Name != ours.Field(i).Name || t.Field(i).Type != ours.Field(i).Type {
			return false
		}
	}
	return true
}

// pendingPlaces is where to find the source map of a compiled module.
type pendingPlaces struct {
	folder *entryFolder
	key    entryKey
	done   atomic.Bool
	mutex  sync.Mutex
}

func (e *entry) pending() *pendingPlaces {
	return &pendingPlaces{folder: e.folder, key: e.Key}
}

// placesInUse is held shared by who may be reading source maps.
var placesInUse sync.RWMutex

// moduleLoadPlaces has the code of a module find its source map, if that is still to be
// read. Without it traces have no source lines.
func moduleLoadPlaces(h handle) {
	m := lookup[wasmModule](h)
	l := knownDirect.Load()
	if m == nil || m.places == nil || m.places.done.Load() || l == nil {
		return
	}
	pending := m.places
	pending.mutex.Lock()
	defer pending.mutex.Unlock()
	maker := m.layout.engineOf(m.Module)
	if pending.done.Load() || reflect.TypeOf(maker) != l.engine {
		return
	}
	compiled := pointerAt(object(maker), l.compiled)
	code := *(*[]byte)(unsafe.Add(pointerAt(compiled, l.executables), l.code))
	loaded := pending.read(code)
	// Calls are inside for as long as a host function of Go's takes: then the lines wait
	// for another trap.
	const tries = 100
	for i := 0; i < tries && !placesInUse.TryLock(); i++ {
		if i == tries-1 {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
	defer placesInUse.Unlock()
	*(*sourceMap)(unsafe.Add(compiled, l.sourceMap)) = loaded
	pending.done.Store(true)
}

// read reads the source map of code; it is empty if the file has other code by now.
func (p *pendingPlaces) read(code []byte) (loaded sourceMap) {
	e := p.folder.open(p.key)
	if e == nil {
		return loaded
	}
	defer e.close()
	if uint64(len(code)) != e.CodeSize || !bytes.Equal(pieceSums(code), e.sums) {
		return loaded
	}
	packed, err := e.readPlaces()
	if err == nil {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(code)))
		loaded.executableOffsets, loaded.wasmBinaryOffsets, err = unpackPlaces(packed, e.MapCount, base)
	}
	if err != nil {
		return sourceMap{}
	}
	return loaded
}

// packPlaces packs pairs of a place in the binary and one in the code, 64 bits each: as
// differences they take 2 or 3 bytes instead of 16.
func packPlaces(pairs []byte) []byte {
	packed := make([]byte, 0, len(pairs)/4)
	var before [2]int64
	for i := 0; i < len(pairs); i += 8 {
		value := int64(binary.LittleEndian.Uint64(pairs[i:]))
		which := i / 8 % 2
		packed = binary.AppendVarint(packed, value-before[which])
		before[which] = value
	}
	return packed
}

// unpackPlaces is the inverse; base is added to the places in the code.
func unpackPlaces(packed []byte, count uint64, base uintptr) (code []uintptr, source []uint64, err error) {
	if count > uint64(len(packed))/2 { // a byte each, at least
		return nil, nil, errDamaged
	}
	code, source = make([]uintptr, count), make([]uint64, count)
	var before [2]int64
	for i := range code {
		for which := range before {
			difference, n := binary.Varint(packed)
			if n <= 0 {
				return nil, nil, errDamaged
			}
			packed = packed[n:]
			before[which] += difference
		}
		source[i], code[i] = uint64(before[0]), base+uintptr(before[1])
	}
	return code, source, nil
}
