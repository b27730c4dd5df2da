package main

// This file makes modules with wazero's own WASI preview 1 functions, under whatever
// module name the guest imports them by (wasi_snapshot_preview1, wasi_unstable), and the
// random source that they read.

import (
	"crypto/rand"
	"io"
	mathrand "math/rand"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

func wasiNew(h handle, name string) (handle, *failure) {
	return newHostModule(h, name, func(builder wazero.HostModuleBuilder) {
		wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(builder)
	})
}

func randomSource(system bool) io.Reader {
	if system {
		return rand.Reader
	}
	return new(fakeRandom)
}

// fakeRandom gives the bytes that wazero gives when it has no random source. wazero seeds
// its own for each module, which is most of the time that instantiating takes; this one
// is seeded when it is first read (2026-11-23, a tiny module on a busy machine: 24 us with
// wazero's, 3 us with this).
type fakeRandom struct{ source *mathrand.Rand }

// fakeSeed is seed of wazero's internal/platform/crypto.go.
const fakeSeed = 42

// Read implements io.Reader.
func (f *fakeRandom) Read(buffer []byte) (int, error) {
	if f.source == nil {
		f.source = mathrand.New(mathrand.NewSource(fakeSeed))
	}
	return f.source.Read(buffer)
}
