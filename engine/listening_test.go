package main

import (
	"bytes"
	"strings"
	"testing"
)

// listenerLib stands in for lib's listeners: it wants every function, notes what it is
// told, and keeps the notes of calls that are logged.
type listenerLib struct {
	told  []string
	notes []handle
	walk  handle // of the last call
	fail  string // what to fail with, before
	depth []int  // frames that were found, of each call
}

// So that no test is the first to make one, which stays.
func init() { beginWalk(nil).end() }

func listen(t *testing.T) *listenerLib {
	l := &listenerLib{}
	wants, before, note, after := callListenerWants, callListenerBefore, callListenerNote, callListenerAfter
	t.Cleanup(func() {
		callListenerWants, callListenerBefore, callListenerNote, callListenerAfter = wants, before, note, after
	})
	callListenerWants = func(listeners uintptr, function []byte, logged bool) uintptr {
		if listeners != 5 || !bytes.Contains(function, []byte("\x00\x00\x00calc")) {
			t.Errorf("%d %q", listeners, function)
		}
		return 1
	}
	callListenerBefore = func(_, module uintptr, params []uint64, walk handle, line []byte, note handle) (int32, string, uint32) {
		if module != 77 {
			t.Errorf("module %d", module)
		}
		l.told = append(l.told, "+"+string(line))
		l.notes = append(l.notes, note)
		l.walk = walk
		depth := 0
		for f := stackNext(walk); f != nil; f = stackNext(walk) {
			depth++
		}
		l.depth = append(l.depth, depth)
		if l.fail != "" {
			return hostFail, l.fail, 0
		}
		return hostGoOn, "", 0
	}
	callListenerNote = func(uintptr) handle {
		note := l.notes[len(l.notes)-1]
		l.notes = l.notes[:len(l.notes)-1]
		return note
	}
	callListenerAfter = func(_, _ uintptr, _ []uint64, line []byte) (int32, string, uint32) {
		l.told = append(l.told, "-"+string(line))
		return hostGoOn, "", 0
	}
	return l
}

func listenedModule(t *testing.T, r handle, l *listening) (m, c handle) {
	t.Helper()
	b := &binaryModule{name: "calc"}
	b.forward("f", []byte{i32}, []byte{i32}, b.function("double", []byte{i32}, []byte{i32}, 0x20, 0, 0x20, 0, 0x6a))
	c, f := runtimeCompile(r, &compileTask{binary: b.bytes(), listening: l})
	must(t, c, f)
	m, f = moduleNew(r, c, &moduleConfig{user: 77})
	return must(t, m, f), c
}

func TestCallListeners(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		l := listen(t)
		m, c := listenedModule(t, r, &listening{user: 5, log: true, scopes: 1<<64 - 1})
		if got := result(t, m, 1, 21); got != 42 {
			t.Error(got)
		}
		told := strings.Join(l.told, "")
		if strings.Count(told, "+--> ") != 2 || !strings.HasSuffix(told, "-<-- 42\n-<-- 42\n") {
			t.Errorf("%q", told)
		}
		if l.depth[0] != 1 || l.depth[1] != 2 {
			t.Error(l.depth)
		}
		if stackNext(l.walk) != nil {
			t.Error("a frame after the call")
		}
		l.fail = "enough"
		_, f := call(t, m, 1, 1)
		fails(t, f, errorHost, "enough")
		l.fail = ""
		noteRelease(l.notes[0])
		if got := result(t, m, 1, 4); got != 8 {
			t.Error(got)
		}
		compiledClose(c)
		moduleClose(m, 0)
		moduleRelease(m)
		if len(compilations.used) != 0 {
			t.Error(compilations.used)
		}
	})
}

func TestCallListenersOfTheSameBytes(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		listen(t)
		first, c1 := listenedModule(t, r, &listening{user: 5})
		second, c2 := listenedModule(t, r, &listening{user: 5})
		one, two := lookup[compiledModule](c1), lookup[compiledModule](c2)
		if one.compilation.number == two.compilation.number {
			t.Error("the same number twice")
		}
		for _, c := range []handle{c1, c2} {
			compiledClose(c)
		}
		for _, m := range []handle{first, second} {
			moduleClose(m, 0)
			moduleRelease(m)
		}
	})
}

func TestStackNextOfNothing(t *testing.T) {
	if stackNext(0) != nil {
		t.Error("a frame of no stack")
	}
	noteRelease(0)
}
