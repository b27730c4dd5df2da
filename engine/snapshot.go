package main

// This file takes snapshots of a call that runs, and goes back to them. wazero goes back
// by a panic with the snapshot, which its loop recovers around a call of the host; so a
// host function is what goes back (host.go).

import (
	"context"
	"encoding/binary"
	"reflect"
	"strings"

	"github.com/tetratelabs/wazero/experimental"
)

type snapshot struct{ experimental.Snapshot }

// functionCallWithSnapshots is functionCall for a function from which host functions take
// snapshots.
func functionCallWithSnapshots(h handle, stack []uint64) *failure {
	function := lookup[wasmFunction](h)
	if function == nil {
		return badHandle("function", h)
	}
	// The interpreter of v1.12.0 takes what was restored for the return of the function
	// that runs now: it goes on in the wrong place.
	if strings.HasSuffix(reflect.TypeOf(function.Function).Elem().PkgPath(), "/interpreter") {
		return invalid("snapshots need the compiler: wazero's interpreter cannot restore them")
	}
	return function.call(experimental.WithSnapshotter(context.Background()), stack)
}

// snapshotNew takes a snapshot of a function that runs and calls the host.
func snapshotNew(h handle) (handle, *failure) {
	function := lookup[wasmFunction](h)
	if function == nil {
		return 0, badHandle("function", h)
	}
	snapshotter, ok := function.Function.(experimental.Snapshotter)
	if !ok || !function.running.Load() {
		return 0, invalid("the function is not running")
	}
	return newHandle(&snapshot{snapshotter.Snapshot()}), nil
}

// restore goes back: numbers are a snapshot's handle and the results of the function that
// took it. It does not return.
func restore(numbers string) {
	results := make([]uint64, 0, len(numbers)/8)
	for data := []byte(numbers); len(data) >= 8; data = data[8:] {
		results = append(results, binary.NativeEndian.Uint64(data))
	}
	s := lookup[snapshot](handle(results[0]))
	if s == nil {
		panic(&hostError{"the snapshot has been released"})
	}
	s.Restore(results[1:])
}

func snapshotRelease(h handle) { removeHandle[snapshot](h) }
