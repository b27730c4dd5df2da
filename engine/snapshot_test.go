package main

import "testing"

func TestSnapshotsOfNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, calculator(), nil)
		h, f := functionNew(m, 0)
		must(t, h, f)
		_, f = snapshotNew(h)
		fails(t, f, errorInvalid, "not running")
		_, f = snapshotNew(m)
		fails(t, f, errorInvalid, "not a handle of a function")
		fails(t, functionCallWithSnapshots(0, nil), errorInvalid, "not a handle of a function")
		snapshotRelease(0)
		functionRelease(h)
		moduleClose(m, 0)
		moduleRelease(m)
	})
}

func TestRestoreOfNothing(t *testing.T) {
	defer func() {
		if _, ok := recover().(*hostError); !ok {
			t.Error("it went back")
		}
	}()
	restore("\x00\x00\x00\x00\x00\x00\x00\x00")
}
