package main

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// What a guest sees of time and random numbers that lib answers for.
func TestSourcesOfLib(t *testing.T) {
	eachEngine(t, func(t *testing.T, r handle) {
		var asked []string
		lib.ask = func(module uintptr, what int32, number uint64, buffer []byte) (int64, bool) {
			asked = append(asked, fmt.Sprint(module, what, number, len(buffer)))
			copy(buffer, "random")
			return -1_500_000_001, true
		}
		g := newWasiGuest(t, r, &moduleConfig{user: 7, sources: sources{
			walltime: sourceCall, walltimeResolution: 55, nanotime: sourceCall, nanotimeResolution: 66,
			random: sourceCall, nanosleep: true, osyield: true,
		}})
		for clock, resolution := range []uint64{55, 66} {
			g.ok("clock_time_get", uint64(clock), 0, 8)
			if got := int64(binary.LittleEndian.Uint64(g.memory[8:])); got != -1_500_000_001 {
				t.Error(clock, got)
			}
			g.ok("clock_res_get", uint64(clock), 8)
			if got := binary.LittleEndian.Uint64(g.memory[8:]); got != resolution {
				t.Error(clock, got)
			}
		}
		g.ok("sched_yield")
		g.ok("random_get", 16, 10)
		if got := string(g.memory[16:22]); got != "random" {
			t.Errorf("%q", got)
		}
		clear(g.memory[:200])
		g.put(16, 1) // monotonic
		binary.LittleEndian.PutUint64(g.memory[24:], 1234)
		g.ok("poll_oneoff", 0, 64, 1, 128)
		if got := strings.Join(asked, ", "); got != "7 0 0 0, 7 1 0 0, 7 3 0 0, 7 4 10 10, 7 2 1234 0" {
			t.Error(got)
		}

		lib.ask = func(uintptr, int32, uint64, []byte) (int64, bool) { return 0, false }
		_, f := g.call("clock_time_get", 0, 0, 8)
		fails(t, f, errorHost, "reading time or random numbers failed")
		_, f = g.call("random_get", 0, 8)
		fails(t, f, errorHost, "reading time or random numbers failed")
		moduleRelease(g.module)
	})
}

func TestSplitTime(t *testing.T) {
	for nanoseconds, expected := range map[int64][2]int64{
		0: {0, 0}, 1_999_999_999: {1, 999_999_999}, -1: {-1, 999_999_999}, -1_000_000_000: {-1, 0},
	} {
		seconds, rest := splitTime(nanoseconds)
		if seconds != expected[0] || int64(rest) != expected[1] {
			t.Error(nanoseconds, seconds, rest)
		}
	}
}
