package main

// This file makes the standard streams of a module: descriptors of the process, each
// duplicated for the module, or callbacks of lib's. wazero never closes a standard
// stream, so the duplicates are closed with the module (moduleHooks).

import (
	"io"
	"os"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"
)

type streamKind int32

const (
	streamNone    streamKind = 0
	streamInherit streamKind = 1
	streamFD      streamKind = 2
	streamCall    streamKind = 3
)

// stream is wz_stream.
type stream struct {
	kind streamKind
	fd   int32
	user uintptr
}

var streamNames = [3]string{"stdin", "stdout", "stderr"}

// withStreams sets the streams of config. The caller closes what was opened.
func (c *moduleConfig) withStreams(config wazero.ModuleConfig) (_ wazero.ModuleConfig, opened []interface{ Close() error }, f *failure) {
	for i, s := range c.streams {
		var both io.ReadWriter
		switch s.kind {
		case streamNone:
			continue
		case streamInherit, streamFD:
			if s.kind == streamInherit {
				s.fd = int32(i)
			}
			file, err := duplicate(s.fd, streamNames[i])
			if err != nil {
				closeAll(opened)
				return nil, nil, invalid("%s: file descriptor %d: %v", streamNames[i], s.fd, err)
			}
			opened = append(opened, file)
			both = file
		case streamCall:
			both = callStream(s.user)
		default:
			closeAll(opened)
			return nil, nil, invalid("%s: no stream has the kind %d", streamNames[i], s.kind)
		}
		switch i {
		case 0:
			config = config.WithStdin(both)
		case 1:
			config = config.WithStdout(both)
		case 2:
			config = config.WithStderr(both)
		}
	}
	return config, opened, nil
}

// duplicate opens a descriptor once more. The process's own streams are duplicated, too,
// and not taken from os: Go ends the process with SIGPIPE when a write to descriptor 1 or
// 2 meets a closed pipe, whatever the process wants done with that signal. os.NewFile
// leaves the descriptor in the mode it is in, blocking or not.
func duplicate(fd int32, name string) (*os.File, error) {
	copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(copied), name), nil
}

// callStream is a stream that lib reads or writes, by its user. A callback that failed
// ends the call that the guest is in, as a host function would; lib knows why.
type callStream uintptr

// Read implements io.Reader.
func (s callStream) Read(buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil // to lib, zero bytes would be the end
	}
	switch n := callStreamRead(uintptr(s), buffer); {
	case n == 0:
		return 0, io.EOF
	case n < 0 || n > int64(len(buffer)):
		panic(&hostError{"reading standard input failed"})
	default:
		return int(n), nil
	}
}

// Write implements io.Writer.
func (s callStream) Write(buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	n := callStreamWrite(uintptr(s), buffer)
	if n < 0 || n > int64(len(buffer)) {
		panic(&hostError{"writing standard output failed"})
	}
	return int(n), nil
}
