package main

// This file gives a module its time and its random numbers: wazero's pretended ones, the
// system's, or what lib answers when it is asked. A question that lib failed to answer
// ends the call that the guest is in, as a host function would; lib knows why.

import (
	"crypto/rand"
	"io"
	mathrand "math/rand"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"
)

type sourceKind int32

const (
	sourcePretended sourceKind = 0
	sourceSystem    sourceKind = 1
	sourceCall      sourceKind = 2
)

// What lib can be asked; see wz_callbacks.
const (
	askWalltime = 0
	askNanotime = 1
	askSleep    = 2
	askYield    = 3
	askRandom   = 4
)

// sources is where the time and the random numbers of a module come from.
type sources struct {
	walltime, nanotime, random             sourceKind
	walltimeResolution, nanotimeResolution uint32
	nanosleep, osyield                     bool // lib's; pretended otherwise
}

// withSources sets the sources of config.
func (c *moduleConfig) withSources(config wazero.ModuleConfig) wazero.ModuleConfig {
	s, user := &c.sources, c.user
	config = config.WithRandSource(randomSource(s.random, user))
	switch s.walltime {
	case sourceSystem:
		config = config.WithSysWalltime()
	case sourceCall:
		config = config.WithWalltime(func() (int64, int32) {
			return splitTime(question(user, askWalltime, 0, nil))
		}, sys.ClockResolution(s.walltimeResolution))
	}
	switch s.nanotime {
	case sourceSystem:
		config = config.WithSysNanotime()
	case sourceCall:
		config = config.WithNanotime(func() int64 { return question(user, askNanotime, 0, nil) },
			sys.ClockResolution(s.nanotimeResolution))
	}
	if s.nanosleep {
		config = config.WithNanosleep(func(ns int64) { question(user, askSleep, uint64(max(ns, 0)), nil) })
	}
	if s.osyield {
		config = config.WithOsyield(func() { question(user, askYield, 0, nil) })
	}
	return config
}

// splitTime is a time in nanoseconds as wazero wants it.
func splitTime(nanoseconds int64) (int64, int32) {
	const second = 1e9
	seconds, rest := nanoseconds/second, nanoseconds%second
	if rest < 0 {
		seconds, rest = seconds-1, rest+second
	}
	return seconds, int32(rest)
}

// question asks lib something on behalf of the module with this user.
func question(user uintptr, what int32, number uint64, buffer []byte) int64 {
	answer, ok := callAsk(user, what, number, buffer)
	if !ok {
		panic(&hostError{"reading time or random numbers failed"})
	}
	return answer
}

func randomSource(kind sourceKind, user uintptr) io.Reader {
	switch kind {
	case sourceSystem:
		return rand.Reader
	case sourceCall:
		return callRandom(user)
	default:
		return new(fakeRandom)
	}
}

// callRandom has random numbers of lib's.
type callRandom uintptr

// Read implements io.Reader.
func (r callRandom) Read(buffer []byte) (int, error) {
	question(uintptr(r), askRandom, uint64(len(buffer)), buffer)
	return len(buffer), nil
}

// fakeRandom gives the bytes that wazero gives when it has no random source. wazero seeds
// its own for each module, which is most of the time that instantiating takes; this one
// is seeded when it is first read (2026-11-23, a tiny module on a busy machine: 24 us with
// wazero's, 3 us with this).
type fakeRandom struct{ source *mathrand.Rand }

// fakeSeed is seed of wazero's internal/platform/crypto.go.
const fakeSeed = 42

// Read implements io.Reader.
func (f *fakeRandom) Read(buffer []byte) (int, error) {
	if f.source == nil {
		f.source = mathrand.New(mathrand.NewSource(fakeSeed))
	}
	return f.source.Read(buffer)
}
