package main

import (
	"math"
	"reflect"
	"testing"
)

// referencing has three functions, the last in a table, and imports one from "env".
func referencing() []byte {
	b := &binaryModule{}
	b.importFunction("env", "host", []byte{i32}, []byte{i32})
	b.function("one", nil, []byte{i32}, 0x41, 1)
	two := b.function("two", nil, []byte{i32}, 0x41, 2)
	b.table(2, 4)
	b.element(0, two)
	b.element(1, 0)
	return b.bytes()
}

func newReferencing(t *testing.T, r handle) (env, m handle) {
	env, f := hostModuleNew(r, "env", []hostFunctionDefinition{
		{name: "host", params: []byte{i32}, results: []byte{i32}, function: 0x1234},
		{name: "other", params: []byte{i32}, results: []byte{i32}, function: 0x5678},
	}, nil)
	must(t, env, f)
	m = instantiateBytes(t, r, referencing(), &moduleConfig{user: 0x77, imports: []moduleImport{{"env", env}}})
	return env, m
}

func TestFunctionReferences(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, m := newReferencing(t, r)
		resolve := func(of handle, reference uintptr, f *failure) functionPlace {
			t.Helper()
			if f != nil {
				t.Fatal(f.message)
			}
			place, f := referenceResolve(of, reference)
			if f != nil {
				t.Fatal(f.message)
			}
			return place
		}
		element := func(index uint32) uintptr {
			at, f := tableElement(m, 0, index)
			if f != nil {
				t.Fatal(f.message)
			}
			return *at
		}
		same := resolve(m, element(0), nil)
		if same.user != 0x77 || same.index != 2 || same.host != 0 {
			t.Error(same)
		}
		reference, f := functionReference(m, 2)
		if place := resolve(m, reference, f); place != same {
			t.Error(place)
		}
		reference, f = functionReference(m, 1)
		if place := resolve(m, reference, f); place.index != 1 || place.typeID != same.typeID {
			t.Error(place)
		}
		// an imported one, from the importer's and from the other side
		for _, of := range []handle{m, env} {
			reference, f = functionReference(of, 0)
			if place := resolve(m, reference, f); place.host != 0x1234 || place.user != 0 || place.typeID == same.typeID {
				t.Error(place)
			}
		}
		if place := resolve(m, element(1), nil); place.host != 0x1234 {
			t.Error(place)
		}
		reference, f = functionReference(env, 1)
		if place := resolve(m, reference, f); place.host != 0x5678 {
			t.Error(place)
		}
		for _, index := range []uint32{3, math.MaxUint32} {
			_, f = functionReference(m, index)
			fails(t, f, errorInvalid, "no function with index")
		}
		_, f = functionReference(r, 0)
		fails(t, f, errorInvalid, "not a handle of a module")
		_, f = referenceResolve(r, reference)
		fails(t, f, errorInvalid, "not a handle of a module")
		moduleRelease(m)
		moduleRelease(env)
	})
}

// A module whose home is not known any more: lib has released it.
func TestReferenceToReleasedModule(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, m := newReferencing(t, r)
		otherEnv, other := newReferencing(t, r)
		reference, f := functionReference(m, 1)
		if f != nil {
			t.Fatal(f.message)
		}
		kept := lookup[wasmModule](m)
		moduleRelease(m)
		_, f = referenceResolve(other, reference)
		fails(t, f, errorInternal, "of no module")
		_ = kept.Module.Name()
		moduleRelease(other)
		moduleRelease(otherEnv)
		moduleRelease(env)
	})
}

// One of wazero's own functions is neither lib's nor of a module of lib's.
func TestReferenceToWASI(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		wasi, f := wasiNew(r, "wasi_snapshot_preview1", nil)
		must(t, wasi, f)
		reference, f := functionReference(wasi, 0)
		if f != nil {
			t.Fatal(f.message)
		}
		if place, f := referenceResolve(wasi, reference); f != nil || place.user != 0 || place.host != 0 {
			t.Error(place, f)
		}
		moduleRelease(wasi)
	})
}

func TestTables(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, m := newReferencing(t, r)
		if size, f := tableSize(m, 0); f != nil || size != 2 {
			t.Error(size, f)
		}
		if kind, f := tableType(m, 0); f != nil || kind != (referenceType{kind: funcref, nullable: true}) {
			t.Error(kind, f)
		}
		if old, f := tableGrow(m, 0, 2, 0); f != nil || old != 2 {
			t.Error(old, f)
		}
		_, f := tableGrow(m, 0, 1, 0)
		fails(t, f, errorInvalid, "cannot grow by 1 elements")
		_, f = tableGrow(m, 0, math.MaxUint32, 0)
		fails(t, f, errorInvalid, "cannot grow")
		for _, index := range []uint32{4, math.MaxUint32} {
			_, f = tableElement(m, 0, index)
			fails(t, f, errorInvalid, "is out of range: the table has 4 elements")
		}
		at, f := tableElement(m, 0, 3)
		if f != nil || *at != 0 {
			t.Error(f)
		}
		for _, h := range []handle{r, 0, m} { // of m another table
			_, f = tableSize(h, 1)
			fails(t, f, errorInvalid)
			_, f = tableType(h, 1)
			fails(t, f, errorInvalid)
			_, f = tableElement(h, 1, 0)
			fails(t, f, errorInvalid)
			_, f = tableGrow(h, 1, 0, 0)
			fails(t, f, errorInvalid)
		}
		moduleRelease(m)
		moduleRelease(env)
	})
}

func TestSignatureTypes(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.function("f", []byte{i32, externref}, []byte{funcref})
		m := instantiateBytes(t, r, (&binaryModule{types: b.types}).bytes(), nil)
		types, f := signatureTypes(m, 0)
		expected := []referenceType{{kind: i32}, {kind: externref, nullable: true}, {kind: funcref, nullable: true}}
		if f != nil || !reflect.DeepEqual(types, expected) {
			t.Error(types, f)
		}
		_, f = signatureTypes(r, 0)
		fails(t, f, errorInvalid)
		moduleRelease(m)
	})
}

func TestMarks(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.tables = append(b.tables, join([]byte{externref}, limit([]uint32{3, 5})))
		b.global("g", externref, 1, 0xd0, externref)
		b.global("number", i64, 1, 0x42, 4)
		m := instantiateBytes(t, r, b.bytes(), nil)
		for element, number := range map[uint32]uintptr{0: 7<<32 | 1, 2: 1<<32 | 9} {
			at, f := tableElement(m, 0, element)
			if f != nil {
				t.Fatal(f.message)
			}
			*at = number
		}
		if f := globalSet(m, 0, 1<<32|2, 0); f != nil {
			t.Fatal(f.message)
		}
		marks := make([]byte, 5) // less than the largest: out of date
		places, all := referencesMark([]handle{m, r, 0}, marks)
		if !all || places != 4 || !reflect.DeepEqual(marks, []byte{0, 1, 1, 0, 0}) {
			t.Error(places, all, marks)
		}
		moduleRelease(m)
	})
}

func TestReferencesOfAnotherWazero(t *testing.T) {
	type engine struct{ localFunctionInstances []int }
	type interpreter struct{ functions int }
	for _, given := range []any{nil, 1, &engine{}, &interpreter{}, &struct{}{}} {
		if _, err := findReferences(reflect.TypeOf(given), reflect.TypeFor[*wasmModule]()); err == nil {
			t.Errorf("%T was taken", given)
		}
	}
}
