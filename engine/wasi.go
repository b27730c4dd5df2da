package main

// This file makes modules with wazero's own WASI preview 1 functions, under whatever
// module name the guest imports them by (wasi_snapshot_preview1, wasi_unstable).

import (
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

func wasiNew(h handle, name string, listening *listening) (handle, *failure) {
	return newHostModule(h, name, listening, func(builder wazero.HostModuleBuilder) {
		wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(builder)
	})
}
