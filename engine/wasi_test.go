package main

// The guest of these tests forwards to WASI's functions, so that a test calls them as
// a guest does. Their arguments lie in the guest's memory, which the tests write.

import (
	"bytes"
	"encoding/binary"
	"errors"
	mathrand "math/rand"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type wasiFunction struct {
	name    string
	params  []byte
	results []byte
}

var wasiFunctions = []wasiFunction{
	{"fd_write", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"fd_read", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"proc_exit", []byte{i32}, nil},
	{"random_get", []byte{i32, i32}, []byte{i32}},
	{"args_get", []byte{i32, i32}, []byte{i32}},
	{"environ_get", []byte{i32, i32}, []byte{i32}},
	{"clock_time_get", []byte{i32, i64, i32}, []byte{i32}},
	{"path_open", []byte{i32, i32, i32, i32, i32, i64, i64, i32, i32}, []byte{i32}},
	{"clock_res_get", []byte{i32, i32}, []byte{i32}},
	{"sched_yield", nil, []byte{i32}},
	{"poll_oneoff", []byte{i32, i32, i32, i32}, []byte{i32}},
	{"fd_fdstat_get", []byte{i32, i32}, []byte{i32}},
}

type wasiGuest struct {
	t      *testing.T
	module handle
	memory []byte
}

func newWasiGuest(t *testing.T, r handle, config *moduleConfig) *wasiGuest {
	t.Helper()
	const name = "wasi_unstable"
	wasi, f := wasiNew(r, name, nil)
	must(t, wasi, f)
	b := &binaryModule{}
	b.memory(1, 1)
	b.export("memory", aMemory, 0)
	for _, w := range wasiFunctions {
		b.importFunction(name, w.name, w.params, w.results)
	}
	for i, w := range wasiFunctions {
		b.forward(w.name, w.params, w.results, uint32(i))
	}
	config.imports = []moduleImport{{name, wasi}}
	m := instantiateBytes(t, r, b.bytes(), config)
	moduleRelease(wasi)
	return &wasiGuest{t, m, buffer(t, m)}
}

// call calls a function and returns its errno.
func (g *wasiGuest) call(name string, params ...uint64) (uint32, *failure) {
	g.t.Helper()
	for i, w := range wasiFunctions {
		if w.name == name {
			out, f := call(g.t, g.module, uint32(len(wasiFunctions)+i), params...)
			return uint32(out[0]), f
		}
	}
	panic(name)
}

func (g *wasiGuest) ok(name string, params ...uint64) {
	g.t.Helper()
	if errno, f := g.call(name, params...); f != nil || errno != 0 {
		g.t.Fatal(name, errno, f)
	}
}

func (g *wasiGuest) put(at uint32, n uint32) { binary.LittleEndian.PutUint32(g.memory[at:], n) }

func (g *wasiGuest) get(at uint32) uint32 { return binary.LittleEndian.Uint32(g.memory[at:]) }

// write writes text to a descriptor, read reads up to n bytes from one.
func (g *wasiGuest) write(fd uint64, text string) (uint32, *failure) {
	g.t.Helper()
	copy(g.memory[1024:], text)
	g.put(0, 1024)
	g.put(4, uint32(len(text)))
	return g.call("fd_write", fd, 0, 1, 16)
}

func (g *wasiGuest) read(fd uint64, n uint32) (string, uint32, *failure) {
	g.t.Helper()
	g.put(0, 2048)
	g.put(4, n)
	errno, f := g.call("fd_read", fd, 0, 1, 16)
	if f != nil || errno != 0 {
		return "", errno, f
	}
	return string(g.memory[2048 : 2048+g.get(16)]), 0, nil
}

func TestProcExit(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		for _, code := range []uint64{0, 3} {
			g := newWasiGuest(t, r, &moduleConfig{})
			_, f := g.call("proc_exit", code)
			fails(t, f, errorExit, "module closed with exit_code(")
			if uint64(f.exitCode) != code {
				t.Error(f.exitCode)
			}
			moduleRelease(g.module)
		}
	})
}

func TestRandom(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		// wazero's own source, and ours, read in pieces
		expected := make([]byte, 64)
		mathrand.New(mathrand.NewSource(42)).Read(expected)
		g := newWasiGuest(t, r, &moduleConfig{})
		g.ok("random_get", 0, 13)
		g.ok("random_get", 13, 51)
		if !bytes.Equal(g.memory[:64], expected) {
			t.Error("not wazero's bytes")
		}
		moduleRelease(g.module)
		g = newWasiGuest(t, r, &moduleConfig{sources: sources{random: sourceSystem}})
		g.ok("random_get", 0, 64)
		if bytes.Equal(g.memory[:64], expected) || bytes.Equal(g.memory[:64], make([]byte, 64)) {
			t.Error("not random")
		}
		moduleRelease(g.module)
	})
}

func TestArgumentsAndEnvironment(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		g := newWasiGuest(t, r, &moduleConfig{
			args: []string{"program", "", "ä b"}, environment: []variable{{"K", "v=w"}, {"E", ""}, {"K", "last"}},
		})
		g.ok("args_get", 0, 100)
		if got := string(g.memory[100:115]); got != "program\x00\x00ä b\x00\x00" {
			t.Errorf("%q", got)
		}
		g.ok("environ_get", 0, 200)
		if got := string(g.memory[200:211]); got != "K=last\x00E=\x00\x00" {
			t.Errorf("%q", got)
		}
		moduleRelease(g.module)
	})
}

func TestClocks(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		read := func(g *wasiGuest, clock uint64) uint64 {
			g.ok("clock_time_get", clock, 0, 8)
			return binary.LittleEndian.Uint64(g.memory[8:])
		}
		sleep := func(g *wasiGuest, d time.Duration) time.Duration {
			clear(g.memory[:200])
			g.put(16, 1) // monotonic
			binary.LittleEndian.PutUint64(g.memory[24:], uint64(d))
			start := time.Now()
			g.ok("poll_oneoff", 0, 64, 1, 128)
			return time.Since(start)
		}
		g := newWasiGuest(t, r, &moduleConfig{})
		if a, b := read(g, 0), read(g, 0); b-a != 1e6 {
			t.Error(a, b)
		}
		if a, b := read(g, 1), read(g, 1); b-a != 1e6 {
			t.Error(a, b)
		}
		if d := sleep(g, time.Hour); d > time.Minute {
			t.Error(d)
		}
		moduleRelease(g.module)
		g = newWasiGuest(t, r, &moduleConfig{sources: sources{walltime: sourceSystem, nanotime: sourceSystem}})
		if a := read(g, 0); time.Since(time.Unix(0, int64(a))).Abs() > time.Minute {
			t.Error(a)
		}
		a := read(g, 1)
		time.Sleep(20 * time.Millisecond)
		if b := read(g, 1); b-a < 20e6 {
			t.Error(a, b)
		}
		moduleRelease(g.module)
	})
}

func TestCallStreams(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		input := strings.NewReader("some input")
		var output [3]bytes.Buffer
		lib.read = func(user uintptr, buffer []byte) int64 {
			if user != 10 || len(buffer) == 0 {
				t.Error(user, len(buffer))
			}
			n, _ := input.Read(buffer)
			return int64(n)
		}
		lib.write = func(user uintptr, buffer []byte) int64 {
			n, _ := output[user-10].Write(buffer)
			return int64(n)
		}
		g := newWasiGuest(t, r, &moduleConfig{
			streams: [3]stream{{streamCall, 0, 10}, {streamCall, 0, 11}, {streamCall, 0, 12}},
		})
		for _, text := range []string{"one", "", "two"} {
			if errno, f := g.write(1, text); errno != 0 || f != nil {
				t.Error(errno, f)
			}
		}
		if errno, f := g.write(2, "err"); errno != 0 || f != nil {
			t.Error(errno, f)
		}
		if output[1].String() != "onetwo" || output[2].String() != "err" {
			t.Error(output[1].String(), output[2].String())
		}
		for _, expected := range []string{"some", " input", "", ""} {
			if text, errno, f := g.read(0, max(uint32(len(expected)), 1)); text != expected || errno != 0 || f != nil {
				t.Error(text, errno, f)
			}
		}
		// part of it, then failure
		lib.write = func(_ uintptr, buffer []byte) int64 { return 2 }
		if errno, f := g.write(1, "hello"); errno != 0 || f != nil || g.get(16) != 2 {
			t.Error(errno, f, g.get(16))
		}
		for _, n := range []int64{-1, 1 << 40} {
			lib.write = func(uintptr, []byte) int64 { return n }
			lib.read = func(uintptr, []byte) int64 { return n }
			_, f := g.write(1, "hello")
			fails(t, f, errorHost, "writing standard output failed (recovered by wazero)", "fd_write(")
			_, _, f = g.read(0, 10)
			fails(t, f, errorHost, "reading standard input failed (recovered by wazero)")
		}
		moduleRelease(g.module)
	})
}

func TestNoStreams(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		g := newWasiGuest(t, r, &moduleConfig{})
		if errno, f := g.write(1, "gone"); errno != 0 || f != nil || g.get(16) != 4 {
			t.Error(errno, f)
		}
		if text, errno, f := g.read(0, 10); text != "" || errno != 0 || f != nil {
			t.Error(text, errno, f)
		}
		moduleRelease(g.module)
	})
}

// openDescriptors lists the descriptors of this process that are the file of another.
func openDescriptors(t *testing.T, like *os.File) (found []int) {
	t.Helper()
	var wanted, st unix.Stat_t
	if err := unix.Fstat(int(like.Fd()), &wanted); err != nil {
		t.Fatal(err)
	}
	for fd := range 200 {
		if unix.Fstat(fd, &st) == nil && st.Dev == wanted.Dev && st.Ino == wanted.Ino {
			found = append(found, fd)
		}
	}
	return found
}

func TestDescriptorStreams(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		for _, nonblocking := range []bool{false, true} {
			var pipe [2]int
			if err := syscall.Pipe(pipe[:]); err != nil {
				t.Fatal(err)
			}
			if nonblocking {
				_ = syscall.SetNonblock(pipe[0], true)
			}
			file, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			g := newWasiGuest(t, r, &moduleConfig{streams: [3]stream{
				{streamFD, int32(pipe[0]), 0}, {streamFD, int32(file.Fd()), 0}, {streamFD, int32(file.Fd()), 0},
			}})
			duplicates := openDescriptors(t, file)
			if len(duplicates) != 3 {
				t.Error(duplicates)
			}
			for _, fd := range duplicates {
				if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
					t.Error("inherited by children:", fd)
				}
			}
			for fd, text := range []string{1: "one", 2: "two"} {
				if fd == 0 {
					continue
				}
				if errno, f := g.write(uint64(fd), text); errno != 0 || f != nil {
					t.Error(errno, f)
				}
			}
			if content, _ := os.ReadFile(file.Name()); string(content) != "onetwo" {
				t.Errorf("%q", content)
			}
			go func() {
				time.Sleep(10 * time.Millisecond)
				_, _ = syscall.Write(pipe[1], []byte("input"))
				_ = syscall.Close(pipe[1])
			}()
			if text, errno, f := g.read(0, 10); text != "input" || errno != 0 || f != nil {
				t.Error(text, errno, f)
			}
			if text, errno, f := g.read(0, 10); text != "" || errno != 0 || f != nil {
				t.Error(text, errno, f)
			}
			flags, _ := unix.FcntlInt(uintptr(pipe[0]), unix.F_GETFL, 0)
			if (flags&unix.O_NONBLOCK != 0) != nonblocking {
				t.Error("the mode of the descriptor changed")
			}
			moduleClose(g.module, 0)
			if n := len(openDescriptors(t, file)); n != 1 {
				t.Error("duplicates are left:", n-1)
			}
			moduleRelease(g.module)
			_ = syscall.Close(pipe[0])
			_ = file.Close()
		}
	})
}

// TestDescriptorsAreClosed closes them in every way a module can end.
func TestDescriptorsAreClosed(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		file, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		streams := [3]stream{{streamFD, int32(file.Fd()), 0}, {streamFD, int32(file.Fd()), 0}, {streamFD, int32(file.Fd()), 0}}
		expect := func(how string, n int) {
			t.Helper()
			if got := len(openDescriptors(t, file)) - 1; got != n {
				t.Errorf("%s: %d duplicates", how, got)
			}
		}
		g := newWasiGuest(t, r, &moduleConfig{streams: streams})
		expect("open", 3)
		_, _ = g.call("proc_exit", 1)
		expect("proc_exit", 0)
		moduleRelease(g.module)
		// a module that cannot be made
		c, f := runtimeCompile(r, &compileTask{binary: memoryOwner()})
		must(t, c, f)
		lib.refuseNew = true
		_, f = moduleNew(r, c, &moduleConfig{streams: streams})
		fails(t, f, errorMemory)
		lib.refuseNew = false
		_, f = moduleNew(r, c, &moduleConfig{streams: [3]stream{streams[0], {streamFD, -1, 0}}})
		fails(t, f, errorInvalid)
		expect("failed", 0)
		// the runtime; a module without a memory
		m := instantiateBytes(t, r, calculator(), &moduleConfig{streams: streams})
		expect("open", 3)
		runtimeClose(r, 0)
		expect("runtime_close", 0)
		compiledClose(c)
		moduleRelease(m)
	})
}

func TestInheritedStreams(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		var pipe [2]int
		if err := syscall.Pipe(pipe[:]); err != nil {
			t.Fatal(err)
		}
		saved, err := syscall.Dup(1)
		if err != nil {
			t.Fatal(err)
		}
		_ = unix.Dup2(pipe[1], 1)
		g := newWasiGuest(t, r, &moduleConfig{streams: [3]stream{{}, {kind: streamInherit}}})
		errno, f := g.write(1, "inherited")
		_ = unix.Dup2(saved, 1)
		_ = syscall.Close(saved)
		_ = syscall.Close(pipe[1])
		got := make([]byte, 20)
		n, _ := syscall.Read(pipe[0], got)
		if errno != 0 || f != nil || string(got[:n]) != "inherited" {
			t.Errorf("%d %v %q", errno, f, got[:n])
		}
		// Nobody reads any more: an error for the guest, not the end of the process.
		_ = syscall.Close(pipe[0])
		if errno, f = g.write(1, "broken"); errno == 0 || f != nil {
			t.Error(errno, f)
		}
		moduleClose(g.module, 0)
		moduleRelease(g.module)
	})
}

func TestMounts(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		writable, readOnly := t.TempDir(), t.TempDir()
		for _, directory := range []string{writable, readOnly} {
			if err := os.WriteFile(filepath.Join(directory, "file"), []byte("content"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		g := newWasiGuest(t, r, &moduleConfig{mounts: []mount{{writable, "/", false}, {readOnly, "/ro", true}}})
		open := func(directory uint64, name string, flags uint64) (uint64, uint32) {
			copy(g.memory[4096:], name)
			const rights = 1<<1 | 1<<6 // read, write
			errno, f := g.call("path_open", directory, 0, 4096, uint64(len(name)), flags, rights, 0, 0, 8)
			if f != nil {
				t.Fatal(f.message)
			}
			return uint64(g.get(8)), errno
		}
		if fd, errno := open(3, "new", 1); errno != 0 {
			t.Error(errno)
		} else if errno, f := g.write(fd, "written"); errno != 0 || f != nil {
			t.Error(errno, f)
		}
		if content, err := os.ReadFile(filepath.Join(writable, "new")); string(content) != "written" {
			t.Error(content, err)
		}
		if _, errno := open(4, "new", 1); errno == 0 {
			t.Error("the mount is not read-only")
		}
		if _, err := os.Stat(filepath.Join(readOnly, "new")); !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
		moduleRelease(g.module)
	})
}

func TestWasiOfARuntimeThatIsNone(t *testing.T) {
	_, f := wasiNew(0, "wasi_snapshot_preview1", nil)
	fails(t, f, errorInvalid)
	r := newRuntime(t, engineAuto)
	_, f = wasiNew(r, "", nil)
	fails(t, f, errorInvalid)
	runtimeClose(r, 0)
}
