package main

import (
	"slices"
	"testing"
)

func TestLinkErrors(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		source := &binaryModule{}
		source.memory(1, 2)
		source.table(1, 2)
		source.export("memory", aMemory, 0)
		source.export("table", aTable, 0)
		source.global("global", i32, 0, 0x41, 0)
		source.function("f", []byte{i32}, nil)
		m := instantiateBytes(t, r, source.bytes(), nil)
		for text, build := range map[string]func(b *binaryModule){
			"module[x] not instantiated":                                  func(b *binaryModule) { b.importFunction("x", "f", nil, nil) },
			`"nope" is not exported in module "m"`:                        func(b *binaryModule) { b.importFunction("m", "nope", nil, nil) },
			`export "memory" in module "m" is a memory, no`:               func(b *binaryModule) { b.importFunction("m", "memory", nil, nil) },
			"import func[m.f]: signature mismatch":                        func(b *binaryModule) { b.importFunction("m", "f", nil, nil) },
			"import memory[m.memory]: minimum size mismatch: 2 > 1":       func(b *binaryModule) { b.importMemory("m", "memory", 2, 2) },
			"import memory[m.memory]: maximum size mismatch: 1 < 2":       func(b *binaryModule) { b.importMemory("m", "memory", 1, 1) },
			"import table[m.table]: minimum size mismatch: 2 > 1":         func(b *binaryModule) { b.importTable("m", "table", 2, 2) },
			"import global[m.global]: mutability mismatch: true != false": func(b *binaryModule) { b.importGlobal("m", "global", i32, 1) },
			"module[\n not instantiated] not instantiated":                func(b *binaryModule) { b.importGlobal("\n not instantiated", "global", i32, 1) },
		} {
			b := &binaryModule{}
			build(b)
			c, f := runtimeCompile(r, &compileTask{binary: b.bytes()})
			must(t, c, f)
			_, f = moduleNew(r, c, &moduleConfig{imports: []moduleImport{{"m", m}}})
			fails(t, f, errorLink, text)
			_, f = moduleNew(r, c, &moduleConfig{imports: []moduleImport{{"m", r}}})
			fails(t, f, errorInvalid, "not a handle of a module")
			compiledClose(c)
		}
		moduleRelease(m)
	})
}

func TestOddImportNames(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "x", []hostFunctionDefinition{{name: "", function: 1}, {name: "a\x00b", function: 2}}, nil)
		must(t, env, f)
		b := &binaryModule{}
		b.importFunction("\n", "", nil, nil)
		b.importFunction("n\x00", "a\x00b", nil, nil)
		b.forward("one", nil, nil, 0)
		b.forward("two", nil, nil, 1)
		m := instantiateBytes(t, r, b.bytes(), &moduleConfig{imports: []moduleImport{{"\n", env}, {"n\x00", env}}})
		var got []uintptr
		lib.host = func(function, _ uintptr, _ *uint64) (int32, string, uint32) {
			got = append(got, function)
			return hostGoOn, "", 0
		}
		for i := range uint32(4) { // the imported functions themselves, too
			if _, f := call(t, m, i); f != nil {
				t.Fatal(f.message)
			}
		}
		if len(got) != 4 || got[0] != 1 || got[1] != 2 || got[2] != 1 || got[3] != 2 {
			t.Error(got)
		}
		moduleRelease(m)
		moduleRelease(env)
	})
}

func TestForeignCompiledModule(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		other := newRuntime(t, engineCompiler)
		c, f := runtimeCompile(other, &compileTask{binary: calculator()})
		must(t, c, f)
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorInvalid, "of another runtime")
		compiledClose(c)
		runtimeClose(other, 0)
	})
}

func TestSegmentsOutOfBounds(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		b := &binaryModule{}
		b.memory(1, 1)
		b.segment([]byte{0xff, 0xff, 0x03}, "x") // 65535: fits
		b.segment([]byte{0xff, 0xff, 0x03}, "xy")
		c, f := runtimeCompile(r, &compileTask{binary: b.bytes()})
		must(t, c, f)
		_, f = moduleNew(r, c, &moduleConfig{})
		fails(t, f, errorTrap)
		if f.message != "data[1]: out of bounds memory access" {
			t.Errorf("%q", f.message)
		}
		compiledClose(c)
		eventually(t, "the memory of the failed module is released", func() bool { return len(lib.memories) == 0 })
		if len(lib.released) != 1 {
			t.Error(lib.released)
		}
	})
}

func TestOldSegmentsOutOfBounds(t *testing.T) {
	// Without reference types the check comes first.
	r, f := runtimeNew(runtimeConfig{memoryLimitPages: 9, features: 1 << 2})
	must(t, r, f)
	b := &binaryModule{}
	b.memory(1, 1)
	b.segment([]byte{0x7f}, "x") // -1
	c, f := runtimeCompile(r, &compileTask{binary: b.bytes()})
	must(t, c, f)
	_, f = moduleNew(r, c, &moduleConfig{})
	fails(t, f, errorTrap, "data[0]: out of bounds memory access")
	compiledClose(c)
	owner := &binaryModule{}
	owner.table(1, 1)
	owner.export("table", aTable, 0)
	m := instantiateBytes(t, r, owner.bytes(), nil)
	b = &binaryModule{}
	b.importTable("m", "table", 1, 1)
	b.function("", nil, nil)
	b.element(1, 0)
	c, f = runtimeCompile(r, &compileTask{binary: b.bytes()})
	must(t, c, f)
	_, f = moduleNew(r, c, &moduleConfig{imports: []moduleImport{{"m", m}}})
	fails(t, f, errorTrap, "element[0].init exceeds min table size")
	compiledClose(c)
	moduleRelease(m)
	runtimeClose(r, 0)
}

func TestModuleConfigErrors(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		c, f := runtimeCompile(r, &compileTask{binary: calculator()})
		must(t, c, f)
		_, f = moduleNew(r, c, &moduleConfig{args: []string{"a\x00"}})
		fails(t, f, errorInvalid, "args invalid: contains NUL")
		_, f = moduleNew(r, c, &moduleConfig{environment: []variable{{"", "b"}}})
		fails(t, f, errorInvalid, "environ invalid: empty key")
		_, f = moduleNew(r, c, &moduleConfig{environment: []variable{{"a=b", "b"}}})
		fails(t, f, errorInvalid, "environ invalid")
		_, f = moduleNew(r, c, &moduleConfig{streams: [3]stream{{kind: 9}}})
		fails(t, f, errorInvalid, "stdin: no stream has the kind 9")
		_, f = moduleNew(r, c, &moduleConfig{streams: [3]stream{{}, {kind: streamFD, fd: 12345}}})
		fails(t, f, errorInvalid, "stdout: file descriptor 12345: bad file descriptor")
		_, f = moduleNew(r, c, &moduleConfig{streams: [3]stream{{}, {}, {kind: streamFD, fd: -1}}})
		fails(t, f, errorInvalid, "stderr")
		compiledClose(c)
	})
}

// TestLibIsToldOfClosedModules closes modules in every way.
func TestLibIsToldOfClosedModules(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		env, f := hostModuleNew(r, "env", []hostFunctionDefinition{{name: "f", function: 1}}, nil)
		must(t, env, f)
		lib.host = func(uintptr, uintptr, *uint64) (int32, string, uint32) { return hostExit, "", 7 }
		config := func(user uintptr) *moduleConfig {
			return &moduleConfig{user: user, imports: []moduleImport{{"env", env}}}
		}
		var modules []handle
		for user := range uintptr(5) {
			modules = append(modules, instantiateBytes(t, r, hostCaller(nil, nil), config(user)))
		}
		moduleClose(modules[0], 1) // has no user
		moduleClose(modules[1], 1)
		moduleClose(modules[1], 2)
		_, f = call(t, modules[2], 1)
		fails(t, f, errorExit)
		moduleRelease(modules[3]) // lib does not want to know any more
		g := newWasiGuest(t, r, &moduleConfig{user: 100})
		_, f = g.call("proc_exit", 9)
		fails(t, f, errorExit)
		runtimeClose(r, 11)
		if expected := []closedModule{{1, 1}, {2, 7}, {100, 9}, {4, 11}}; !slices.Equal(lib.closed, expected) {
			t.Error(lib.closed)
		}
		for _, h := range append(modules, g.module, env) {
			moduleRelease(h)
		}
	})
}

// TestModulesAreCollected makes and forgets modules, and looks that nothing keeps them.
func TestModulesAreCollected(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		c, f := runtimeCompile(r, &compileTask{binary: memoryOwner()})
		must(t, c, f)
		const n = 200
		for i := range uintptr(n) {
			m, f := moduleNew(r, c, &moduleConfig{user: i})
			must(t, m, f)
			_ = result(t, m, 3)
			moduleClose(m, 0)
			moduleRelease(m)
		}
		compiledClose(c)
		eventually(t, "all memories are released", func() bool { return len(lib.released) == n })
		seen := map[uintptr]bool{}
		for _, id := range lib.released {
			if seen[id] {
				t.Fatalf("memory %d was released twice", id)
			}
			seen[id] = true
		}
		users.Range(func(any, any) bool { t.Error("a user is left"); return false })
	})
}

func BenchmarkModule(b *testing.B) {
	resetLib()
	for name, wasm := range map[string][]byte{"tiny": calculator(), "memory": memoryOwner()} {
		b.Run(name, func(b *testing.B) {
			r := newRuntime(b, engineCompiler)
			c, _ := runtimeCompile(r, &compileTask{binary: wasm})
			config := &moduleConfig{}
			for b.Loop() {
				m, f := moduleNew(r, c, config)
				if f != nil {
					b.Fatal(f)
				}
				moduleClose(m, 0)
				moduleRelease(m)
			}
			compiledClose(c)
			runtimeClose(r, 0)
		})
	}
}
