package main

// This file makes compilation caches. lib closes a cache after the last runtime that uses
// it: wazero's cache owns the engines of those runtimes. A cache with a folder is one of
// wazero's in memory into which an entryFolder (entries.go) is put in place of wazero's own
// files: those are read with one system call for each eight bytes of the function table,
// trust counts before they look at checksums, and turn damage into errors.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/tetratelabs/wazero"
)

// entryKey is what wazero and lib name entries by.
type entryKey = [sha256.Size]byte

// fileCache is wazero's filecache.Cache, which is internal.
type fileCache interface {
	Get(key entryKey) (content io.ReadCloser, ok bool, err error)
	Add(key entryKey, content io.Reader) (err error)
	Delete(key entryKey) (err error)
}

type compilationCache struct {
	wazero.CompilationCache
	folder *entryFolder // nil for a cache in memory
}

// cacheNew makes a cache in a folder that is there, or one in memory if that is "".
func cacheNew(folder string) (handle, *failure) {
	cache := &compilationCache{CompilationCache: wazero.NewCompilationCache()}
	if folder != "" {
		cache.folder = newEntryFolder(folder)
		if err := setFileCache(cache.CompilationCache, cache.folder); err != nil {
			return 0, internal("%v", err)
		}
	}
	return newHandle(cache), nil
}

func cacheClose(h handle) {
	if cache := removeHandle[compilationCache](h); cache != nil {
		_ = cache.Close(context.Background())
	}
}

// cacheFind opens the entry of a key; 0 if there is none that can be used.
func cacheFind(h handle, key *entryKey) handle {
	cache := lookup[compilationCache](h)
	if cache == nil || cache.folder == nil || key == nil {
		return 0
	}
	if found := cache.folder.open(*key); found != nil {
		return newHandle(found)
	}
	return 0
}

func entryClose(h handle) {
	if found := removeHandle[entry](h); found != nil {
		found.close()
	}
}

// setFileCache has wazero's cache keep its files with files.
func setFileCache(cache wazero.CompilationCache, files fileCache) error {
	field, err := fieldOf(reflect.TypeOf(cache), "fileCache", func(t reflect.Type) bool {
		return t.Kind() == reflect.Interface && t.NumMethod() == 3 && reflect.TypeOf(files).Implements(t)
	})
	if err != nil {
		return err
	}
	at := unsafe.Add(reflect.ValueOf(cache).UnsafePointer(), field.Offset)
	reflect.NewAt(field.Type, at).Elem().Set(reflect.ValueOf(files))
	return nil
}

// codeVersion names all that compiled code depends on besides the module: wazero, the
// processor, and the format of entries. The processor's features are wazero's secret, but
// they are in the key that it makes for a module, and so in the one of an empty module.
var codeVersion = sync.OnceValues(func() (string, error) {
	var seen keyRecorder
	cache := wazero.NewCompilationCache()
	if err := setFileCache(cache, &seen); err != nil {
		return "", err
	}
	ctx := context.Background()
	defer func() { _ = cache.Close(ctx) }()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { _ = r.Close(ctx) }()
	if _, err := r.CompileModule(ctx, []byte("\x00asm\x01\x00\x00\x00")); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-%s-%s-%d-%s", engineVersion(), runtime.GOARCH, runtime.GOOS,
		entryFormat, hex.EncodeToString(seen.key[:4])), nil
})

// keyRecorder is a fileCache that has nothing and notes what it was asked for.
type keyRecorder struct{ key entryKey }

func (r *keyRecorder) Get(key entryKey) (io.ReadCloser, bool, error) {
	r.key = key
	return nil, false, nil
}
func (r *keyRecorder) Add(entryKey, io.Reader) error { return nil }
func (r *keyRecorder) Delete(entryKey) error         { return nil }

// digest hashes data, in pieces on all processors, and then salt.
func digest(data, salt []byte) entryKey {
	const piece = 1 << 20
	count := (len(data) + piece - 1) / piece
	sums := make([]byte, count*sha256.Size, count*sha256.Size+len(salt))
	inParallel(count, func(i int) {
		sum := sha256.Sum256(data[i*piece : min((i+1)*piece, len(data))])
		copy(sums[i*sha256.Size:], sum[:])
	})
	return sha256.Sum256(append(sums, salt...))
}

// inParallel calls do with 0 to count-1, on as many threads as there are processors.
func inParallel(count int, do func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), count)
	if workers <= 1 {
		for i := range count {
			do(i)
		}
		return
	}
	var taken atomic.Int64
	var group sync.WaitGroup
	work := func() {
		for i := int(taken.Add(1)); i <= count; i = int(taken.Add(1)) {
			do(i - 1)
		}
	}
	for range workers - 1 {
		group.Go(work)
	}
	work()
	group.Wait()
}
