package main

// This file instantiates modules. A module's object lives until lib releases it, closed or
// not; what wazero has of it lives as long as anything leads to it. Modules have no names
// in wazero: lib keeps the names and says for each import which module answers it.

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// moduleConfig is wz_module_config.
type moduleConfig struct {
	user        uintptr
	imports     []moduleImport
	asked       string // the module name that wazero looked up last
	args        []string
	environment []variable
	streams     [3]stream
	mounts      []mount
	listeners   []listener
	sources     sources
}

type moduleImport struct {
	name   string
	module handle
}

type variable struct{ key, value string }

type mount struct {
	host, guest string
	readOnly    bool
}

type wasmModule struct {
	api.Module
	layout *moduleLayout
	hooks  *moduleHooks   // nil of a host module
	places *pendingPlaces // of what it is compiled from, or nil
	home   uintptr        // how references find it; see references.go
}

// users has the user of each api.Module that lib has not released, closed or not.
var users sync.Map

// userKey finds, in the context of an instantiation, the user of the module that is being
// made: users does not have it yet.
type userKey struct{}

// userOf is the user of a module that calls a host function; 0 if it is none of lib's.
func userOf(ctx context.Context, m api.Module) uintptr {
	if user, ok := users.Load(m); ok {
		return user.(uintptr)
	}
	user, _ := ctx.Value(userKey{}).(uintptr)
	return user
}

// anonymous is what all module configurations start from.
var anonymous = wazero.NewModuleConfig().WithName("").WithStartFunctions()

// wazeroConfig turns a configuration into wazero's. The caller closes what was opened.
func (c *moduleConfig) wazeroConfig() (wazero.ModuleConfig, []interface{ Close() error }, *failure) {
	// Each With copies the whole configuration, the environment with it, so that comes
	// last.
	config, opened, f := c.withStreams(c.withSources(anonymous))
	if f != nil {
		return nil, nil, f
	}
	if len(c.args) > 0 {
		config = config.WithArgs(c.args...)
	}
	if len(c.mounts) > 0 {
		files := wazero.NewFSConfig()
		for _, m := range c.mounts {
			if m.readOnly {
				files = files.WithReadOnlyDirMount(m.host, m.guest)
			} else {
				files = files.WithDirMount(m.host, m.guest)
			}
		}
		config = config.WithFSConfig(files)
	}
	for _, v := range c.environment {
		config = config.WithEnv(v.key, v.value)
	}
	return config, opened, nil
}

// resolver answers the imports of a module. What it does not know, wazero looks for among
// the modules with names, of which there are none, and reports as not instantiated.
func (c *moduleConfig) resolver() (experimental.ImportResolver, *failure) {
	modules := make([]api.Module, len(c.imports))
	for i, given := range c.imports {
		m := lookup[wasmModule](given.module)
		if m == nil {
			return nil, badHandle("module", given.module)
		}
		modules[i] = m.Module
	}
	return func(name string) api.Module {
		c.asked = name
		for i := range c.imports {
			if c.imports[i].name == name {
				return modules[i]
			}
		}
		return nil
	}, nil
}

func moduleNew(runtimeHandle, compiledHandle handle, config *moduleConfig) (handle, *failure) {
	r, f := enterRuntime(runtimeHandle)
	if f != nil {
		return 0, f
	}
	defer r.leave()
	compiled := lookup[compiledModule](compiledHandle)
	if compiled == nil {
		return 0, badHandle("compiled module", compiledHandle)
	}
	if compiled.runtime != r { // its type numbers are those of another store
		return 0, invalid("the compiled module is of another runtime")
	}

	allocator := &memoryAllocator{user: config.user}
	ctx := experimental.WithMemoryAllocator(context.WithValue(context.Background(), userKey{}, config.user), allocator)
	if len(config.imports) > 0 {
		resolver, f := config.resolver()
		if f != nil {
			return 0, f
		}
		ctx = experimental.WithImportResolver(ctx, resolver)
	}
	wazeroConfig, opened, f := config.wazeroConfig()
	if f != nil {
		return 0, f
	}
	m, f := instantiate(config.withListeners(ctx), r, compiled.CompiledModule, wazeroConfig)
	if f != nil {
		closeAll(opened)
		// Modules have no names in wazero, but the guest knows them by one.
		f.message = strings.Replace(f.message, ` in module ""`, " in module "+strconv.Quote(config.asked), 1)
		return 0, f
	}

	// The hooks are in place before anybody can close the module: it has no name, no
	// handle yet, and its runtime cannot be closed now.
	memory := m.layout.memoryOf(m.Module)
	allocator.attach(*memory)
	m.hooks = &moduleHooks{user: config.user, memory: memory, opened: opened}
	m.places = compiled.places
	*m.layout.notifierOf(m.Module) = m.hooks
	*m.layout.closerOf(m.Module) = m.hooks
	users.Store(m.Module, config.user)
	if f := config.findAddresses(m); f != nil {
		_ = m.Close(context.Background())
		users.Delete(m.Module)
		return 0, f
	}
	return newHandle(m), nil
}

// placeOf is the place of a new module.
func placeOf(h handle) modulePlace { return knownDirect.Load().placeOf(lookup[wasmModule](h)) }

// instantiate makes a module of wazero's and reports a memory that lib refused.
func instantiate(ctx context.Context, r *wasmRuntime, compiled wazero.CompiledModule, config wazero.ModuleConfig) (m *wasmModule, f *failure) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case memoryRefused:
			m, f = nil, &failure{kind: errorMemory, message: "no memory for the linear memory of the module"}
		default:
			panic(reason)
		}
	}()
	made, err := r.InstantiateModule(ctx, compiled, config)
	if err != nil {
		return nil, instantiateFailure(err)
	}
	layout, err := layoutOf(made)
	if err != nil {
		_ = made.Close(context.Background())
		return nil, internal("%v", err)
	}
	m = &wasmModule{Module: made, layout: layout}
	if f := m.enlist(); f != nil {
		_ = made.Close(context.Background())
		return nil, f
	}
	return m, nil
}

func moduleClose(h handle, exitCode uint32) {
	if m := lookup[wasmModule](h); m != nil {
		_ = m.CloseWithExitCode(context.Background(), exitCode)
	}
}

func moduleRelease(h handle) {
	if m := removeHandle[wasmModule](h); m != nil {
		m.delist()
		users.Delete(m.Module)
		if m.hooks != nil {
			atomic.StoreUintptr(&m.hooks.user, 0)
		}
	}
}

// moduleHooks is what a module carries so that its close leaves its memory alone, closes
// what the engine opened for it, and is told to lib. wazero closes a module in several
// ways (lib, a host function, proc_exit, the runtime), all through one function of its:
//
//	call CloseNotifier; close files; if there is a memory, free and drop its buffer;
//	call CodeCloser
//
// So the first hook takes the memory away and the last one puts it back. It must come
// back: code of the module can still run, through a table or an importer. Code that uses
// Go's view of the memory on another thread meanwhile (memory.grow, or anything in the
// interpreter) panics on nil, which wazero recovers; lib closes modules when nobody is
// inside.
//
// It is also where lib, when it calls a host function without Go, finds whose code called:
// it reads the first field, through the CloseNotifier, which wazero drops in a close.
type moduleHooks struct {
	user     uintptr         // 0 once lib has released the module: it may be gone
	memory   *unsafe.Pointer // the field of the module
	taken    unsafe.Pointer
	opened   []interface{ Close() error }
	exitCode uint32
}

// CloseNotify implements experimental.CloseNotifier.
func (h *moduleHooks) CloseNotify(_ context.Context, exitCode uint32) {
	h.exitCode = exitCode
	h.taken, *h.memory = *h.memory, nil
}

// Close implements api.Closer.
func (h *moduleHooks) Close(context.Context) error {
	*h.memory, h.taken = h.taken, nil
	closeAll(h.opened)
	h.opened = nil
	if user := atomic.LoadUintptr(&h.user); user != 0 {
		callModuleClosed(user, h.exitCode)
	}
	return nil
}

func closeAll(opened []interface{ Close() error }) {
	for _, o := range opened {
		_ = o.Close()
	}
}
