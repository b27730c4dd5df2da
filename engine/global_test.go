package main

import (
	"math"
	"testing"
)

func TestGlobals(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.global("constant", i32, 0, 0x41, 5)
		b.global("variable", i64, 1, 0x42, 6)
		vector := append([]byte{0xfd, 0x0c}, "0123456789abcdef"...)
		b.global("vector", v128, 1, vector...)
		b.global("", externref, 0, 0xd0, externref) // exported as ""
		b.function("f", nil, []byte{i64}, 0x23, 1)
		m := instantiateBytes(t, r, b.bytes(), nil)
		const constant, variable, wide, reference = 0, 1, 2, 3
		if v, _, f := globalGet(m, constant); f != nil || v != 5 {
			t.Error(v, f)
		}
		if f := globalSet(m, variable, 1<<40, 0); f != nil {
			t.Error(f.message)
		}
		if v, _, f := globalGet(m, variable); f != nil || v != 1<<40 {
			t.Error(v, f)
		}
		if lower, upper, f := globalGet(m, wide); f != nil || lower != 0x3736353433323130 || upper != 0x6665646362613938 {
			t.Error(lower, upper, f)
		}
		if f := globalSet(m, wide, 1, 2); f != nil {
			t.Error(f.message)
		}
		if lower, upper, f := globalGet(m, wide); f != nil || lower != 1 || upper != 2 {
			t.Error(lower, upper, f)
		}
		if out, f := call(t, m, 0); f != nil || out[0] != 1<<40 {
			t.Error(out, f)
		}
		if kind, f := globalType(m, reference); f != nil || kind != (referenceType{kind: externref, nullable: true}) {
			t.Error(kind, f)
		}
		for _, index := range []uint32{4, math.MaxUint32} {
			_, _, f := globalGet(m, index)
			fails(t, f, errorInvalid, "no global with index")
			fails(t, globalSet(m, index, 0, 0), errorInvalid, "no global with index")
			_, f = globalType(m, index)
			fails(t, f, errorInvalid, "no global with index")
		}
		_, _, f := globalGet(r, 0)
		fails(t, f, errorInvalid, "not a handle of a module")
		fails(t, globalSet(0, 0, 1, 0), errorInvalid)
		_, f = globalType(r, 0)
		fails(t, f, errorInvalid)
		// an importer sees the same global
		i := &binaryModule{}
		i.importGlobal("m", "variable", i64, 1)
		i.function("set", []byte{i64}, nil, 0x20, 0, 0x24, 0)
		importer := instantiateBytes(t, r, i.bytes(), &moduleConfig{imports: []moduleImport{{"m", m}}})
		if _, f := call(t, importer, 0, 7); f != nil {
			t.Error(f.message)
		}
		if v, _, _ := globalGet(m, variable); v != 7 {
			t.Error(v)
		}
		moduleClose(m, 0)
		if v, _, f := globalGet(m, variable); f != nil || v != 7 {
			t.Error(v, f)
		}
		moduleRelease(m)
		_, _, f = globalGet(m, variable)
		fails(t, f, errorClosed)
		moduleRelease(importer)
	})
}

// What the host sets before anybody sees the module is what constant expressions of
// importers read.
func TestGlobalsInConstantExpressions(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.global("g", externref, 0, 0xd0, externref)
		m := instantiateBytes(t, r, b.bytes(), nil)
		if f := globalSet(m, 0, 1<<32|77, 0); f != nil {
			t.Fatal(f.message)
		}
		i := &binaryModule{}
		i.importGlobal("m", "g", externref, 0)
		i.global("copy", externref, 0, 0x23, 0) // global.get 0
		importer := instantiateBytes(t, r, i.bytes(), &moduleConfig{imports: []moduleImport{{"m", m}}})
		if v, _, f := globalGet(importer, 1); f != nil || v != 1<<32|77 {
			t.Error(v, f)
		}
		moduleRelease(importer)
		moduleRelease(m)
	})
}
