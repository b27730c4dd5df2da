package main

// This file reaches four fields of wazero's module instance that its API does not offer.
// They are exported fields of a type that is internal, so reflection finds them, by name,
// and each is checked to have the type that is expected: with another wazero, modules are
// refused with an error of kind INTERNAL.

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// moduleLayout is where the fields of *wasm.ModuleInstance lie.
type moduleLayout struct {
	instance reflect.Type
	memory   uintptr // MemoryInstance *wasm.MemoryInstance
	notifier uintptr // CloseNotifier experimental.CloseNotifier
	closer   uintptr // CodeCloser api.Closer
	engine   int     // Engine wasm.ModuleEngine, by its index
}

// functionMaker is what is needed of wasm.ModuleEngine.
type functionMaker interface {
	NewFunction(index uint32) api.Function
}

var knownLayout atomic.Pointer[moduleLayout]

// layoutOf returns the layout of a module's type, the same for all modules.
func layoutOf(m api.Module) (*moduleLayout, error) {
	t := reflect.TypeOf(m)
	if known := knownLayout.Load(); known != nil && known.instance == t {
		return known, nil
	}
	found, err := findLayout(t)
	if err == nil {
		knownLayout.Store(found)
	}
	return found, err
}

func findLayout(t reflect.Type) (*moduleLayout, error) {
	found := &moduleLayout{instance: t}
	memory, err := fieldOf(t, "MemoryInstance", func(f reflect.Type) bool {
		return f.Kind() == reflect.Pointer && f.Implements(reflect.TypeFor[api.Memory]())
	})
	if err != nil {
		return nil, err
	}
	notifier, err := fieldOf(t, "CloseNotifier", func(f reflect.Type) bool {
		return f == reflect.TypeFor[experimental.CloseNotifier]()
	})
	if err != nil {
		return nil, err
	}
	closer, err := fieldOf(t, "CodeCloser", func(f reflect.Type) bool {
		return f == reflect.TypeFor[api.Closer]()
	})
	if err != nil {
		return nil, err
	}
	engine, err := fieldOf(t, "Engine", func(f reflect.Type) bool {
		return f.Kind() == reflect.Interface && f.Implements(reflect.TypeFor[functionMaker]())
	})
	if err != nil {
		return nil, err
	}
	found.memory, found.notifier, found.closer = memory.Offset, notifier.Offset, closer.Offset
	found.engine = engine.Index[0]
	return found, nil
}

// fieldOf finds a field by its name in the struct that pointer is a pointer to; one that
// is declared there, not in a struct embedded in it.
func fieldOf(pointer reflect.Type, name string, fits func(reflect.Type) bool) (reflect.StructField, error) {
	var f reflect.StructField
	ok := pointer.Kind() == reflect.Pointer && pointer.Elem().Kind() == reflect.Struct
	if ok {
		f, ok = pointer.Elem().FieldByName(name)
	}
	if !ok || len(f.Index) != 1 || !fits(f.Type) {
		return f, fmt.Errorf("wazero's %v has no field %s of the expected type", pointer, name)
	}
	return f, nil
}

// memoryOf is the address of a module's memory instance, nil if it has no memory.
func (l *moduleLayout) memoryOf(m api.Module) *unsafe.Pointer {
	return (*unsafe.Pointer)(unsafe.Add(reflect.ValueOf(m).UnsafePointer(), l.memory))
}

func (l *moduleLayout) notifierOf(m api.Module) *experimental.CloseNotifier {
	return (*experimental.CloseNotifier)(unsafe.Add(reflect.ValueOf(m).UnsafePointer(), l.notifier))
}

func (l *moduleLayout) closerOf(m api.Module) *api.Closer {
	return (*api.Closer)(unsafe.Add(reflect.ValueOf(m).UnsafePointer(), l.closer))
}

func (l *moduleLayout) engineOf(m api.Module) functionMaker {
	maker, _ := reflect.ValueOf(m).Elem().Field(l.engine).Interface().(functionMaker)
	return maker
}
