package main

import "testing"

func TestGlobals(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.global("constant", i32, 0, 0x41, 5)
		b.global("variable", i64, 1, 0x42, 6)
		b.function("f", nil, []byte{i64}, 0x23, 1)
		m := instantiateBytes(t, r, b.bytes(), nil)
		constant, f := globalNew(m, "constant")
		must(t, constant, f)
		variable, f := globalNew(m, "variable")
		must(t, variable, f)
		if v, f := globalGet(constant); f != nil || v != 5 {
			t.Error(v, f)
		}
		fails(t, globalSet(constant, 1), errorInvalid, "not mutable")
		if f := globalSet(variable, 1<<40); f != nil {
			t.Error(f.message)
		}
		if v, f := globalGet(variable); f != nil || v != 1<<40 {
			t.Error(v, f)
		}
		if out, f := call(t, m, 0); f != nil || out[0] != 1<<40 {
			t.Error(out, f)
		}
		for _, name := range []string{"", "f", "nope"} {
			_, f = globalNew(m, name)
			fails(t, f, errorInvalid, "exports no global")
		}
		_, f = globalNew(r, "constant")
		fails(t, f, errorInvalid, "not a handle of a module")
		_, f = globalGet(m)
		fails(t, f, errorInvalid, "not a handle of a global")
		fails(t, globalSet(0, 1), errorInvalid)
		// an importer sees the same global
		i := &binaryModule{}
		i.importGlobal("m", "variable", i64, 1)
		i.function("set", []byte{i64}, nil, 0x20, 0, 0x24, 0)
		importer := instantiateBytes(t, r, i.bytes(), &moduleConfig{imports: []moduleImport{{"m", m}}})
		if _, f := call(t, importer, 0, 7); f != nil {
			t.Error(f.message)
		}
		if v, _ := globalGet(variable); v != 7 {
			t.Error(v)
		}
		moduleClose(m, 0)
		moduleRelease(m)
		if v, f := globalGet(variable); f != nil || v != 7 {
			t.Error(v, f)
		}
		globalRelease(variable)
		globalRelease(variable)
		globalRelease(importer) // not a global
		_, f = globalGet(variable)
		fails(t, f, errorClosed)
		globalRelease(constant)
		moduleRelease(importer)
	})
}
