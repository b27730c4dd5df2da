package main

import (
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/api"
)

func TestRuntimeConfiguration(t *testing.T) {
	_, f := runtimeNew(runtimeConfig{engine: 7, memoryLimitPages: 1})
	fails(t, f, errorInvalid, "7")
	_, f = runtimeNew(runtimeConfig{memoryLimitPages: 1, cache: 12345})
	fails(t, f, errorInvalid, "cache")
	runtimeClose(must(t, newRuntime(t, engineAuto), nil), 0)

	// features: sign extension (0xc0) is off in version 1
	b := &binaryModule{}
	b.function("extend", []byte{i32}, []byte{i32}, 0x20, 0, 0xc0)
	h, f := runtimeNew(runtimeConfig{memoryLimitPages: 65536, features: 1 << 2})
	must(t, h, f)
	_, f = runtimeCompile(h, &compileTask{binary: b.bytes()})
	fails(t, f, errorCompile, "feature \"sign-extension-ops\" is disabled")
	runtimeClose(h, 0)

	h, f = runtimeNew(runtimeConfig{memoryLimitPages: 1, features: features})
	must(t, h, f)
	large := &binaryModule{}
	large.memory(2, 3)
	_, f = runtimeCompile(h, &compileTask{binary: large.bytes()})
	fails(t, f, errorCompile, "min 2 pages (128 Ki) over limit of 1 pages (64 Ki)")
	runtimeClose(h, 0)
}

func TestCompile(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		_, f := runtimeCompile(r, &compileTask{binary: []byte("rubbish!")})
		fails(t, f, errorCompile)
		if f.message != "invalid magic number" {
			t.Errorf("text is %q", f.message)
		}
		_, f = runtimeCompile(r, &compileTask{binary: nil})
		fails(t, f, errorCompile, "invalid magic number")
		bad := &binaryModule{}
		bad.function("f", nil, []byte{i32})
		_, f = runtimeCompile(r, &compileTask{binary: bad.bytes()})
		fails(t, f, errorCompile, "invalid function[0] export[\"f\"]")
		c, f := runtimeCompile(r, &compileTask{binary: calculator()})
		must(t, c, f)
		_, f = runtimeCompile(c, &compileTask{binary: calculator()})
		fails(t, f, errorInvalid, "not a handle of a runtime")
		_, f = runtimeCompile(0, &compileTask{binary: calculator()})
		fails(t, f, errorInvalid)
		_, f = moduleNew(r, r, &moduleConfig{})
		fails(t, f, errorInvalid, "compiled module")
		_, f = moduleNew(c, c, &moduleConfig{})
		fails(t, f, errorInvalid, "runtime")
		compiledClose(r) // not a compiled module: nothing happens
		compiledClose(c)
		compiledClose(c)
		compiledClose(0)
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorClosed)
	})
}

// TestCompiledCloseWhileRunning closes what a module was made of, twice compiled.
func TestCompiledCloseKeepsModules(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		one, f := runtimeCompile(r, &compileTask{binary: calculator()})
		must(t, one, f)
		two, f := runtimeCompile(r, &compileTask{binary: calculator()})
		must(t, two, f)
		m, f := moduleNew(r, one, &moduleConfig{})
		must(t, m, f)
		compiledClose(one)
		compiledClose(one)
		m2, f := moduleNew(r, two, &moduleConfig{}) // the second is as good as before
		must(t, m2, f)
		compiledClose(two)
		collect()
		for _, m := range []handle{m, m2} {
			if got := result(t, m, calculatorAdd, 5, 7); got != 12 {
				t.Error(got)
			}
			_, f := call(t, m, calculatorUnreachable)
			fails(t, f, errorTrap, "wasm error: unreachable\nwasm stack trace:\n\tcalculator.$2()")
			moduleRelease(m)
		}
	})
}

func TestRuntimeClose(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, calculator(), nil)
		c, f := runtimeCompile(r, &compileTask{binary: calculator()})
		must(t, c, f)
		add, f := functionNew(m, calculatorAdd)
		must(t, add, f)
		runtimeClose(r, 9)
		runtimeClose(r, 8)
		runtimeClose(m, 8)
		stack := []uint64{1, 2}
		f = functionCall(add, stack)
		fails(t, f, errorClosed, "module closed with exit_code(9)")
		if f.exitCode != 9 || stack[0] != 1 {
			t.Errorf("code %d, stack %v", f.exitCode, stack)
		}
		_, f = runtimeCompile(r, &compileTask{binary: calculator()})
		fails(t, f, errorClosed, "the runtime is closed")
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorClosed, "the runtime is closed")
		_, f = hostModuleNew(r, "env", nil, nil)
		fails(t, f, errorClosed)
		_, f = wasiNew(r, "w", nil)
		fails(t, f, errorClosed)
		moduleClose(m, 1)
		compiledClose(c)
		moduleRelease(m)
		moduleRelease(m)
		moduleClose(m, 1)
		functionRelease(add)
		functionRelease(add)
		functionRelease(0)
	})
}

// TestRuntimeCloseHammer closes a runtime in which others compile and instantiate.
func TestRuntimeCloseHammer(t *testing.T) {
	for range 20 {
		eachEngine(t, func(t *testing.T, r handle) {
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					for {
						c, f := runtimeCompile(r, &compileTask{binary: memoryOwner()})
						if f != nil {
							if f.kind != errorClosed {
								t.Errorf("kind %d: %s", f.kind, f.message)
							}
							return
						}
						m, f := moduleNew(r, c, &moduleConfig{})
						compiledClose(c)
						if f != nil {
							if f.kind != errorClosed {
								t.Errorf("kind %d: %s", f.kind, f.message)
							}
							return
						}
						_, _ = call(t, m, 3)
						moduleClose(m, 0)
						moduleRelease(m)
					}
				})
			}
			runtimeClose(r, 0)
			wait.Wait()
		})
	}
}

func TestEngineVersion(t *testing.T) {
	if got := engineVersion(); got != "v1.12.0" {
		t.Error(got)
	}
}

func TestCompilerSupportsIsWhatTheCompilerNeeds(t *testing.T) {
	supported := compilerSupports(api.CoreFeaturesV2)
	if made := makesRuntimeWithCompiler(); supported != made {
		t.Errorf("compilerSupports says %v, making a runtime with the compiler %v", supported, made)
	}
}

// makesRuntimeWithCompiler is false where there is none: wazero panics there.
func makesRuntimeWithCompiler() (made bool) {
	defer quiet()
	h, f := runtimeNew(runtimeConfig{engine: engineCompiler, memoryLimitPages: 1, features: uint64(api.CoreFeaturesV2)})
	if f != nil {
		return false
	}
	runtimeClose(h, 0)
	return true
}
