package main

// This file reads and makes wazero's references, and finds tables and globals by index.
//
// A reference to a function is the address of what the engine has of it: a number, to
// wazero and to the collector. What it leads to lives as long as the module that it was
// taken from, and lib sees to that. A reference to anything else is the host's number: lib
// gives such numbers out, and asks which of them modules still have.

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Kinds of reference types, as in the binary format.
const (
	kindExternref = 0x6f
	kindExnref    = 0x69
)

// referenceLayout is where a function that a reference leads to has what tells which one
// it is. Offsets are in bytes.
type referenceLayout struct {
	engine reflect.Type // *moduleEngine
	// In the function:
	home   uintptr // a word that no other module's functions have
	typeID uintptr
	index  uintptr // of the compiler: in the module that it is of, if it was taken there
	code   uintptr // of the compiler: where its code is; of the interpreter: compiledFunction
	// Of the compiler, in moduleEngine, in compiledModule, and in what that leads to:
	compiler                               bool
	opaque, compiled, offsets, executables uintptr
	executable                             uintptr
	compiledIndex                          uintptr // of the interpreter, in compiledFunction
}

var knownReferences [2]atomic.Pointer[referenceLayout] // of compiler and interpreter

// referencesOf returns the layout for the functions of a module.
func referencesOf(m *wasmModule) (*referenceLayout, *failure) {
	engine := reflect.TypeOf(m.layout.engineOf(m.Module))
	for i := range knownReferences {
		if l := knownReferences[i].Load(); l != nil && l.engine == engine {
			return l, nil
		}
	}
	l, err := findReferences(engine, reflect.TypeOf(m.Module))
	if err != nil {
		return nil, internal("%v", err)
	}
	which := 1
	if l.compiler {
		which = 0
	}
	knownReferences[which].Store(l)
	return l, nil
}

func findReferences(engine, instance reflect.Type) (*referenceLayout, error) {
	l := &referenceLayout{engine: engine}
	if engine == nil || engine.Kind() != reflect.Pointer || engine.Elem().Kind() != reflect.Struct {
		return nil, errors.New("wazero's module engine is no struct")
	}
	if f, ok := engine.Elem().FieldByName("localFunctionInstances"); ok {
		l.compiler = true
		return l, l.findOfCompiler(f.Type)
	}
	return l, l.findOfInterpreter(instance)
}

// findOfCompiler finds the fields of a []*functionInstance and of what leads to code.
func (l *referenceLayout) findOfCompiler(instances reflect.Type) error {
	if instances.Kind() != reflect.Slice {
		return errors.New("wazero's function instances are no slice")
	}
	pointer, number := reflect.TypeFor[*byte](), reflect.Type(nil)
	var compiled, executables, typeID reflect.Type
	err := locate(instances.Elem(), []wantedField{
		{"executable", pointer, nil, &l.code},
		{"moduleContextOpaquePtr", pointer, nil, &l.home},
		{"typeID", nil, &typeID, &l.typeID},
		{"indexInModule", nil, &number, &l.index},
	})
	if err != nil {
		return err
	}
	err = locate(l.engine, []wantedField{
		{"opaquePtr", pointer, nil, &l.opaque},
		{"parent", nil, &compiled, &l.compiled},
	})
	if err != nil {
		return err
	}
	err = locate(compiled, []wantedField{
		{"functionOffsets", reflect.TypeFor[[]int](), nil, &l.offsets},
		{"executables", nil, &executables, &l.executables},
	})
	if err != nil {
		return err
	}
	if typeID.Kind() != reflect.Uint32 || number.Kind() != reflect.Uint32 {
		return errors.New("wazero's function instances are not as expected")
	}
	return locate(executables, []wantedField{{"executable", reflect.TypeFor[[]byte](), nil, &l.executable}})
}

// findOfInterpreter finds the fields of a function and of its compiled function.
func (l *referenceLayout) findOfInterpreter(instance reflect.Type) error {
	functions, ok := l.engine.Elem().FieldByName("functions")
	if !ok || functions.Type.Kind() != reflect.Slice {
		return errors.New("wazero's interpreter has no functions")
	}
	var compiled, typeID, number reflect.Type
	err := locate(reflect.PointerTo(functions.Type.Elem()), []wantedField{
		{"moduleInstance", instance, nil, &l.home},
		{"typeID", nil, &typeID, &l.typeID},
		{"parent", nil, &compiled, &l.code},
	})
	if err != nil {
		return err
	}
	err = locate(compiled, []wantedField{{"index", nil, &number, &l.compiledIndex}})
	if err == nil && (typeID.Kind() != reflect.Uint32 || number.Kind() != reflect.Uint32) {
		err = errors.New("wazero's functions are not as expected")
	}
	return err
}

// homes has the modules that lib has not released, by what their functions have as home.
var homes sync.Map

// homeOf is the key of a module in homes.
func (l *referenceLayout) homeOf(m *wasmModule) uintptr {
	if l.compiler {
		return wordAt(object(m.layout.engineOf(m.Module)), l.opaque)
	}
	return uintptr(object(m.Module))
}

// enlist has references to the functions of a new module be understood.
func (m *wasmModule) enlist() *failure {
	l, f := referencesOf(m)
	if f != nil {
		return f
	}
	m.home = l.homeOf(m)
	homes.Store(m.home, m)
	return nil
}

// delist ends that.
func (m *wasmModule) delist() { homes.Delete(m.home) }

// functionReference makes a reference to the function at an index. Of the compiler, each
// one to a function of the module's own takes memory for as long as the module lives.
func functionReference(h handle, index uint32) (reference uintptr, f *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return 0, badHandle("module", h)
	}
	defer func() {
		if r := recover(); r != nil { // wazero indexes its slices with it, unchecked
			reference, f = 0, invalid("no function with index %d: %v", index, r)
		}
	}()
	return m.layout.engineOf(m.Module).FunctionInstanceReference(index), nil
}

// functionPlace is wz_function_place.
type functionPlace struct {
	user   uintptr
	host   uintptr
	index  uint32
	typeID uint32
}

// referenceResolve tells which function a reference that a module has leads to.
func referenceResolve(h handle, reference uintptr) (functionPlace, *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return functionPlace{}, badHandle("module", h)
	}
	l, f := referencesOf(m)
	if f != nil {
		return functionPlace{}, f
	}
	function := targetOf(reference)
	found, ok := homes.Load(wordAt(function, l.home))
	if !ok {
		return functionPlace{}, internal("a reference leads to a function of no module")
	}
	home := found.(*wasmModule)
	place := functionPlace{typeID: *(*uint32)(unsafe.Add(function, l.typeID))}
	source := home.layout.sourceOf(home.Module)
	imported := source.importedFunctions()
	if l.compiler {
		hint := *(*uint32)(unsafe.Add(function, l.index))
		place.index = l.indexOf(home, wordAt(function, l.code), hint-imported) + imported
	} else {
		place.index = *(*uint32)(unsafe.Add(pointerAt(function, l.code), l.compiledIndex))
	}
	switch host := source.goFunction(place.index - imported).(type) {
	case nil:
		place.user = home.user()
	case *hostFunction:
		place.host = host.function
	}
	return place, nil
}

// indexOf is the number, among a module's own functions, of the one whose code begins at an
// address; hint may be right. (In what wazero keeps for imported functions it is 0.)
func (l *referenceLayout) indexOf(home *wasmModule, code uintptr, hint uint32) uint32 {
	compiled := pointerAt(object(home.layout.engineOf(home.Module)), l.compiled)
	executable := *(*[]byte)(unsafe.Add(pointerAt(compiled, l.executables), l.executable))
	offsets := *(*[]int)(unsafe.Add(compiled, l.offsets))
	offset := int(code - uintptr(unsafe.Pointer(unsafe.SliceData(executable))))
	if uint64(hint) < uint64(len(offsets)) && offsets[hint] == offset {
		return hint
	}
	return uint32(slices.Index(offsets, offset))
}

// user is what lib knows the module by; 0 if it is none of lib's.
func (m *wasmModule) user() uintptr {
	if m.hooks == nil {
		return 0
	}
	return atomic.LoadUintptr(&m.hooks.user)
}

// targetOf is the pointer that a reference is.
func targetOf(reference uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&reference))
}

// ---- types ----

// referenceType is wz_reference_type.
type referenceType struct {
	kind     byte
	nullable bool
	typed    bool
	typeID   uint32
}

// referenceTypeOf reads a value type of wazero's.
func (m *wasmModule) referenceTypeOf(given reflect.Value) referenceType {
	t := given.Interface().(valueType)
	found := referenceType{kind: t.Kind(), nullable: t.IsNullable(), typed: t.IsConcreteRef()}
	if found.typed {
		ids := reflect.ValueOf(m.Module).Elem().Field(m.layout.typeIDs)
		found.typeID = uint32(ids.Index(int(t.TypeIndex())).Uint())
	}
	return found
}

// signatureTypes has the types of parameters and results of a type of the module.
func signatureTypes(h handle, index uint32) (types []referenceType, f *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return nil, badHandle("module", h)
	}
	signature := m.layout.sourceOf(m.Module).Field(m.layout.types).Index(int(index))
	for _, name := range []string{"Params", "Results"} {
		list := signature.FieldByName(name)
		for i := range list.Len() {
			types = append(types, m.referenceTypeOf(list.Index(i)))
		}
	}
	return types, nil
}

// ---- tables ----

// tableOf is the table at an index of the module's tables.
func tableOf(h handle, index uint32) (*wasmModule, reflect.Value, *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return nil, reflect.Value{}, badHandle("module", h)
	}
	tables := reflect.ValueOf(m.Module).Elem().Field(m.layout.tables)
	if uint64(index) >= uint64(tables.Len()) {
		return nil, reflect.Value{}, invalid("no table with index %d", index)
	}
	return m, tables.Index(int(index)), nil
}

// elementsOf is what the table has, in place.
func (l *moduleLayout) elementsOf(table reflect.Value) []uintptr {
	return *(*[]uintptr)(unsafe.Add(table.UnsafePointer(), l.elements))
}

func tableType(h handle, index uint32) (referenceType, *failure) {
	m, table, f := tableOf(h, index)
	if f != nil {
		return referenceType{}, f
	}
	return m.referenceTypeOf(table.Elem().Field(m.layout.elementType)), nil
}

func tableSize(h handle, index uint32) (uint32, *failure) {
	m, table, f := tableOf(h, index)
	if f != nil {
		return 0, f
	}
	return uint32(len(m.layout.elementsOf(table))), nil
}

// tableElement is where the table has an element.
func tableElement(h handle, index, element uint32) (*uintptr, *failure) {
	m, table, f := tableOf(h, index)
	if f != nil {
		return nil, f
	}
	elements := m.layout.elementsOf(table)
	if uint64(element) >= uint64(len(elements)) {
		return nil, invalid("index %d is out of range: the table has %d elements", element, len(elements))
	}
	return &elements[element], nil
}

// tableGrow returns the size from before.
func tableGrow(h handle, index, delta uint32, reference uintptr) (uint32, *failure) {
	_, table, f := tableOf(h, index)
	if f != nil {
		return 0, f
	}
	old := table.Interface().(tableGrower).Grow(delta, reference)
	if old == 1<<32-1 {
		return 0, invalid("the table cannot grow by %d elements", delta)
	}
	return old, nil
}

// ---- what modules still have ----

// referencesMark sets marks at the lower half of each reference to something of the host's
// that is in a table or a global of the modules. It returns how many places it looked at;
// false if there are exceptions in some, which may have more.
func referencesMark(modules []handle, marks []byte) (places uint64, all bool) {
	all = true
	mark := func(reference uintptr) {
		if index := uint32(reference); reference != 0 && uint64(index) < uint64(len(marks)) {
			marks[index] = 1
		}
	}
	for _, h := range modules {
		m := lookup[wasmModule](h)
		if m == nil {
			continue // closed and released since lib looked
		}
		instance := reflect.ValueOf(m.Module).Elem()
		tables := instance.Field(m.layout.tables)
		for i := range tables.Len() {
			table := tables.Index(i)
			elements := m.layout.elementsOf(table)
			switch table.Elem().Field(m.layout.elementType).Interface().(valueType).Kind() {
			case kindExternref:
				places += uint64(len(elements))
				for _, reference := range elements {
					mark(reference)
				}
			case kindExnref:
				all = all && !slices.ContainsFunc(elements, func(e uintptr) bool { return e != 0 })
			}
		}
		globals := instance.Field(m.layout.globals)
		for i := range globals.Len() {
			global := globals.Index(i)
			kind := global.Elem().FieldByIndex(m.layout.globalType).Interface().(valueType).Kind()
			if kind != kindExternref && kind != kindExnref {
				continue
			}
			places++
			value, _ := global.Interface().(globalValue).Value()
			if kind == kindExternref {
				mark(uintptr(value))
			} else if value != 0 {
				all = false
			}
		}
	}
	return places, all
}
