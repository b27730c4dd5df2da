package main

// This file has wazero tell lib of the calls of functions. What a listener does, and that
// one is told of the end of each call that it was told of, is lib's; here is the text of
// logging, which is wazero's, and the walk over the stack.

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/experimental/logging"
	"github.com/tetratelabs/wazero/sys"
)

// listening is wz_listening: who is told of the calls of one module's functions.
type listening struct {
	user     uintptr // 0: nobody
	log      bool
	hostOnly bool
	scopes   uint64
}

// context is what a module is compiled with. A nil listening is nobody.
func (l *listening) context() context.Context {
	ctx := context.Background()
	if !l.isSomebody() {
		return ctx
	}
	return experimental.WithFunctionListenerFactory(ctx, l)
}

func (l *listening) isSomebody() bool { return l != nil && l.user != 0 }

// NewFunctionListener implements experimental.FunctionListenerFactory.
func (l *listening) NewFunctionListener(definition api.FunctionDefinition) experimental.FunctionListener {
	made := &functionListener{listening: l, definition: definition}
	made.logged = l.log && made.newLogger() != nil
	made.function = callListenerWants(l.user, describeFunction(definition), made.logged)
	if made.function == 0 {
		return nil
	}
	return made
}

// functionListener is told of the calls of one function.
type functionListener struct {
	*listening
	definition api.FunctionDefinition
	function   uintptr // lib's
	logged     bool
}

// callLogger writes the lines of one call: wazero's logger keeps a stack for the
// indentation of its lines, which several threads must not share. lib indents.
type callLogger struct {
	experimental.FunctionListener
	text bytes.Buffer
}

// newLogger is nil if the function is not to be logged, or has types that wazero cannot
// log, for which it panics.
func (l *functionListener) newLogger() (logger *callLogger) {
	defer func() {
		if recover() != nil {
			logger = nil
		}
	}()
	made := new(callLogger)
	var factory experimental.FunctionListenerFactory
	if l.hostOnly {
		factory = logging.NewHostLoggingListenerFactory(&made.text, logging.LogScopes(l.scopes))
	} else {
		factory = logging.NewLoggingListenerFactory(&made.text)
	}
	made.FunctionListener = factory.NewFunctionListener(l.definition)
	if made.FunctionListener == nil {
		return nil
	}
	return made
}

// logBefore is the line of a call, and what the line of its end is made with: nothing for
// a call that wazero leaves out, or of a module that has no memory to log from.
func (l *functionListener) logBefore(ctx context.Context, m api.Module, params []uint64) (text []byte, note handle) {
	defer quiet()
	if !l.logged {
		return nil, 0
	}
	logger := l.newLogger()
	logger.Before(ctx, m, l.definition, params, nil)
	if logger.text.Len() == 0 {
		return nil, 0
	}
	return logger.text.Bytes(), newHandle(logger)
}

func (l *functionListener) logAfter(ctx context.Context, m api.Module, results []uint64) []byte {
	defer quiet()
	if !l.logged {
		return nil
	}
	logger := removeHandle[callLogger](callListenerNote(l.function))
	if logger == nil {
		return nil
	}
	logger.text.Reset()
	logger.After(ctx, m, l.definition, results)
	return logger.text.Bytes()
}

// noteRelease forgets a call whose end is not logged.
func noteRelease(h handle) { removeHandle[callLogger](h) }

// Before implements experimental.FunctionListener.
func (l *functionListener) Before(ctx context.Context, m api.Module, _ api.FunctionDefinition, params []uint64, stack experimental.StackIterator) {
	text, note := l.logBefore(ctx, m, params)
	walk := beginWalk(stack)
	status, message, exitCode := callListenerBefore(l.function, userOf(ctx, m), params, walk.handle, text, note)
	walk.end()
	goOn(ctx, m, status, message, exitCode)
}

// After implements experimental.FunctionListener.
func (l *functionListener) After(ctx context.Context, m api.Module, _ api.FunctionDefinition, results []uint64) {
	text := l.logAfter(ctx, m, results)
	status, message, exitCode := callListenerAfter(l.function, userOf(ctx, m), results, text)
	goOn(ctx, m, status, message, exitCode)
}

// Abort implements experimental.FunctionListener. lib knows which calls have no end yet,
// also where wazero says nothing: after a stack overflow, and of more than 30 frames.
func (l *functionListener) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}

// goOn ends the call as a host function does, if lib says so.
func goOn(ctx context.Context, m api.Module, status int32, message string, exitCode uint32) {
	switch status {
	case hostGoOn:
	case hostExit: // as proc_exit of wazero's WASI
		_ = m.CloseWithExitCode(ctx, exitCode)
		panic(sys.NewExitError(exitCode))
	default:
		panic(&hostError{message})
	}
}

// walk goes over the frames of a stack for as long as Before runs. Walks are used again,
// each with the one handle that it ever had.
type walk struct {
	handle handle
	stack  experimental.StackIterator // nil between uses
}

var walks struct {
	sync.Mutex
	free []*walk
}

func beginWalk(stack experimental.StackIterator) *walk {
	walks.Lock()
	defer walks.Unlock()
	var w *walk
	if n := len(walks.free); n > 0 {
		w, walks.free = walks.free[n-1], walks.free[:n-1]
	} else {
		w = new(walk)
		w.handle = newHandle(w)
	}
	w.stack = stack
	return w
}

func (w *walk) end() {
	walks.Lock()
	defer walks.Unlock()
	w.stack = nil
	walks.free = append(walks.free, w)
}

// frame is wz_frame.
type frame struct {
	function               []byte // described
	programCounter, offset uint64
}

// stackNext is the next frame, nil behind the last.
func stackNext(h handle) *frame {
	w := lookup[walk](h)
	if w == nil || w.stack == nil || !w.stack.Next() {
		return nil
	}
	function, pc := w.stack.Function(), w.stack.ProgramCounter()
	return &frame{
		function:       describeFunction(function.Definition()),
		programCounter: uint64(pc),
		offset:         function.SourceOffsetForPC(pc),
	}
}

// describeFunction writes what wazero tells of a function as lib/described.c reads it.
// Numbers are of four bytes, in the machine's order; texts and lists begin with their
// length.
func describeFunction(definition api.FunctionDefinition) []byte {
	var out []byte
	number := func(n int) { out = binary.NativeEndian.AppendUint32(out, uint32(n)) }
	text := func(s string) {
		number(len(s))
		out = append(out, s...)
	}
	list := func(names []string) {
		number(len(names))
		for _, name := range names {
			text(name)
		}
	}
	number(int(definition.Index()))
	if definition.GoFunction() != nil {
		number(1)
	} else {
		number(0)
	}
	text(definition.ModuleName())
	text(definition.Name())
	text(definition.DebugName())
	text(string(definition.ParamTypes()))
	text(string(definition.ResultTypes()))
	list(definition.ParamNames())
	list(definition.ResultNames())
	list(definition.ExportNames())
	return out
}

// compilations numbers the modules of the same bytes that are compiled with listeners.
// wazero knows compiled modules by their bytes and by which functions are listened to, so
// it would give a second one the listeners of the first. Each has a number of its own in a
// custom section instead, as low as can be, for files of a cache are named by it, too.
var compilations struct {
	sync.Mutex
	used map[[sha256.Size]byte]map[uint32]bool
}

// compilation is one number in use.
type compilation struct {
	sum    [sha256.Size]byte
	number uint32
}

func newCompilation(wasm []byte) *compilation {
	made := &compilation{sum: sha256.Sum256(wasm)}
	compilations.Lock()
	defer compilations.Unlock()
	used := compilations.used[made.sum]
	if used == nil {
		used = map[uint32]bool{}
		if compilations.used == nil {
			compilations.used = map[[sha256.Size]byte]map[uint32]bool{}
		}
		compilations.used[made.sum] = used
	}
	for used[made.number] {
		made.number++
	}
	used[made.number] = true
	return made
}

// mark is the module with its number behind it.
func (c *compilation) mark(wasm []byte) []byte {
	const name = "libwazero.listened"
	section := append([]byte{0, 1 + byte(len(name)) + 4, byte(len(name))}, name...)
	return append(wasm, binary.LittleEndian.AppendUint32(section, c.number)...)
}

func (c *compilation) release() {
	if c == nil {
		return
	}
	compilations.Lock()
	defer compilations.Unlock()
	used := compilations.used[c.sum]
	delete(used, c.number)
	if len(used) == 0 {
		delete(compilations.used, c.sum)
	}
}
