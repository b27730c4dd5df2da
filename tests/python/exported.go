//go:build ignore

// Prints every exported identifier of wazero's public packages, one a line: the folder of
// the package, a blank, and the name, with that of its type before a method or a field.
//
//	go run exported.go FOLDER-OF-WAZERO
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	root := os.Args[1]
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		folder, _ := filepath.Rel(root, path)
		switch entry.Name() {
		case "internal", "testdata", "cmd", "examples", "site", "example", "wazerotest":
			return filepath.SkipDir
		}
		if strings.HasPrefix(entry.Name(), ".") && folder != "." {
			return filepath.SkipDir
		}
		return scan(path, folder, found)
	})
	if err != nil {
		panic(err)
	}
	lines := make([]string, 0, len(found))
	for line := range found {
		lines = append(lines, line)
	}
	sort.Strings(lines)
	fmt.Println(strings.Join(lines, "\n"))
}

func scan(path, folder string, found map[string]bool) error {
	packages, err := parser.ParseDir(token.NewFileSet(), path, func(f fs.FileInfo) bool {
		return !strings.HasSuffix(f.Name(), "_test.go")
	}, 0)
	if err != nil {
		return err
	}
	for name, p := range packages {
		if name == "main" {
			continue
		}
		for _, file := range p.Files {
			for _, declaration := range file.Decls {
				note(folder, declaration, found)
			}
		}
	}
	return nil
}

func note(folder string, declaration ast.Decl, found map[string]bool) {
	add := func(names ...string) {
		for _, name := range names {
			if !ast.IsExported(name) {
				return
			}
		}
		found[folder+" "+strings.Join(names, ".")] = true
	}
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name.Name)
		} else {
			add(receiver(d.Recv.List[0].Type), d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.ValueSpec:
				for _, name := range s.Names {
					add(name.Name)
				}
			case *ast.TypeSpec:
				add(s.Name.Name)
				var fields *ast.FieldList
				switch t := s.Type.(type) {
				case *ast.InterfaceType:
					fields = t.Methods
				case *ast.StructType:
					fields = t.Fields
				}
				if fields == nil {
					continue
				}
				for _, field := range fields.List {
					for _, name := range field.Names {
						add(s.Name.Name, name.Name)
					}
				}
			}
		}
	}
}

func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}
