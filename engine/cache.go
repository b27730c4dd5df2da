package main

// This file makes compilation caches. lib closes a cache after the last runtime that uses
// it: wazero's cache owns the engines of those runtimes.

import (
	"context"

	"github.com/tetratelabs/wazero"
)

type compilationCache struct{ wazero.CompilationCache }

// cacheNew makes a cache in the directory, or one in memory if that is "".
func cacheNew(directory string) (handle, *failure) {
	if directory == "" {
		return newHandle(&compilationCache{wazero.NewCompilationCache()}), nil
	}
	cache, err := wazero.NewCompilationCacheWithDir(directory)
	if err != nil {
		return 0, invalid("cache directory: %v", err)
	}
	return newHandle(&compilationCache{cache}), nil
}

func cacheClose(h handle) {
	if cache := removeHandle[compilationCache](h); cache != nil {
		_ = cache.Close(context.Background())
	}
}
