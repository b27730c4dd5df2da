// What calls cost in Go, with wazero as it comes: calls.c says it in C.
//
//	calls INTERRUPT.WASM
//
// Prints a line for each measurement: its name and how many nanoseconds one call takes,
// the best of some rounds.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const (
	rounds = 15
	count  = 300000
)

// run returns the nanoseconds of one of the calls that f makes.
func run(f func() error) float64 {
	start := time.Now()
	if err := f(); err != nil {
		log.Fatal(err)
	}
	return float64(time.Since(start).Nanoseconds()) / count
}

func main() {
	if len(os.Args) != 2 {
		log.Fatalf("usage: %s INTERRUPT.WASM", os.Args[0])
	}
	wasm, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	host := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	i32 := []api.ValueType{api.ValueTypeI32}
	_, err = runtime.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(host, i32, i32).Export("host").Instantiate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	module, err := runtime.Instantiate(ctx, wasm)
	if err != nil {
		log.Fatal(err)
	}
	add := module.ExportedFunction("add")
	often := module.ExportedFunction("call_host_often")
	stack := []uint64{5, 7}
	call, hosts := 0.0, 0.0
	for round := 0; round < rounds; round++ {
		took := run(func() error {
			for i := 0; i < count; i++ {
				if err := add.CallWithStack(ctx, stack); err != nil {
					return err
				}
			}
			return nil
		})
		if round == 0 || took < call {
			call = took
		}
		took = run(func() error {
			_, err := often.Call(ctx, count)
			return err
		})
		if round == 0 || took < hosts {
			hosts = took
		}
	}
	fmt.Printf("call %.3f\nhost %.3f\n", call, hosts)
}
