package main

import (
	"context"
	"strings"
	"testing"
	"unsafe"
)

func TestCall(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, calculator(), nil)
		add, f := functionNew(m, calculatorAdd)
		must(t, add, f)
		for i := range uint64(1000) {
			stack := []uint64{i, 7}
			if f := functionCall(add, stack); f != nil || uint32(stack[0]) != uint32(i)+7 {
				t.Fatal(stack, f)
			}
		}
		fails(t, functionCall(add, []uint64{1}), errorInvalid, "need 2 params, but stack size is 1")
		fails(t, functionCall(m, []uint64{1, 2}), errorInvalid, "not a handle of a function")
		fails(t, functionCall(0, nil), errorInvalid)
		nothing, f := functionNew(m, calculatorNothing)
		must(t, nothing, f)
		if f := functionCall(nothing, nil); f != nil {
			t.Fatal(f.message)
		}
		_, f = functionNew(m, 1000)
		fails(t, f, errorInvalid, "no function with index 1000")
		_, f = functionNew(m, 1<<32-1)
		fails(t, f, errorInvalid)
		_, f = functionNew(r, 0)
		fails(t, f, errorInvalid, "not a handle of a module")
		functionRelease(m) // not a function: nothing happens
		functionRelease(nothing)
		fails(t, functionCall(nothing, nil), errorClosed)
		moduleRelease(m)
		stack := []uint64{1, 2} // a function keeps its module
		if f := functionCall(add, stack); f != nil || stack[0] != 3 {
			t.Fatal(stack, f)
		}
		functionRelease(add)
	})
}

func TestTraps(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{name: "trapper"}
		b.memory(1, 1)
		b.table(1, 1)
		type trap struct {
			text  string
			stack []uint64
		}
		var traps []trap
		add := func(text string, params, results []byte, code []byte, stack ...uint64) {
			b.function("", params, results, code...)
			traps = append(traps, trap{text, append(stack, 0, 0)})
		}
		add("unreachable", nil, nil, []byte{0x00})
		add("integer divide by zero", []byte{i32}, []byte{i32}, []byte{0x20, 0, 0x41, 0, 0x6d}, 1)
		add("integer overflow", []byte{i32}, []byte{i32}, []byte{0x20, 0, 0x41, 0x7f, 0x6d}, 1<<31)
		add("invalid conversion to integer", []byte{f32}, []byte{i32}, []byte{0x20, 0, 0xa8}, 0x7fc00000)
		add("out of bounds memory access", []byte{i32}, []byte{i32}, []byte{0x20, 0, 0x28, 2, 0}, 65533)
		add("invalid table access", nil, nil, []byte{0x41, 0, 0x11, 0, 0})
		add("invalid table access", nil, nil, []byte{0x41, 9, 0x11, 0, 0})
		m := instantiateBytes(t, r, b.bytes(), nil)
		for i, expected := range traps {
			for range 2 { // and it can be called again
				_, f := call(t, m, uint32(i), expected.stack...)
				fails(t, f, errorTrap)
				if !strings.HasPrefix(f.message, "wasm error: "+expected.text+"\nwasm stack trace:\n\ttrapper.$") {
					t.Errorf("%q", f.message)
				}
			}
		}
		moduleRelease(m)
	})
}

func TestStackOverflow(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		m := instantiateBytes(t, r, calculator(), nil)
		recurse, f := functionNew(m, calculatorRecurse)
		must(t, recurse, f)
		for range 2 {
			before := lookup[wasmFunction](recurse).Function
			f := functionCall(recurse, nil)
			fails(t, f, errorTrap, "stack overflow")
			if f.message == "stack overflow" && lookup[wasmFunction](recurse).Function == before {
				t.Error("the grown stack was kept")
			}
			// Compiled code gives the bare text: lib must know both.
			if f.message != "stack overflow" &&
				!strings.HasPrefix(f.message, "wasm error: stack overflow\nwasm stack trace:\n\tcalculator.$3()\n") {
				t.Errorf("%q", f.message)
			}
		}
		functionRelease(recurse)
		moduleRelease(m)
	})
}

func TestFunctionIsNotReentered(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		to := b.importFunction("env", "f", nil, nil)
		b.forward("f", nil, nil, to)
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		m := instantiateBytes(t, r, b.bytes(), &moduleConfig{imports: []moduleImport{{"env", env}}})
		function, f := functionNew(m, 1)
		must(t, function, f)
		inner, other := (*failure)(nil), (*failure)(nil)
		second, f := functionNew(m, 1)
		must(t, second, f)
		depth := 0
		lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) {
			if depth++; depth == 1 {
				inner, other = functionCall(function, nil), functionCall(second, nil)
			}
			return hostGoOn, "", 0
		}
		if f := functionCall(function, nil); f != nil {
			t.Fatal(f.message)
		}
		fails(t, inner, errorInvalid, "the function is running")
		if other != nil || depth != 2 {
			t.Error(other, depth)
		}
		for _, h := range []handle{function, second} {
			functionRelease(h)
		}
		moduleRelease(m)
		moduleRelease(env)
	})
}

func TestCallAfterClose(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.global("g", i32, 1, 0x41, 0)
		b.function("set", nil, nil, 0x41, 1, 0x24, 0)
		m := instantiateBytes(t, r, b.bytes(), nil)
		set, f := functionNew(m, 0)
		must(t, set, f)
		moduleClose(m, 3)
		moduleClose(m, 4)
		f = functionCall(set, nil)
		fails(t, f, errorClosed, "module closed with exit_code(3)")
		if value, _, _ := globalGet(m, 0); value != 0 || f.exitCode != 3 {
			t.Error("code of a closed module ran", value, f.exitCode)
		}
		functionRelease(set)
		moduleRelease(m)
	})
}

// TestWideValues passes a v128, which takes two slots, and references.
func TestWideValues(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.function("swap", []byte{v128, i64}, []byte{i64, v128}, 0x20, 1, 0x20, 0)
		b.function("same", []byte{externref}, []byte{externref}, 0x20, 0)
		m := instantiateBytes(t, r, b.bytes(), nil)
		out, f := call(t, m, 0, 1, 2, 3)
		if f != nil || out[0] != 3 || out[1] != 1 || out[2] != 2 {
			t.Error(out, f)
		}
		out, f = call(t, m, 1, 1<<60)
		if f != nil || out[0] != 1<<60 {
			t.Error(out, f)
		}
		moduleRelease(m)
	})
}

func TestCallDoesNotAllocate(t *testing.T) {
	r := newRuntime(t, engineCompiler)
	m := instantiateBytes(t, r, calculator(), nil)
	add, f := functionNew(m, calculatorAdd)
	must(t, add, f)
	stack := []uint64{5, 7}
	if n := testing.AllocsPerRun(1000, func() { functionCall(add, stack) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	functionRelease(add)
	moduleRelease(m)
	runtimeClose(r, 0)
}

func BenchmarkCall(b *testing.B) {
	r := newRuntime(b, engineCompiler)
	m := instantiateBytes(b, r, calculator(), nil)
	add, _ := functionNew(m, calculatorAdd)
	stack := make([]uint64, 2)
	b.Run("wazero", func(b *testing.B) {
		function := lookup[wasmFunction](add).Function
		for b.Loop() {
			if err := function.CallWithStack(context.Background(), stack); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			if f := functionCall(add, unsafe.Slice(&stack[0], 2)); f != nil {
				b.Fatal(f)
			}
		}
	})
	functionRelease(add)
	moduleRelease(m)
	runtimeClose(r, 0)
}
