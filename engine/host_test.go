package main

import (
	"strings"
	"testing"
	"unsafe"
)

// hostCaller imports env.f and forwards to it.
func hostCaller(params, results []byte) []byte {
	b := &binaryModule{name: "caller"}
	b.forward("f", params, results, b.importFunction("env", "f", params, results))
	return b.bytes()
}

func TestHostCall(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		params := []byte{i32, i64, f32, v128, i32}
		results := []byte{v128, i32}
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{
			{name: "f", params: params, results: results, function: 77},
			{name: "unused", function: 78},
		}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, hostCaller(params, results),
			&moduleConfig{user: 4711, imports: []moduleImport{{"other", env}, {"env", env}}})
		lib.host = func(function, caller uintptr, stack *uint64) (int32, string, uint32) {
			if function != 77 || caller != 4711 {
				t.Errorf("function %d, caller %d", function, caller)
			}
			s := unsafe.Slice(stack, 6)
			for i, expected := range []uint64{0xfffffffe, 1<<64 - 3, 0x3f800000, 5, 6, 7} {
				if s[i] != expected {
					t.Errorf("slot %d is %x", i, s[i])
				}
			}
			s[0], s[1], s[2] = 10, 11, 12
			return hostGoOn, "", 0
		}
		out, f := call(t, m, 1, 0xdeadbeeffffffffe, 1<<64-3, 0x3f800000, 5, 6, 7)
		if f != nil || out[0] != 10 || out[1] != 11 || uint32(out[2]) != 12 {
			t.Error(out, f)
		}
		// A host function called by the host itself: nobody calls.
		lib.host = func(function, caller uintptr, stack *uint64) (int32, string, uint32) {
			if function != 77 || caller != 0 {
				t.Errorf("function %d, caller %d", function, caller)
			}
			return hostGoOn, "", 0
		}
		if _, f := call(t, env, 0, 1, 2, 3, 4, 5, 6); f != nil {
			t.Error(f.message)
		}
		moduleClose(env, 0)
		moduleRelease(env)
		moduleRelease(m)
	})
}

func TestHostWithoutParameters(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, hostCaller(nil, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
		calls := 0
		lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) {
			calls++
			return hostGoOn, "", 0
		}
		if _, f := call(t, m, 1); f != nil || calls != 1 {
			t.Error(f, calls)
		}
		moduleRelease(env)
		moduleRelease(m)
	})
}

func TestHostError(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, hostCaller(nil, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
		for _, text := range []string{"it broke", "", "wasm error: unreachable", "need more"} {
			lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostFail, text, 0 }
			_, f = call(t, m, 1)
			fails(t, f, errorHost)
			if !strings.HasPrefix(f.message, text+" (recovered by wazero)\nwasm stack trace:\n\tenv.f()\n\tcaller.$1()") {
				t.Errorf("%q", f.message)
			}
		}
		if lookup[wasmModule](m).IsClosed() {
			t.Error("the module is closed")
		}
		// a callback that panics is a defect
		lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { panic("oops") }
		_, f = call(t, m, 1)
		fails(t, f, errorInternal, "oops (recovered by wazero)")
		moduleRelease(env)
		moduleRelease(m)
	})
}

func TestHostExit(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		for _, code := range []uint32{0, 1, 0xfffffffe, 0xffffffff} {
			env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
			must(t, env, f)
			m := instantiateBytes(t, r, hostCaller(nil, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
			lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostExit, "", code }
			_, f = call(t, m, 1)
			fails(t, f, errorExit, "module closed with ") // "context canceled" for the last
			if f.exitCode != code {
				t.Errorf("%d for %d", f.exitCode, code)
			}
			if !lookup[wasmModule](m).IsClosed() || lookup[wasmModule](env).IsClosed() {
				t.Error("the wrong module is closed")
			}
			_, f = call(t, m, 1)
			fails(t, f, errorClosed)
			if f.exitCode != code {
				t.Errorf("%d for %d", f.exitCode, code)
			}
			// called by lib: there is no module to close
			_, f = call(t, env, 0)
			fails(t, f, errorExit)
			if f.exitCode != code || lookup[wasmModule](env).IsClosed() {
				t.Error("the host module is closed")
			}
			moduleRelease(env)
			moduleRelease(m)
		}
	})
}

// TestCloseInsideCall closes the module from a host function, which then goes on.
func TestCloseInsideCall(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, hostCaller(nil, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
		lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) {
			moduleClose(m, 5)
			return hostGoOn, "", 0
		}
		_, f = call(t, m, 1)
		fails(t, f, errorExit, "module closed with exit_code(5)")
		moduleRelease(env)
		moduleRelease(m)
	})
}

func TestHostModuleErrors(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		_, f := hostModuleNew(0, "env", nil, nil)
		fails(t, f, errorInvalid)
		_, f = hostModuleNew(r, "", nil, nil)
		fails(t, f, errorInvalid, "a module name must not be empty")
		h, f := hostModuleNew(r, "env", nil, nil)
		must(t, h, f)
		_, _, f = globalGet(h, 0)
		fails(t, f, errorInvalid)
		if memoryGrow(h, 0) != -1 {
			t.Error("a host module has a memory")
		}
		moduleRelease(h)
		if kind := lookup[wasmRuntime](r); kind == nil {
			t.Fatal()
		}
		one, f := runtimeNew(runtimeConfig{memoryLimitPages: 1, features: 1 << 2})
		must(t, one, f)
		_, f = hostModuleNew(one, "env", []hostFunctionDefinition{{name: "f", results: []byte{i32, i32}}}, nil)
		fails(t, f, errorInvalid, "multi-value")
		runtimeClose(one, 0)
	})
}

// TestStartSection runs when lib has left a start section in: the caller is known.
func TestStartSection(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		b := &binaryModule{}
		start := b.importFunction("env", "f", nil, nil)
		b.start = &start
		b2 := &binaryModule{}
		b2.forward("", nil, nil, b2.importFunction("env", "f", nil, nil))
		one := uint32(1)
		b2.start = &one
		c, f := runtimeCompile(r, &compileTask{binary: b2.bytes()})
		must(t, c, f)
		config := &moduleConfig{user: 9, imports: []moduleImport{{"env", env}}}
		var caller uintptr
		answer, code := int32(hostGoOn), uint32(0)
		lib.host = func(_, c uintptr, _ *uint64) (int32, string, uint32) {
			caller = c
			return answer, "no start", code
		}
		m, f := moduleNew(r, c, config)
		must(t, m, f)
		if caller != 9 {
			t.Error(caller)
		}
		moduleRelease(m)
		answer = hostFail
		_, f = moduleNew(r, c, config)
		fails(t, f, errorHost, "no start (recovered by wazero)")
		answer, code = hostExit, 6
		_, f = moduleNew(r, c, config)
		fails(t, f, errorExit)
		if f.exitCode != 6 {
			t.Error(f.exitCode)
		}
		compiledClose(c)
		moduleRelease(env)
	})
}

func BenchmarkHostCall(b *testing.B) {
	resetLib()
	r := newRuntime(b, engineCompiler)
	env, _ := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1, params: []byte{i32}}}, nil)
	m := instantiateBytes(b, r, hostCaller([]byte{i32}, nil), &moduleConfig{imports: []moduleImport{{"env", env}}})
	lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostGoOn, "", 0 }
	h, _ := functionNew(m, 1)
	stack := []uint64{1}
	for b.Loop() {
		if f := functionCall(h, stack); f != nil {
			b.Fatal(f)
		}
	}
	functionRelease(h)
	moduleRelease(m)
	moduleRelease(env)
	runtimeClose(r, 0)
}
