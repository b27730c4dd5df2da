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
