package main

// This file reaches fields of wazero's module instance that its API does not offer. They
// are exported fields of types that are internal, so reflection finds them, by name, and
// each is checked to have the type that is expected: with another wazero, modules are
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
	// Indices of fields, and the offset of one:
	engine       int     // Engine wasm.ModuleEngine
	globals      int     // Globals []*GlobalInstance
	globalType   []int   // in that, Type.ValType
	globalLower  int     // Val uint64
	globalUpper  int     // ValHi uint64
	tables       int     // Tables []*TableInstance
	elements     uintptr // in that, References []uintptr
	elementType  int     // Type ValueType
	typeIDs      int     // TypeIDs []FunctionTypeID
	source       int     // Source *Module
	types        int     // in that, TypeSection []FunctionType
	importCount  int     // ImportFunctionCount uint32
	codes        int     // CodeSection []Code
	goFunctionAt int     // in that, GoFunc any
}

// functionMaker is what is needed of wasm.ModuleEngine.
type functionMaker interface {
	NewFunction(index uint32) api.Function
	FunctionInstanceReference(index uint32) uintptr
}

// valueType is what is needed of wasm.ValueType.
type valueType interface {
	Kind() byte
	IsNullable() bool
	IsConcreteRef() bool
	TypeIndex() uint32
}

// globalValue is what is needed of *wasm.GlobalInstance.
type globalValue interface {
	Value() (lower, upper uint64)
	SetValue(lower, upper uint64)
}

// tableGrower is what is needed of *wasm.TableInstance.
type tableGrower interface {
	Grow(delta uint32, initial uintptr) uint32
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
	return found, found.findParts(t)
}

// findParts finds the fields of globals, tables and the module's source.
func (l *moduleLayout) findParts(t reflect.Type) error {
	var global, table, source, code, signature reflect.Type
	err := locateAll([]wantedPart{
		{t, "Globals", isSliceOf[globalValue], &l.globals, &global},
		{t, "Tables", isSliceOf[tableGrower], &l.tables, &table},
		{t, "Source", isPointer, &l.source, &source},
		{t, "TypeIDs", isSliceOfKind(reflect.Uint32), &l.typeIDs, nil},
	})
	if err != nil {
		return err
	}
	var globalType reflect.Type
	var typeOfGlobal, valueOfType int
	err = locateAll([]wantedPart{
		{global.Elem(), "Val", isKind(reflect.Uint64), &l.globalLower, nil},
		{global.Elem(), "ValHi", isKind(reflect.Uint64), &l.globalUpper, nil},
		{global.Elem(), "Type", isKind(reflect.Struct), &typeOfGlobal, &globalType},
		{table.Elem(), "Type", is[valueType], &l.elementType, nil},
		{source, "TypeSection", isSliceOfKind(reflect.Struct), &l.types, &signature},
		{source, "ImportFunctionCount", isKind(reflect.Uint32), &l.importCount, nil},
		{source, "CodeSection", isSliceOfKind(reflect.Struct), &l.codes, &code},
	})
	if err != nil {
		return err
	}
	var params, results int
	err = locateAll([]wantedPart{
		{reflect.PointerTo(globalType), "ValType", is[valueType], &valueOfType, nil},
		{reflect.PointerTo(code.Elem()), "GoFunc", isKind(reflect.Interface), &l.goFunctionAt, nil},
		{reflect.PointerTo(signature.Elem()), "Params", isSliceOf[valueType], &params, nil},
		{reflect.PointerTo(signature.Elem()), "Results", isSliceOf[valueType], &results, nil},
	})
	if err != nil {
		return err
	}
	l.globalType = []int{typeOfGlobal, valueOfType}
	elements, err := fieldOf(table.Elem(), "References", func(f reflect.Type) bool {
		return f == reflect.TypeFor[[]uintptr]()
	})
	l.elements = elements.Offset
	return err
}

// wantedPart is a field of what a pointer points to, and where to put its index and type.
type wantedPart struct {
	of    reflect.Type
	name  string
	fits  func(reflect.Type) bool
	index *int
	found *reflect.Type
}

func locateAll(wanted []wantedPart) error {
	for _, w := range wanted {
		f, err := fieldOf(w.of, w.name, w.fits)
		if err != nil {
			return err
		}
		*w.index = f.Index[0]
		if w.found != nil {
			*w.found = f.Type
		}
	}
	return nil
}

func is[T any](t reflect.Type) bool { return t.Implements(reflect.TypeFor[T]()) }

func isSliceOf[T any](t reflect.Type) bool { return t.Kind() == reflect.Slice && is[T](t.Elem()) }

func isPointer(t reflect.Type) bool { return t.Kind() == reflect.Pointer }

func isKind(kind reflect.Kind) func(reflect.Type) bool {
	return func(t reflect.Type) bool { return t.Kind() == kind }
}

func isSliceOfKind(kind reflect.Kind) func(reflect.Type) bool {
	return func(t reflect.Type) bool { return t.Kind() == reflect.Slice && t.Elem().Kind() == kind }
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

// moduleSource is a wasm.Module, with where its fields are.
type moduleSource struct {
	reflect.Value
	layout *moduleLayout
}

func (l *moduleLayout) sourceOf(m api.Module) moduleSource {
	return moduleSource{reflect.ValueOf(m).Elem().Field(l.source).Elem(), l}
}

// importedFunctions is the number of functions that it imports.
func (s moduleSource) importedFunctions() uint32 {
	return uint32(s.Field(s.layout.importCount).Uint())
}

// goFunction is the function in Go that the module has in the place of code, or nil.
func (s moduleSource) goFunction(index uint32) any {
	return s.Field(s.layout.codes).Index(int(index)).Field(s.layout.goFunctionAt).Interface()
}
