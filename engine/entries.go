package main

// This file keeps compiled modules in files, one for each, that are written once and
// renamed into their place, so that any number of processes may read and write them at
// once. A file is trusted if it belongs to this user or to root, nobody else can write to
// it, and its checksums, which cover every byte, are right; any other is as good as none.
// It is read, never mapped: another process may truncate it. What lib asks for next is in a
// request of the thread, for wazero calls a fileCache with a key of its own making only.

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// entryFormat changes whenever the files or what lib makes of a module for them does.
const entryFormat = 1

const (
	entryMagic    = "wazeroCC"
	temporaryName = ".new-"
	pieceSize     = 1 << 20
	// What an entry may have, so that sums cannot overflow; memory is taken for what is
	// in the file only.
	largestPart = 1 << 40
)

var errDamaged = errors.New("damaged entry")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// entryHeader is how a file begins. Behind it are the checksums of the code's pieces, and
// then the parts: wazero's stream up to the code, the stream behind the code (without the
// source map), the code, and the source map.
type entryHeader struct {
	Magic     [8]byte
	Format    uint32
	Sum       uint32 // of the header, with 0 here, and the checksums behind it
	Key       entryKey
	HeadSize  uint64
	TailSize  uint64
	CodeSize  uint64
	MapSize   uint64
	MapCount  uint64 // of places in the source map
	StreamSum uint32 // of head and tail
	MapSum    uint32
}

const headerSize = int(unsafe.Sizeof(entryHeader{}))

func (h *entryHeader) pieces() int { return int((h.CodeSize + pieceSize - 1) / pieceSize) }

// sum is what Sum should be.
func (h entryHeader) sum(pieces []byte) uint32 {
	h.Sum = 0
	return crc32.Update(crc32.Checksum(h.bytes(), castagnoli), castagnoli, pieces)
}

func (h *entryHeader) bytes() []byte {
	b, _ := binary.Append(make([]byte, 0, headerSize), binary.LittleEndian, h)
	return b
}

// entryFolder is a fileCache.
type entryFolder struct {
	path     string
	requests sync.Map // *entryRequest of the compilation that runs in a thread, by its id
	tidy     sync.Once
	// loading is held while a module is loaded from an entry: wazero shows it to others
	// that want the same before it is complete (getCompiledModule, v1.12.0).
	loading sync.Mutex
}

// entryRequest says what a compilation wants of the folder.
type entryRequest struct {
	key   *entryKey // to write it, nil for not
	found *entry    // to read it, nil for not
	lines bool      // with the source map
}

func newEntryFolder(path string) *entryFolder { return &entryFolder{path: path} }

// during answers wazero in this thread by request while do runs.
func (f *entryFolder) during(request *entryRequest, do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if request.found != nil {
		f.loading.Lock()
		defer f.loading.Unlock()
	}
	thread := unix.Gettid()
	f.requests.Store(thread, request)
	defer f.requests.Delete(thread)
	do()
}

func (f *entryFolder) request() *entryRequest {
	if request, ok := f.requests.Load(unix.Gettid()); ok {
		return request.(*entryRequest)
	}
	return &entryRequest{}
}

// Get implements fileCache. The key is wazero's.
func (f *entryFolder) Get(entryKey) (io.ReadCloser, bool, error) {
	request := f.request()
	if request.found == nil {
		return nil, false, nil
	}
	r, err := request.found.reader(request.lines)
	return r, err == nil, err
}

// Add implements fileCache. A file that cannot be written is no error: the module has been
// compiled.
func (f *entryFolder) Add(_ entryKey, content io.Reader) error {
	request := f.request()
	if request.key == nil {
		return nil
	}
	var stream wholeStream
	if whole, ok := content.(io.WriterTo); ok {
		_, _ = whole.WriteTo(&stream)
	}
	if parts, err := splitStream(stream.data); err == nil {
		f.tidy.Do(f.removeLeftovers)
		_ = f.write(*request.key, parts)
	}
	return nil
}

// Delete implements fileCache: for wazero, entries of other versions, of which there are
// none in this folder.
func (f *entryFolder) Delete(entryKey) error { return nil }

// wholeStream takes what a bytes.Reader has, without a copy.
type wholeStream struct{ data []byte }

func (w *wholeStream) Write(p []byte) (int, error) {
	if w.data != nil {
		p = append(w.data, p...)
	}
	w.data = p
	return len(p), nil
}

func (f *entryFolder) file(key entryKey) string {
	return filepath.Join(f.path, hex.EncodeToString(key[:]))
}

// ---- writing ----

// entryParts is a stream of wazero's in pieces.
type entryParts struct {
	head, code, tail, places []byte
	count                    int
}

// splitStream finds the parts of what serializeCompiledModule writes:
//
//	"WAZEVO", version (8-bit size), functions (32-bit count, 64 bits each),
//	code (64-bit size), checksum (32 bits),
//	1 and the source map (64-bit count, two times 64 bits each), or 0,
//	catch clauses
func splitStream(stream []byte) (parts *entryParts, err error) {
	defer func() {
		if recover() != nil { // it ended too early
			parts, err = nil, errDamaged
		}
	}()
	at := len("WAZEVO")
	at += 1 + int(stream[at])
	at += 4 + 8*int(binary.LittleEndian.Uint32(stream[at:]))
	codeSize := int(binary.LittleEndian.Uint64(stream[at:]))
	at += 8
	parts = &entryParts{head: stream[:at], code: stream[at : at+codeSize]}
	at += codeSize
	parts.tail = bytes.Clone(stream[at : at+4])
	at += 4
	hasMap := stream[at]
	at++
	if hasMap == 1 {
		parts.count = int(binary.LittleEndian.Uint64(stream[at:]))
		at += 8
		parts.places = packPlaces(stream[at : at+16*parts.count])
		at += 16 * parts.count
	} else if hasMap != 0 {
		return nil, errDamaged
	}
	parts.tail = append(append(parts.tail, 0), stream[at:]...)
	return parts, nil
}

// write makes a file for the parts and renames it to its place.
func (f *entryFolder) write(key entryKey, parts *entryParts) (err error) {
	header := entryHeader{
		Format:   entryFormat,
		Key:      key,
		HeadSize: uint64(len(parts.head)),
		TailSize: uint64(len(parts.tail)),
		CodeSize: uint64(len(parts.code)),
		MapSize:  uint64(len(parts.places)),
		MapCount: uint64(parts.count),
		MapSum:   crc32.Checksum(parts.places, castagnoli),
	}
	copy(header.Magic[:], entryMagic)
	header.StreamSum = crc32.Update(crc32.Checksum(parts.head, castagnoli), castagnoli, parts.tail)
	sums := pieceSums(parts.code)
	header.Sum = header.sum(sums)

	file, err := f.temporary()
	if err != nil {
		return err
	}
	defer file.Close()
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	for _, part := range [][]byte{header.bytes(), sums, parts.head, parts.tail, parts.code, parts.places} {
		if _, err = file.Write(part); err != nil {
			return err
		}
	}
	// There is no Sync: a file that a crash of the machine cut off is found out.
	place := f.file(key)
	if err = os.Rename(file.Name(), place); err != nil && unix.Rmdir(place) == nil {
		err = os.Rename(file.Name(), place) // an empty folder was in the way
	}
	return err
}

// pieceSums are the checksums of the pieces of code.
func pieceSums(code []byte) []byte {
	count := (len(code) + pieceSize - 1) / pieceSize
	sums := make([]byte, 4*count)
	inParallel(count, func(i int) {
		piece := code[i*pieceSize : min((i+1)*pieceSize, len(code))]
		binary.LittleEndian.PutUint32(sums[4*i:], crc32.Checksum(piece, castagnoli))
	})
	return sums
}

// temporary makes a file to be renamed. It is locked for as long as its process lives, by
// which removeLeftovers tells it from those that were left behind.
func (f *entryFolder) temporary() (*os.File, error) {
	for {
		name := filepath.Join(f.path, temporaryName+rand.Text())
		file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		var status unix.Stat_t
		descriptor := int(file.Fd())
		if unix.Flock(descriptor, unix.LOCK_EX|unix.LOCK_NB) == nil &&
			unix.Fstat(descriptor, &status) == nil && status.Nlink == 1 {
			return file, nil
		}
		_ = file.Close() // removeLeftovers of another process was faster
	}
}

// removeLeftovers removes what processes that were killed did not get to rename.
func (f *entryFolder) removeLeftovers() {
	files, _ := os.ReadDir(f.path)
	for _, one := range files {
		if !strings.HasPrefix(one.Name(), temporaryName) {
			continue
		}
		name := filepath.Join(f.path, one.Name())
		file, err := openTrusted(name, nil)
		if err != nil {
			continue
		}
		if unix.Flock(file, unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.Remove(name)
		}
		_ = unix.Close(file)
	}
}

// ---- reading ----

// entry is an open file whose header and stream are right.
type entry struct {
	entryHeader
	folder     *entryFolder
	descriptor int
	sums       []byte // of the code's pieces
	head, tail []byte
	place      int64 // of the code in the file
}

// openTrusted opens a regular file that this user or root has and nobody else may write to.
func openTrusted(name string, status *unix.Stat_t) (int, error) {
	if status == nil {
		status = new(unix.Stat_t)
	}
	// O_NONBLOCK, or a pipe in its place would make us wait.
	file, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	err = unix.Fstat(file, status)
	owned := status.Uid == 0 || int(status.Uid) == os.Geteuid()
	if err != nil || status.Mode&unix.S_IFMT != unix.S_IFREG || !owned || status.Mode&0o022 != 0 {
		_ = unix.Close(file)
		return -1, errDamaged
	}
	return file, nil
}

// open finds the entry of a key; nil if there is none that can be used.
func (f *entryFolder) open(key entryKey) *entry {
	var status unix.Stat_t
	file, err := openTrusted(f.file(key), &status)
	if err != nil {
		return nil
	}
	e := &entry{folder: f, descriptor: file}
	if e.readHeader(key, uint64(status.Size)) != nil || e.readStream() != nil {
		e.close()
		return nil
	}
	return e
}

func (e *entry) close() { _ = unix.Close(e.descriptor) }

// read fills p from the file.
func (e *entry) read(p []byte, at int64) error {
	for len(p) > 0 {
		n, err := unix.Pread(e.descriptor, p, at)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return errDamaged
		}
		p, at = p[n:], at+int64(n)
	}
	return nil
}

// readHeader checks sizes against that of the file before memory is taken for them.
func (e *entry) readHeader(key entryKey, size uint64) error {
	header := make([]byte, headerSize)
	if err := e.read(header, 0); err != nil {
		return err
	}
	if _, err := binary.Decode(header, binary.LittleEndian, &e.entryHeader); err != nil {
		return err
	}
	if string(e.Magic[:]) != entryMagic || e.Format != entryFormat || e.Key != key {
		return errDamaged
	}
	sum := uint64(headerSize)
	for _, part := range []uint64{e.HeadSize, e.TailSize, e.CodeSize, e.MapSize} {
		if part > largestPart {
			return errDamaged
		}
		sum += part
	}
	if sum += 4 * uint64(e.pieces()); sum != size {
		return errDamaged
	}
	e.sums = make([]byte, 4*e.pieces())
	if err := e.read(e.sums, int64(headerSize)); err != nil {
		return err
	}
	if e.Sum != e.entryHeader.sum(e.sums) {
		return errDamaged
	}
	return nil
}

func (e *entry) readStream() error {
	stream := make([]byte, e.HeadSize+e.TailSize)
	at := int64(headerSize + len(e.sums))
	if err := e.read(stream, at); err != nil {
		return err
	}
	if crc32.Checksum(stream, castagnoli) != e.StreamSum {
		return errDamaged
	}
	e.head, e.tail = stream[:e.HeadSize], stream[e.HeadSize:]
	e.place = at + int64(len(stream))
	return nil
}

// readCode fills p, which has the size of the code, on all processors.
func (e *entry) readCode(p []byte) error {
	if len(p) >= 4*pieceSize {
		_ = unix.Madvise(p, unix.MADV_HUGEPAGE) // an eighth less time for 33 MB (2026-11)
	}
	damaged := make([]bool, e.pieces())
	inParallel(e.pieces(), func(i int) {
		at := i * pieceSize
		piece := p[at:min(at+pieceSize, len(p))]
		damaged[i] = e.read(piece, e.place+int64(at)) != nil ||
			crc32.Checksum(piece, castagnoli) != binary.LittleEndian.Uint32(e.sums[4*i:])
	})
	for _, d := range damaged {
		if d {
			return errDamaged
		}
	}
	return nil
}

// readPlaces reads the source map.
func (e *entry) readPlaces() ([]byte, error) {
	places := make([]byte, e.MapSize)
	if err := e.read(places, e.place+int64(e.CodeSize)); err != nil {
		return nil, err
	}
	if crc32.Checksum(places, castagnoli) != e.MapSum {
		return nil, errDamaged
	}
	return places, nil
}

// entryReader gives wazero its stream back.
type entryReader struct {
	entry *entry
	rest  []byte // of the part that is being read
	tail  []byte
	code  bool // comes next
}

func (e *entry) reader(lines bool) (io.ReadCloser, error) {
	r := &entryReader{entry: e, rest: e.head, tail: e.tail, code: true}
	if lines && e.MapCount > 0 {
		places, err := e.readPlaces()
		if err != nil {
			return nil, err
		}
		executable, binaryPlaces, err := unpackPlaces(places, e.MapCount, 0)
		if err != nil {
			return nil, err
		}
		const before = 4 + 1 // the checksum of the code, and whether there is a map
		r.tail = append(bytes.Clone(e.tail[:before-1]), 1)
		r.tail = binary.LittleEndian.AppendUint64(r.tail, e.MapCount)
		for i := range executable {
			r.tail = binary.LittleEndian.AppendUint64(r.tail, binaryPlaces[i])
			r.tail = binary.LittleEndian.AppendUint64(r.tail, uint64(executable[i]))
		}
		r.tail = append(r.tail, e.tail[before:]...)
	}
	return r, nil
}

func (r *entryReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && r.code {
		r.code = false
		r.rest = r.tail
		if r.entry.CodeSize > 0 {
			return r.readCode(p)
		}
	}
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// readCode reads into the memory that wazero has mapped for the code. wazero would not
// unmap it after an error.
func (r *entryReader) readCode(p []byte) (int, error) {
	if uint64(len(p)) != r.entry.CodeSize {
		return 0, errDamaged
	}
	if err := r.entry.readCode(p); err != nil {
		_ = unix.Munmap(p)
		return 0, err
	}
	return len(p), nil
}

func (r *entryReader) Close() error { return nil }
