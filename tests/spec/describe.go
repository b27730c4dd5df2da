//go:build ignore

// Prints what wazero itself knows of modules, a line of JSON for each line of input, which
// is a number of features, a blank, and the path of a module. The line is null for a module
// that wazero refuses.
//
//	go run describe.go <LIST
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

type function struct {
	Index       uint32
	Name        string
	Module      string
	Debug       string
	Imported    []string
	Exported    []string
	Params      []byte
	Results     []byte
	ParamNames  []string
	ResultNames []string
}

type memory struct {
	Min, Max uint32
	HasMax   bool
	Imported []string
	Exported []string
}

type section struct {
	Name string
	Size int
}

type module struct {
	Name                    string
	Imports, Exports        map[string]function
	MemoriesIn, MemoriesOut map[string]memory
	Custom                  []section
	All                     sections
}

// sections is what wazero's decoder made of the rest, which its interface does not tell.
// Imported tables, globals and tags come first. Types are wazero's numbers, as texts, for
// JSON's numbers end at 53 bits.
type sections struct {
	Imports, Exports [][3]any
	Types            [][2][]string
	Tables           [][3]any   // type, minimum, maximum or nil
	Globals          [][2]any   // type, whether it is mutable
	Tags             []uint64   // indices of types
	Functions        []uint64   // indices of types, of those defined here
	Locals           [][]string // types, of those defined here
	Elements         []string   // types
	Data             int
}

// each calls visit with the items of a list.
func each(list reflect.Value, visit func(item reflect.Value)) {
	for i := range list.Len() {
		visit(list.Index(i))
	}
}

func whole(t reflect.Value) string { return fmt.Sprint(t.Uint()) }

func types(list reflect.Value) []string {
	out := []string{}
	each(list, func(t reflect.Value) { out = append(out, whole(t)) })
	return out
}

func (s *sections) addTable(table reflect.Value) {
	row := [3]any{whole(table.FieldByName("Type")), table.FieldByName("Min").Uint(), nil}
	if most := table.FieldByName("Max"); !most.IsNil() {
		row[2] = most.Elem().Uint()
	}
	s.Tables = append(s.Tables, row)
}

func (s *sections) addGlobal(t reflect.Value) {
	row := [2]any{whole(t.FieldByName("ValType")), t.FieldByName("Mutable").Bool()}
	s.Globals = append(s.Globals, row)
}

func (s *sections) addImport(one reflect.Value) {
	kind := one.FieldByName("Type").Uint()
	s.Imports = append(s.Imports,
		[3]any{kind, one.FieldByName("Module").String(), one.FieldByName("Name").String()})
	switch kind {
	case 1:
		s.addTable(one.FieldByName("DescTable"))
	case 3:
		s.addGlobal(one.FieldByName("DescGlobal"))
	case 4:
		s.Tags = append(s.Tags, one.FieldByName("DescTag").Uint())
	}
}

// decoded reads the module that a compiled one was decoded into.
func decoded(compiled wazero.CompiledModule) (s sections) {
	m := reflect.ValueOf(compiled).Elem().FieldByName("module").Elem()
	each(m.FieldByName("ImportSection"), s.addImport)
	each(m.FieldByName("ExportSection"), func(one reflect.Value) {
		s.Exports = append(s.Exports, [3]any{one.FieldByName("Type").Uint(),
			one.FieldByName("Name").String(), one.FieldByName("Index").Uint()})
	})
	each(m.FieldByName("TypeSection"), func(t reflect.Value) {
		s.Types = append(s.Types, [2][]string{types(t.FieldByName("Params")), types(t.FieldByName("Results"))})
	})
	each(m.FieldByName("TableSection"), s.addTable)
	each(m.FieldByName("GlobalSection"), func(g reflect.Value) { s.addGlobal(g.FieldByName("Type")) })
	each(m.FieldByName("TagSection"), func(t reflect.Value) { s.Tags = append(s.Tags, t.FieldByName("Type").Uint()) })
	each(m.FieldByName("FunctionSection"), func(t reflect.Value) { s.Functions = append(s.Functions, t.Uint()) })
	each(m.FieldByName("CodeSection"), func(c reflect.Value) { s.Locals = append(s.Locals, types(c.FieldByName("LocalTypes"))) })
	each(m.FieldByName("ElementSection"), func(e reflect.Value) { s.Elements = append(s.Elements, whole(e.FieldByName("Type"))) })
	s.Data = m.FieldByName("DataSection").Len()
	return s
}

func imported(d api.ExportDefinition) []string {
	if m, name, ok := d.Import(); ok {
		return []string{m, name}
	}
	return nil
}

func describeFunction(d api.FunctionDefinition) function {
	return function{
		d.Index(), d.Name(), d.ModuleName(), d.DebugName(), imported(d), d.ExportNames(),
		d.ParamTypes(), d.ResultTypes(), d.ParamNames(), d.ResultNames(),
	}
}

func describeMemory(d api.MemoryDefinition) memory {
	most, ok := d.Max()
	return memory{d.Min(), most, ok, imported(d), d.ExportNames()}
}

func describe(features api.CoreFeatures, binary []byte) *module {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(features).WithCustomSections(true).WithDebugInfoEnabled(false))
	defer runtime.Close(ctx)
	compiled, err := runtime.CompileModule(ctx, binary)
	if err != nil {
		return nil
	}
	m := &module{Name: compiled.Name(), Imports: map[string]function{}, Exports: map[string]function{},
		MemoriesIn: map[string]memory{}, MemoriesOut: map[string]memory{}, Custom: []section{}}
	for _, d := range compiled.ImportedFunctions() {
		m.Imports[fmt.Sprint(d.Index())] = describeFunction(d)
	}
	for name, d := range compiled.ExportedFunctions() {
		m.Exports[name] = describeFunction(d)
	}
	for i, d := range compiled.ImportedMemories() {
		m.MemoriesIn[fmt.Sprint(i)] = describeMemory(d)
	}
	for name, d := range compiled.ExportedMemories() {
		m.MemoriesOut[name] = describeMemory(d)
	}
	for _, s := range compiled.CustomSections() {
		m.Custom = append(m.Custom, section{s.Name(), len(s.Data())})
	}
	m.All = decoded(compiled)
	return m
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	for lines.Scan() {
		var features uint64
		var path string
		if _, err := fmt.Sscanf(lines.Text(), "%d %s", &features, &path); err != nil {
			panic(err)
		}
		binary, err := os.ReadFile(path)
		if err != nil {
			panic(err)
		}
		if err := encoder.Encode(describe(api.CoreFeatures(features), binary)); err != nil {
			panic(err)
		}
	}
}
