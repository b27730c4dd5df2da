package main

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// cacheWith makes a cache and a runtime that uses it, and closes both after the test.
func cacheWith(t *testing.T, folder string) (cache, r handle) {
	t.Helper()
	cache, f := cacheNew(folder)
	must(t, cache, f)
	r, f = runtimeNew(runtimeConfig{memoryLimitPages: 65536, features: features, cache: cache})
	must(t, r, f)
	t.Cleanup(func() {
		runtimeClose(r, 0)
		cacheClose(cache)
	})
	return cache, r
}

func keyOf(text string) *entryKey {
	key := digest([]byte(text), nil)
	return &key
}

// emptied is the calculator as lib would have it with an entry of the cache at hand.
func emptied() []byte {
	b := &binaryModule{}
	b.function("add", []byte{i32, i32}, []byte{i32}, 0x00)
	return b.bytes()
}

func filled() []byte {
	b := &binaryModule{}
	b.function("add", []byte{i32, i32}, []byte{i32}, 0x20, 0, 0x20, 1, 0x6a)
	return b.bytes()
}

// addOf loads the entry and calls its function, or reports that there is none.
func addOf(t *testing.T, cache, r handle, key *entryKey) (sum uint32, found bool) {
	t.Helper()
	h := cacheFind(cache, key)
	if h == 0 {
		return 0, false
	}
	defer entryClose(h)
	c, f := runtimeCompile(r, &compileTask{binary: emptied(), entry: h})
	if f != nil {
		return 0, false
	}
	defer compiledClose(c)
	m, f := moduleNew(r, c, &moduleConfig{})
	must(t, m, f)
	defer moduleRelease(m)
	return result(t, m, 0, 5, 7), true
}

func TestCacheInMemory(t *testing.T) {
	cache, r := cacheWith(t, "")
	if cacheFind(cache, keyOf("x")) != 0 || cacheFind(0, keyOf("x")) != 0 || cacheFind(cache, nil) != 0 {
		t.Error("found something")
	}
	m := instantiateBytes(t, r, calculator(), nil)
	if got := result(t, m, calculatorAdd, 5, 7); got != 12 {
		t.Error(got)
	}
	moduleRelease(m)
	_, f := runtimeCompile(r, &compileTask{binary: filled(), entry: cache})
	fails(t, f, errorInvalid, "cache entry")
	cacheClose(cache)
	cacheClose(cache)
	_, f = runtimeNew(runtimeConfig{memoryLimitPages: 1, cache: cache})
	fails(t, f, errorClosed, "cache")
}

func TestCacheInFolder(t *testing.T) {
	folder := t.TempDir()
	key := keyOf("add")
	cache, r := cacheWith(t, folder)
	if _, found := addOf(t, cache, r, key); found {
		t.Fatal("an entry before there is one")
	}
	c, f := runtimeCompile(r, &compileTask{binary: filled(), key: key, workers: 2})
	must(t, c, f)
	compiledClose(c)
	// without a key nothing is written
	c, f = runtimeCompile(r, &compileTask{binary: calculator()})
	must(t, c, f)
	compiledClose(c)
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for range 2 { // the second time with nothing in memory
		if sum, found := addOf(t, cache, r, key); !found || sum != 12 {
			t.Error(sum, found)
		}
		cache, r = cacheWith(t, folder)
	}
	if cacheFind(cache, keyOf("another")) != 0 {
		t.Error("found an entry of another name")
	}
}

func TestCodeVersion(t *testing.T) {
	version, err := codeVersion()
	if err != nil || !strings.HasPrefix(version, "v1.12.0-") {
		t.Error(version, err)
	}
}

func TestDigest(t *testing.T) {
	data := make([]byte, 3<<20+17)
	rand.New(rand.NewSource(1)).Read(data)
	sum := digest(data, []byte("salt"))
	if sum != digest(data, []byte("salt")) {
		t.Error("not the same again")
	}
	for _, at := range []int{0, 1 << 20, 3 << 20, len(data) - 1} {
		data[at] ^= 1
		if digest(data, []byte("salt")) == sum {
			t.Error("the same with another byte at", at)
		}
		data[at] ^= 1
	}
	if digest(data, []byte("Salt")) == sum || digest(data[:len(data)-1], []byte("salt")) == sum {
		t.Error("the same for other data")
	}
}

// entryFile makes an entry and returns its file.
func entryFile(t *testing.T, folder string, key *entryKey) string {
	t.Helper()
	_, r := cacheWith(t, folder)
	c, f := runtimeCompile(r, &compileTask{binary: filled(), key: key})
	must(t, c, f)
	compiledClose(c)
	return newEntryFolder(folder).file(*key)
}

// TestDamagedEntries changes each byte of a file, cuts it off at each length, and makes it
// longer: nothing of that is an entry any more.
func TestDamagedEntries(t *testing.T) {
	folder := t.TempDir()
	key := keyOf("add")
	name := entryFile(t, folder, key)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	usable := func(content []byte) bool {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		cache, r := cacheWith(t, folder)
		defer func() {
			runtimeClose(r, 0)
			cacheClose(cache)
		}()
		_, found := addOf(t, cache, r, key)
		return found
	}
	if !usable(whole) {
		t.Fatal("the entry as it was")
	}
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1 << (i % 8)
		if usable(changed) {
			t.Errorf("byte %d of %d changed", i, len(whole))
		}
		if usable(whole[:i]) {
			t.Errorf("%d of %d bytes", i, len(whole))
		}
	}
	if usable(append(bytes.Clone(whole), 0)) {
		t.Error("one byte more")
	}
	// The whole of it under another name.
	other := keyOf("other")
	if err := os.WriteFile(newEntryFolder(folder).file(*other), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	cache, r := cacheWith(t, folder)
	if _, found := addOf(t, cache, r, other); found {
		t.Error("an entry under another name")
	}
	// Sizes that would be too much, with a right checksum.
	var header entryHeader
	_, _ = binary.Decode(whole, binary.LittleEndian, &header)
	header.CodeSize = 1 << 39
	header.Sum = header.sum(nil)
	if usable(append(header.bytes(), whole[headerSize:]...)) {
		t.Error("a code of 512 GiB")
	}
}

// TestFilesNotToBeTrusted has what others could have put there.
func TestFilesNotToBeTrusted(t *testing.T) {
	folder := t.TempDir()
	key := keyOf("add")
	name := entryFile(t, folder, key)
	cache, r := cacheWith(t, folder)
	check := func(what string, usable bool) {
		t.Helper()
		h := cacheFind(cache, key)
		if (h != 0) != usable {
			t.Errorf("%s: usable is %v", what, h != 0)
		}
		entryClose(h)
	}
	check("as it was", true)
	for _, mode := range []os.FileMode{0o620, 0o602, 0o666} {
		_ = os.Chmod(name, mode)
		check(mode.String(), false)
	}
	_ = os.Chmod(name, 0o600)
	if os.Geteuid() == 0 {
		_ = os.Chown(name, 12345, -1)
		check("of another user", false)
		_ = os.Chown(name, 0, -1)
	}
	moved := filepath.Join(t.TempDir(), "moved")
	_ = os.Rename(name, moved)
	_ = os.Symlink(moved, name)
	check("a symbolic link", false)
	_ = os.Remove(name)
	_ = unix.Mkfifo(name, 0o600)
	check("a pipe", false)
	_ = os.Remove(name)
	_ = os.Mkdir(name, 0o700)
	check("a folder", false)
	// Writing replaces what can be replaced, and is no error where it cannot.
	write := func() {
		t.Helper()
		c, f := runtimeCompile(r, &compileTask{binary: filled(), key: key})
		must(t, c, f)
		compiledClose(c)
	}
	write()
	check("in place of an empty folder", true)
	_ = os.Remove(name)
	_ = os.MkdirAll(filepath.Join(name, "full"), 0o700)
	write()
	check("a folder that is not empty", false)
	_ = os.RemoveAll(folder)
	write()
	check("without a folder", false)
}

// TestLeftovers has files of processes that were killed, and of one that lives.
func TestLeftovers(t *testing.T) {
	folder := t.TempDir()
	dead := filepath.Join(folder, temporaryName+"dead")
	if err := os.WriteFile(dead, []byte("half of"), 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := newEntryFolder(folder).temporary()
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	entryFile(t, folder, keyOf("add"))
	if _, err := os.Stat(dead); err == nil {
		t.Error("the leftover is there")
	}
	if _, err := os.Stat(alive.Name()); err != nil {
		t.Error("a file that is being written is gone", err)
	}
}

// TestWritersAtOnce has many threads write and read one entry.
func TestWritersAtOnce(t *testing.T) {
	folder := t.TempDir()
	key := keyOf("add")
	var group sync.WaitGroup
	for range 8 {
		cache, r := cacheWith(t, folder)
		group.Go(func() {
			for range 20 {
				c, f := runtimeCompile(r, &compileTask{binary: filled(), key: key})
				if f != nil {
					t.Error(f.message)
					return
				}
				compiledClose(c)
				if sum, found := addOf(t, cache, r, key); !found || sum != 12 {
					t.Error(sum, found)
				}
			}
		})
	}
	group.Wait()
	if files, _ := os.ReadDir(folder); len(files) != 1 {
		t.Error(files)
	}
}

// TestLoadersAtOnce has many threads load one entry of one cache.
func TestLoadersAtOnce(t *testing.T) {
	folder := t.TempDir()
	key := keyOf("add")
	entryFile(t, folder, key)
	for range 50 {
		cache, r := cacheWith(t, folder)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if sum, found := addOf(t, cache, r, key); !found || sum != 12 {
					t.Error(sum, found)
				}
			})
		}
		group.Wait()
	}
}

func TestPlaces(t *testing.T) {
	var pairs []byte
	want := [][2]uint64{{7, 0}, {9, 3}, {8, 3}, {1 << 31, 1 << 32}, {2, 1 << 40}}
	for _, p := range want {
		pairs = binary.LittleEndian.AppendUint64(pairs, p[0])
		pairs = binary.LittleEndian.AppendUint64(pairs, p[1])
	}
	packed := packPlaces(pairs)
	code, source, err := unpackPlaces(packed, uint64(len(want)), 100)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range want {
		if source[i] != p[0] || uint64(code[i]) != p[1]+100 {
			t.Error(i, source[i], code[i])
		}
	}
	for i := range packed {
		if _, _, err := unpackPlaces(packed[:i], uint64(len(want)), 0); err == nil {
			t.Error("read", i, "bytes of", len(packed))
		}
	}
	if _, _, err := unpackPlaces(packed, 1<<60, 0); err == nil {
		t.Error("read too many")
	}
}

// TestStreams cuts off what wazero writes, at each length.
func TestStreams(t *testing.T) {
	stream := []byte("WAZEVO\x02v1\x01\x00\x00\x00")
	stream = binary.LittleEndian.AppendUint64(stream, 0)
	stream = append(binary.LittleEndian.AppendUint64(stream, 4), "code\x01\x02\x03\x04\x01"...)
	stream = binary.LittleEndian.AppendUint64(stream, 1)
	stream = binary.LittleEndian.AppendUint64(stream, 9)
	stream = binary.LittleEndian.AppendUint64(stream, 2)
	catches := slices.Clone(stream)
	for i := range catches {
		if _, err := splitStream(catches[:i]); err == nil {
			t.Error("took", i, "bytes of", len(catches))
		}
	}
	parts, err := splitStream(append(stream, 0, 0, 0, 0))
	if err != nil || string(parts.code) != "code" || parts.count != 1 ||
		string(parts.tail) != "\x01\x02\x03\x04\x00\x00\x00\x00\x00" {
		t.Errorf("%+v, %v", parts, err)
	}
}
