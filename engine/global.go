package main

// This file reads and sets globals, exported or not, by their index. A global works after
// its module was closed, as in wazero; lib decides whether that is allowed, and whether one
// that is not mutable may be set.

import "reflect"

// globalOf is the global at an index of the module's globals.
func globalOf(h handle, index uint32) (*wasmModule, reflect.Value, *failure) {
	m := lookup[wasmModule](h)
	if m == nil {
		return nil, reflect.Value{}, badHandle("module", h)
	}
	globals := reflect.ValueOf(m.Module).Elem().Field(m.layout.globals)
	if uint64(index) >= uint64(globals.Len()) {
		return nil, reflect.Value{}, invalid("no global with index %d", index)
	}
	return m, globals.Index(int(index)), nil
}

func globalType(h handle, index uint32) (referenceType, *failure) {
	m, global, f := globalOf(h, index)
	if f != nil {
		return referenceType{}, f
	}
	return m.referenceTypeOf(global.Elem().FieldByIndex(m.layout.globalType)), nil
}

// globalGet returns both halves of the value; the upper one counts for a v128.
func globalGet(h handle, index uint32) (lower, upper uint64, f *failure) {
	_, global, f := globalOf(h, index)
	if f != nil {
		return 0, 0, f
	}
	lower, upper = global.Interface().(globalValue).Value()
	return lower, upper, nil
}

func globalSet(h handle, index uint32, lower, upper uint64) *failure {
	m, global, f := globalOf(h, index)
	if f != nil {
		return f
	}
	global.Interface().(globalValue).SetValue(lower, upper)
	// The compiler keeps the value elsewhere. But constant expressions of modules that
	// import the global read these.
	global.Elem().Field(m.layout.globalLower).SetUint(lower)
	global.Elem().Field(m.layout.globalUpper).SetUint(upper)
	return nil
}
