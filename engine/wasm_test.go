package main

// This file assembles the small WebAssembly modules that the tests run.

import "bytes"

const (
	i32       = 0x7f
	i64       = 0x7e
	f32       = 0x7d
	f64       = 0x7c
	v128      = 0x7b
	funcref   = 0x70
	externref = 0x6f
)

// kinds of imports and exports
const (
	aFunction = 0
	aTable    = 1
	aMemory   = 2
	aGlobal   = 3
)

// binaryModule collects the sections of a module; each entry is one encoded element.
type binaryModule struct {
	types, imports, functions, tables, memories, globals [][]byte
	exports, elements, codes, data                       [][]byte
	start                                                *uint32
	name                                                 string
	functionImports                                      int
}

func leb(n uint32) (out []byte) {
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n == 0 {
			return append(out, b)
		}
		out = append(out, b|0x80)
	}
}

func sized(content []byte) []byte { return append(leb(uint32(len(content))), content...) }

func named(name string) []byte { return sized([]byte(name)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// signature adds a function type and returns its index.
func (b *binaryModule) signature(params, results []byte) uint32 {
	b.types = append(b.types, join([]byte{0x60}, sized(params), sized(results)))
	return uint32(len(b.types) - 1)
}

// importFunction returns the index of the function.
func (b *binaryModule) importFunction(module, name string, params, results []byte) uint32 {
	b.imports = append(b.imports, join(named(module), named(name), []byte{aFunction}, leb(b.signature(params, results))))
	b.functionImports++
	return uint32(b.functionImports - 1)
}

func (b *binaryModule) importMemory(module, name string, limits ...uint32) {
	b.imports = append(b.imports, join(named(module), named(name), []byte{aMemory}, limit(limits)))
}

func (b *binaryModule) importTable(module, name string, limits ...uint32) {
	b.imports = append(b.imports, join(named(module), named(name), []byte{aTable, funcref}, limit(limits)))
}

func (b *binaryModule) importGlobal(module, name string, valueType byte, mutable byte) {
	b.imports = append(b.imports, join(named(module), named(name), []byte{aGlobal, valueType, mutable}))
}

func limit(limits []uint32) []byte {
	if len(limits) == 1 {
		return join([]byte{0}, leb(limits[0]))
	}
	return join([]byte{1}, leb(limits[0]), leb(limits[1]))
}

// function adds a function without locals, exported if it has a name. Imports come first.
func (b *binaryModule) function(export string, params, results []byte, code ...byte) uint32 {
	index := uint32(b.functionImports + len(b.functions))
	b.functions = append(b.functions, leb(b.signature(params, results)))
	b.codes = append(b.codes, sized(join([]byte{0}, code, []byte{0x0b})))
	if export != "" {
		b.export(export, aFunction, index)
	}
	return index
}

// forward exports a function that passes its parameters on to another.
func (b *binaryModule) forward(export string, params, results []byte, to uint32) {
	var code []byte
	for i := range params {
		code = append(code, 0x20, byte(i))
	}
	b.function(export, params, results, join(code, []byte{0x10}, leb(to))...)
}

func (b *binaryModule) memory(limits ...uint32) { b.memories = append(b.memories, limit(limits)) }

func (b *binaryModule) table(limits ...uint32) {
	b.tables = append(b.tables, join([]byte{funcref}, limit(limits)))
}

func (b *binaryModule) global(export string, valueType, mutable byte, init ...byte) {
	b.globals = append(b.globals, join([]byte{valueType, mutable}, init, []byte{0x0b}))
	b.export(export, aGlobal, uint32(len(b.globals)-1))
}

func (b *binaryModule) export(name string, kind byte, index uint32) {
	b.exports = append(b.exports, join(named(name), []byte{kind}, leb(index)))
}

// element puts a function into table 0.
func (b *binaryModule) element(offset byte, function uint32) {
	b.elements = append(b.elements, join([]byte{0, 0x41, offset, 0x0b, 1}, leb(function)))
}

// segment puts bytes into memory 0; offset is an i32.const in signed LEB128.
func (b *binaryModule) segment(offset []byte, content string) {
	b.data = append(b.data, join([]byte{0, 0x41}, offset, []byte{0x0b}, named(content)))
}

func (b *binaryModule) bytes() []byte {
	out := []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	section := func(id byte, entries [][]byte) {
		if len(entries) > 0 {
			out = join(out, []byte{id}, sized(join(leb(uint32(len(entries))), join(entries...))))
		}
	}
	section(1, b.types)
	section(2, b.imports)
	section(3, b.functions)
	section(4, b.tables)
	section(5, b.memories)
	section(6, b.globals)
	section(7, b.exports)
	if b.start != nil {
		out = join(out, []byte{8}, sized(leb(*b.start)))
	}
	section(9, b.elements)
	section(10, b.codes)
	section(11, b.data)
	if b.name != "" {
		out = join(out, []byte{0}, sized(join(named("name"), []byte{0}, sized(named(b.name)))))
	}
	return out
}

// addMemoryFunctions exports load, store, grow and size of memory 0.
func (b *binaryModule) addMemoryFunctions() {
	b.function("load", []byte{i32}, []byte{i32}, 0x20, 0, 0x28, 2, 0)
	b.function("store", []byte{i32, i32}, nil, 0x20, 0, 0x20, 1, 0x36, 2, 0)
	b.function("grow", []byte{i32}, []byte{i32}, 0x20, 0, 0x40, 0)
	b.function("size", nil, []byte{i32}, 0x3f, 0)
}

// The functions of calculator, by index.
const (
	calculatorAdd = iota
	calculatorDivide
	calculatorUnreachable
	calculatorRecurse
	calculatorNothing
)

// calculator has functions and no imports.
func calculator() []byte {
	b := &binaryModule{name: "calculator"}
	b.function("add", []byte{i32, i32}, []byte{i32}, 0x20, 0, 0x20, 1, 0x6a)
	b.function("divide", []byte{i32, i32}, []byte{i32}, 0x20, 0, 0x20, 1, 0x6d)
	b.function("unreachable", nil, nil, 0x00)
	b.function("recurse", nil, nil, 0x10, calculatorRecurse)
	b.function("nothing", nil, nil)
	return b.bytes()
}

// memoryOwner exports its memory of 1 to 100 pages.
func memoryOwner() []byte {
	b := &binaryModule{}
	b.memory(1, 100)
	b.export("memory", aMemory, 0)
	b.addMemoryFunctions()
	return b.bytes()
}

// memoryImporter imports it from "owner".
func memoryImporter() []byte {
	b := &binaryModule{}
	b.importMemory("owner", "memory", 1, 100)
	b.addMemoryFunctions()
	return b.bytes()
}
