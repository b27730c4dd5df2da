/*
 * trace_text.c - records of WASI calls as text, much as strace writes them. No state.
 *
 * What a guest chose, paths and numbers, never leads to more than printable text: what
 * a terminal might obey is escaped.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"
#include "wasi/abi.h"

/* ---- writing ---- */

typedef struct {
    char *text;
    size_t room;
    size_t size; /* of the whole, also where there is no room for it */
} writer_t;

static void put_bytes(writer_t *out, const char *bytes, size_t size)
{
    if (out->size < out->room) {
        size_t left = out->room - out->size;
        memcpy(out->text + out->size, bytes, size < left ? size : left);
    }
    out->size += size;
}

static void put_text(writer_t *out, const char *text)
{
    put_bytes(out, text, strlen(text));
}

/* Short ones only: names of this library, and numbers. */
__attribute__((format(printf, 2, 3))) static void put(writer_t *out, const char *format,
                                                      ...)
{
    char text[96];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    put_text(out, text);
}

/* Ends the text, cut if there is no room, and tells the size of the whole. */
static size_t finish(writer_t *out)
{
    if (out->room)
        out->text[out->size < out->room ? out->size : out->room - 1] = '\0';
    return out->size;
}

/* ---- names of numbers ---- */

static const char *const rights[] = {"FD_DATASYNC",
                                     "FD_READ",
                                     "FD_SEEK",
                                     "FD_FDSTAT_SET_FLAGS",
                                     "FD_SYNC",
                                     "FD_TELL",
                                     "FD_WRITE",
                                     "FD_ADVISE",
                                     "FD_ALLOCATE",
                                     "PATH_CREATE_DIRECTORY",
                                     "PATH_CREATE_FILE",
                                     "PATH_LINK_SOURCE",
                                     "PATH_LINK_TARGET",
                                     "PATH_OPEN",
                                     "FD_READDIR",
                                     "PATH_READLINK",
                                     "PATH_RENAME_SOURCE",
                                     "PATH_RENAME_TARGET",
                                     "PATH_FILESTAT_GET",
                                     "PATH_FILESTAT_SET_SIZE",
                                     "PATH_FILESTAT_SET_TIMES",
                                     "FD_FILESTAT_GET",
                                     "FD_FILESTAT_SET_SIZE",
                                     "FD_FILESTAT_SET_TIMES",
                                     "PATH_SYMLINK",
                                     "PATH_REMOVE_DIRECTORY",
                                     "PATH_UNLINK_FILE",
                                     "POLL_FD_READWRITE",
                                     "SOCK_SHUTDOWN",
                                     "SOCK_ACCEPT"};
static const char *const fdflags[] = {"APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC"};
static const char *const lookup[] = {"SYMLINK_FOLLOW"};
static const char *const oflags[] = {"CREAT", "DIRECTORY", "EXCL", "TRUNC"};
static const char *const fstflags[] = {"ATIM", "ATIM_NOW", "MTIM", "MTIM_NOW"};
static const char *const riflags[] = {"RECV_PEEK", "RECV_WAITALL"};
static const char *const roflags[] = {"RECV_DATA_TRUNCATED"};
static const char *const sdflags[] = {"RD", "WR"};
static const char *const clocks[] = {"REALTIME", "MONOTONIC", "PROCESS_CPUTIME_ID",
                                     "THREAD_CPUTIME_ID"};
static const char *const advices[] = {"NORMAL",   "SEQUENTIAL", "RANDOM",
                                      "WILLNEED", "DONTNEED",   "NOREUSE"};
static const char *const whences[] = {"SET", "CUR", "END"};
static const char *const filetypes[] = {
    "UNKNOWN",      "BLOCK_DEVICE", "CHARACTER_DEVICE", "DIRECTORY",
    "REGULAR_FILE", "SOCKET_DGRAM", "SOCKET_STREAM",    "SYMBOLIC_LINK"};
static const char *const preopens[] = {"DIR"};
static const char *const signals[] = {
    "NONE", "HUP",    "INT",  "QUIT",  "ILL",  "TRAP", "ABRT", "BUS",
    "FPE",  "KILL",   "USR1", "SEGV",  "USR2", "PIPE", "ALRM", "TERM",
    "CHLD", "CONT",   "STOP", "TSTP",  "TTIN", "TTOU", "URG",  "XCPU",
    "XFSZ", "VTALRM", "PROF", "WINCH", "POLL", "PWR",  "SYS"};

typedef struct {
    const char *const *names;
    unsigned count;
    bool bits; /* each name is of a bit, not of a number */
} names_t;

#define NUMBERS(list) {list, sizeof list / sizeof *list, false}
#define BITS(list) {list, sizeof list / sizeof *list, true}

static const names_t *names_of(wazero_trace_kind_t kind)
{
    static const names_t all[] = {
        [WAZERO_TRACE_CLOCK] = NUMBERS(clocks),
        [WAZERO_TRACE_ADVICE] = NUMBERS(advices),
        [WAZERO_TRACE_WHENCE] = NUMBERS(whences),
        [WAZERO_TRACE_FILETYPE] = NUMBERS(filetypes),
        [WAZERO_TRACE_PREOPEN] = NUMBERS(preopens),
        [WAZERO_TRACE_SIGNAL] = NUMBERS(signals),
        [WAZERO_TRACE_FDFLAGS] = BITS(fdflags),
        [WAZERO_TRACE_LOOKUP] = BITS(lookup),
        [WAZERO_TRACE_OFLAGS] = BITS(oflags),
        [WAZERO_TRACE_RIGHTS] = BITS(rights),
        [WAZERO_TRACE_FSTFLAGS] = BITS(fstflags),
        [WAZERO_TRACE_RIFLAGS] = BITS(riflags),
        [WAZERO_TRACE_ROFLAGS] = BITS(roflags),
        [WAZERO_TRACE_SDFLAGS] = BITS(sdflags),
    };
    bool known = (unsigned)kind < sizeof all / sizeof *all && all[kind].names;
    return known ? &all[kind] : NULL;
}

static void put_number(writer_t *out, const names_t *names, uint64_t number)
{
    if (number < names->count)
        put_text(out, names->names[number]);
    else
        put(out, "%" PRIu64, number);
}

static void put_bits(writer_t *out, const names_t *names, uint64_t bits)
{
    const char *separator = "";
    for (unsigned i = 0; i < names->count; i++) {
        if (!(bits >> i & 1))
            continue;
        put(out, "%s%s", separator, names->names[i]);
        separator = "|";
    }
    uint64_t rest = bits >> names->count << names->count;
    if (rest)
        put(out, "%s0x%" PRIx64, separator, rest);
    else if (!bits)
        put_text(out, "0");
}

/* ---- texts of the guest's ---- */

/* Whether a terminal or a reader could be misled by a character of more than one byte:
 * control characters, marks of direction, what has no width, separators of lines. */
static bool misleads(const unsigned char *p, size_t size)
{
    uint32_t c = size == 2   ? (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f)
                 : size == 3 ? (uint32_t)(p[0] & 0x0f) << 12 |
                                   (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f)
                             : 0;
    return (c >= 0x80 && c < 0xa0) || c == 0xad || c == 0x61c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb);
}

static void put_escaped(writer_t *out, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t width = wazero__text_sequence(bytes + i, size - i);
        unsigned char c = bytes[i];
        if (c == '\n' || c == '\t' || c == '\r')
            put(out, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
        else if (c == '"' || c == '\\')
            put(out, "\\%c", c);
        else if (!width || c < 0x20 || c == 0x7f)
            put(out, "\\x%02x", c);
        else if (misleads(bytes + i, width))
            for (size_t j = 0; j < width; j++)
                put(out, "\\x%02x", bytes[i + j]);
        else
            put_bytes(out, (const char *)bytes + i, width);
        i += width ? width : 1;
    }
}

/* ---- values and calls ---- */

static void put_sizes(writer_t *out, const wazero_trace_value_t *value)
{
    size_t shown = value->size / sizeof(uint32_t);
    put_text(out, "[");
    for (size_t i = 0; i < shown; i++) {
        uint32_t size;
        memcpy(&size, (const char *)value->data + i * sizeof size, sizeof size);
        put(out, "%s%" PRIu32, i ? ", " : "", size);
    }
    if (value->number > shown)
        put(out, "%s...", shown ? ", " : "");
    put_text(out, "]");
}

static void put_value(writer_t *out, const wazero_trace_value_t *value)
{
    const names_t *names = names_of(value->kind);
    if (names && names->bits) {
        put_bits(out, names, value->number);
        return;
    }
    if (names) {
        put_number(out, names, value->number);
        return;
    }
    switch (value->kind) {
    case WAZERO_TRACE_SIGNED:
        put(out, "%" PRId64, (int64_t)value->number);
        break;
    case WAZERO_TRACE_POINTER:
        put(out, "0x%" PRIx64, value->number);
        break;
    case WAZERO_TRACE_OUT_OF_BOUNDS:
        put(out, "<out of bounds 0x%" PRIx64 "+%" PRIu64 ">", value->number,
            value->size);
        break;
    case WAZERO_TRACE_TEXT:
        put_text(out, "\"");
        put_escaped(out, value->data, value->size);
        put_text(out, value->number > value->size ? "\"..." : "\"");
        break;
    case WAZERO_TRACE_SIZES:
        put_sizes(out, value);
        break;
    case WAZERO_TRACE_LIST:
        put_bytes(out, value->data, value->size);
        break;
    default:
        put(out, "%" PRIu64, value->number);
    }
}

size_t wazero_trace_value_format(const wazero_trace_value_t *value, char *text,
                                 size_t size)
{
    writer_t out = {.text = text, .room = size};
    put_value(&out, value);
    return finish(&out);
}

static void put_duration(writer_t *out, uint64_t nanoseconds)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double amount = (double)nanoseconds;
    size_t unit = 0;
    while (amount >= 1000 && unit < 3) {
        amount /= 1000;
        unit++;
    }
    put(out, amount < 10 && unit ? " <%.1f %s>" : " <%.0f %s>", amount, units[unit]);
}

size_t wazero_trace_format(const wazero_trace_call_t *call, char *text, size_t size)
{
    writer_t out = {.text = text, .room = size};
    put(&out, "%s(", call->function);
    for (size_t i = 0; i < call->argument_count; i++) {
        put(&out, "%s%s=", i ? ", " : "", call->arguments[i].name);
        put_value(&out, &call->arguments[i]);
    }
    const char *name = wazero_errno_name(call->code);
    if (!call->returned)
        put_text(&out, ") = ?");
    else if (call->code == WAZERO_ERRNO_SUCCESS || !*name)
        put(&out, ") = %u", (unsigned)call->code);
    else
        put(&out, ") = %s", name);
    for (size_t i = 0; i < call->result_count; i++) {
        put(&out, " %s=", call->results[i].name);
        put_value(&out, &call->results[i]);
    }
    put_duration(&out, call->duration);
    return finish(&out);
}
