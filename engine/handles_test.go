package main

import (
	"sync"
	"testing"
)

func TestHandles(t *testing.T) {
	type one struct{ n int }
	type two struct{ n int }
	before := liveHandles()
	a, b := &one{1}, &two{2}
	ha, hb := newHandle(a), newHandle(b)
	if lookup[one](ha) != a || lookup[two](hb) != b {
		t.Fatal("not found")
	}
	for _, h := range []handle{0, 1, hb, ha + 1<<32, ha - 1<<32, ha + 1<<20, ^handle(0), ha | 1<<31} {
		if lookup[one](h) != nil || removeHandle[one](h) != nil {
			t.Errorf("%x is a one", h)
		}
	}
	if removeHandle[one](ha) != a || removeHandle[one](ha) != nil || lookup[one](ha) != nil {
		t.Fatal("removed wrongly")
	}
	again := newHandle(a)
	if again == ha || uint32(again) != uint32(ha) {
		t.Errorf("%x after %x", again, ha)
	}
	if lookup[one](ha) != nil || lookup[one](again) != a {
		t.Fatal("a stale handle names another object")
	}
	fails(t, badHandle("one", ha), errorClosed, "the one is closed")
	for _, h := range []handle{0, hb, ^handle(0), again + 1<<32, 1 << 32} {
		if h != 1<<32 {
			fails(t, badHandle("one", h), errorInvalid, "not a handle of a one")
		}
	}
	removeHandle[one](again)
	fails(t, badHandle("one", again), errorClosed)
	removeHandle[two](hb)
	if n := liveHandles() - before; n != 0 {
		t.Errorf("%d handles are left", n)
	}
}

// TestHandlesHammer has many goroutines make, find and remove handles, and look for
// those of others, which come and go.
func TestHandlesHammer(t *testing.T) {
	type object struct{ h handle }
	before := liveHandles()
	var shared [64]struct {
		sync.Mutex
		h handle
	}
	var wait sync.WaitGroup
	for g := range 16 {
		wait.Go(func() {
			for i := range 5000 {
				o := &object{}
				h := newHandle(o)
				if lookup[object](h) != o {
					t.Error("not the object of its handle")
				}
				s := &shared[(g*31+i)%len(shared)]
				s.Lock()
				old := s.h
				s.h = h
				s.Unlock()
				o2 := &shared[(g*17+i*7)%len(shared)]
				o2.Lock()
				other := o2.h
				o2.Unlock()
				_ = lookup[object](other)
				if old != 0 && removeHandle[object](old) == nil {
					t.Error("somebody else removed the handle")
				}
				if old != 0 && lookup[object](old) != nil {
					t.Error("found after it was removed")
				}
			}
		})
	}
	wait.Wait()
	for i := range shared {
		if h := shared[i].h; h != 0 {
			removeHandle[object](h)
		}
	}
	if n := liveHandles() - before; n != 0 {
		t.Errorf("%d handles are left", n)
	}
}

// TestHandleIsRemovedOnce has all goroutines remove the same handles.
func TestHandleIsRemovedOnce(t *testing.T) {
	type object struct{}
	for range 2000 {
		h := newHandle(&object{})
		var wait sync.WaitGroup
		var got [4]bool
		for g := range got {
			wait.Go(func() { got[g] = removeHandle[object](h) != nil })
		}
		wait.Wait()
		n := 0
		for _, g := range got {
			if g {
				n++
			}
		}
		if n != 1 {
			t.Fatalf("%d of 4 removed it", n)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	type object struct{}
	h := newHandle(&object{})
	for b.Loop() {
		if lookup[object](h) == nil {
			b.Fatal()
		}
	}
	removeHandle[object](h)
}
