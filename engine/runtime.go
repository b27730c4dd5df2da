package main

// This file makes runtimes and compiles modules in them. A runtime's lock is held shared
// by what adds to the runtime and alone by what closes it, for wazero lets go of its maps
// in Close while a compilation may still write to them, and a module that is being made
// must have its hooks (module.go) before it can be closed.

import (
	"context"
	"runtime/debug"
	"sync"
	_ "unsafe" // for go:linkname

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// engineKind is wazero_engine_kind_t.
type engineKind int32

const (
	engineAuto        engineKind = 0
	engineCompiler    engineKind = 1
	engineInterpreter engineKind = 2
)

// runtimeConfig is wz_runtime_config.
type runtimeConfig struct {
	engine           engineKind
	memoryLimitPages uint32
	features         uint64
	cache            handle
	debugInfo        bool
	capacityFromMax  bool
}

type wasmRuntime struct {
	wazero.Runtime
	folder *entryFolder // of its cache, or nil
	mutex  sync.RWMutex
	closed bool // guarded by mutex
}

type compiledModule struct {
	wazero.CompiledModule
	runtime     *wasmRuntime
	places      *pendingPlaces // the source map that is still in the cache's file, or nil
	compilation *compilation   // of a module with listeners, or nil
}

// compileTask is wz_compilation.
type compileTask struct {
	binary    []byte
	workers   int
	key       *entryKey
	entry     handle
	lines     bool
	listening *listening
}

func runtimeNew(config runtimeConfig) (handle, *failure) {
	var c wazero.RuntimeConfig
	switch config.engine {
	case engineAuto:
		c = wazero.NewRuntimeConfig()
	case engineCompiler:
		c = wazero.NewRuntimeConfigCompiler()
	case engineInterpreter:
		c = wazero.NewRuntimeConfigInterpreter()
	default:
		return 0, invalid("no engine has the number %d", config.engine)
	}
	c = c.WithCoreFeatures(api.CoreFeatures(config.features)).
		WithMemoryLimitPages(config.memoryLimitPages).
		WithMemoryCapacityFromMax(config.capacityFromMax).
		WithDebugInfoEnabled(config.debugInfo)
	r := &wasmRuntime{}
	if config.cache != 0 {
		cache := lookup[compilationCache](config.cache)
		if cache == nil {
			return 0, badHandle("cache", config.cache)
		}
		c = c.WithCompilationCache(cache.CompilationCache)
		r.folder = cache.folder
	}
	r.Runtime = wazero.NewRuntimeWithConfig(context.Background(), c)
	return newHandle(r), nil
}

// enter finds a runtime and keeps it from being closed until leave.
func enterRuntime(h handle) (*wasmRuntime, *failure) {
	r := lookup[wasmRuntime](h)
	if r == nil {
		return nil, badHandle("runtime", h)
	}
	r.mutex.RLock()
	if r.closed {
		r.mutex.RUnlock()
		return nil, &failure{kind: errorClosed, message: "the runtime is closed"}
	}
	return r, nil
}

func (r *wasmRuntime) leave() { r.mutex.RUnlock() }

// runtimeClose closes everything in the runtime. It waits for what is being compiled or
// instantiated there, not for calls that run.
func runtimeClose(h handle, exitCode uint32) {
	r := removeHandle[wasmRuntime](h)
	if r == nil {
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.closed = true
	_ = r.CloseWithExitCode(context.Background(), exitCode)
}

// runtimeCompile compiles a module, or loads it from an entry of the cache. wazero keeps
// nothing of the binary: its decoder copies what it needs.
func runtimeCompile(h handle, given *compileTask) (handle, *failure) {
	r, f := enterRuntime(h)
	if f != nil {
		return 0, f
	}
	defer r.leave()
	made := &compiledModule{runtime: r}
	binary := given.binary
	if given.listening.isSomebody() {
		made.compilation = newCompilation(binary)
		binary = made.compilation.mark(binary)
	}
	request := &entryRequest{key: given.key, lines: given.lines}
	if given.entry != 0 {
		request.found = lookup[entry](given.entry)
		if request.found == nil {
			return 0, badHandle("cache entry", given.entry)
		}
		if request.found.MapCount > 0 && !given.lines {
			made.places = request.found.pending()
		}
	}
	var err error
	compile := func() {
		ctx := experimental.WithCompilationWorkers(given.listening.context(), given.workers)
		made.CompiledModule, err = r.CompileModule(ctx, binary)
	}
	if r.folder != nil {
		r.folder.during(request, compile)
	} else {
		compile()
	}
	if err != nil {
		made.compilation.release()
		return 0, compileFailure(err)
	}
	return newHandle(made), nil
}

// compiledClose forgets a compiled module. The code itself goes with the last instance,
// for each holds it (checked: executablesFinalizer of wazevo is all that unmaps code).
func compiledClose(h handle) {
	// wazero counts its compiled modules by hash, so a second Close of one would take
	// away another; the handle makes sure that there is one.
	if compiled := removeHandle[compiledModule](h); compiled != nil {
		_ = compiled.Close(context.Background())
		compiled.compilation.release()
	}
}

// compilerSupports is what wazero asks before it takes the compiler. Its public interface
// only has it in the form of what NewRuntimeConfig chooses.
//
//go:linkname compilerSupports github.com/tetratelabs/wazero/internal/platform.CompilerSupports
func compilerSupports(features api.CoreFeatures) bool

// wazeroVersion may be set with -ldflags '-X main.wazeroVersion=...', for builds without
// build information.
var wazeroVersion string

// engineVersion is the version of wazero in go.mod.
func engineVersion() string {
	if wazeroVersion != "" {
		return wazeroVersion
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/tetratelabs/wazero" {
				return module.Version
			}
		}
	}
	return "unknown"
}
