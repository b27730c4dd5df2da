/*
 * errno.c - the system's errors as WASI numbers them: all of them, not the twenty that
 * wazero's own interface knows.
 */
#include <errno.h>

#include "wasi/fs.h"

static const char *const texts[] = {
    [WASI_SUCCESS] = "ESUCCESS",
    [WASI_2BIG] = "E2BIG",
    [WASI_ACCES] = "EACCES",
    [WASI_ADDRINUSE] = "EADDRINUSE",
    [WASI_ADDRNOTAVAIL] = "EADDRNOTAVAIL",
    [WASI_AFNOSUPPORT] = "EAFNOSUPPORT",
    [WASI_AGAIN] = "EAGAIN",
    [WASI_ALREADY] = "EALREADY",
    [WASI_BADF] = "EBADF",
    [WASI_BADMSG] = "EBADMSG",
    [WASI_BUSY] = "EBUSY",
    [WASI_CANCELED] = "ECANCELED",
    [WASI_CHILD] = "ECHILD",
    [WASI_CONNABORTED] = "ECONNABORTED",
    [WASI_CONNREFUSED] = "ECONNREFUSED",
    [WASI_CONNRESET] = "ECONNRESET",
    [WASI_DEADLK] = "EDEADLK",
    [WASI_DESTADDRREQ] = "EDESTADDRREQ",
    [WASI_DOM] = "EDOM",
    [WASI_DQUOT] = "EDQUOT",
    [WASI_EXIST] = "EEXIST",
    [WASI_FAULT] = "EFAULT",
    [WASI_FBIG] = "EFBIG",
    [WASI_HOSTUNREACH] = "EHOSTUNREACH",
    [WASI_IDRM] = "EIDRM",
    [WASI_ILSEQ] = "EILSEQ",
    [WASI_INPROGRESS] = "EINPROGRESS",
    [WASI_INTR] = "EINTR",
    [WASI_INVAL] = "EINVAL",
    [WASI_IO] = "EIO",
    [WASI_ISCONN] = "EISCONN",
    [WASI_ISDIR] = "EISDIR",
    [WASI_LOOP] = "ELOOP",
    [WASI_MFILE] = "EMFILE",
    [WASI_MLINK] = "EMLINK",
    [WASI_MSGSIZE] = "EMSGSIZE",
    [WASI_MULTIHOP] = "EMULTIHOP",
    [WASI_NAMETOOLONG] = "ENAMETOOLONG",
    [WASI_NETDOWN] = "ENETDOWN",
    [WASI_NETRESET] = "ENETRESET",
    [WASI_NETUNREACH] = "ENETUNREACH",
    [WASI_NFILE] = "ENFILE",
    [WASI_NOBUFS] = "ENOBUFS",
    [WASI_NODEV] = "ENODEV",
    [WASI_NOENT] = "ENOENT",
    [WASI_NOEXEC] = "ENOEXEC",
    [WASI_NOLCK] = "ENOLCK",
    [WASI_NOLINK] = "ENOLINK",
    [WASI_NOMEM] = "ENOMEM",
    [WASI_NOMSG] = "ENOMSG",
    [WASI_NOPROTOOPT] = "ENOPROTOOPT",
    [WASI_NOSPC] = "ENOSPC",
    [WASI_NOSYS] = "ENOSYS",
    [WASI_NOTCONN] = "ENOTCONN",
    [WASI_NOTDIR] = "ENOTDIR",
    [WASI_NOTEMPTY] = "ENOTEMPTY",
    [WASI_NOTRECOVERABLE] = "ENOTRECOVERABLE",
    [WASI_NOTSOCK] = "ENOTSOCK",
    [WASI_NOTSUP] = "ENOTSUP",
    [WASI_NOTTY] = "ENOTTY",
    [WASI_NXIO] = "ENXIO",
    [WASI_OVERFLOW] = "EOVERFLOW",
    [WASI_OWNERDEAD] = "EOWNERDEAD",
    [WASI_PERM] = "EPERM",
    [WASI_PIPE] = "EPIPE",
    [WASI_PROTO] = "EPROTO",
    [WASI_PROTONOSUPPORT] = "EPROTONOSUPPORT",
    [WASI_PROTOTYPE] = "EPROTOTYPE",
    [WASI_RANGE] = "ERANGE",
    [WASI_ROFS] = "EROFS",
    [WASI_SPIPE] = "ESPIPE",
    [WASI_SRCH] = "ESRCH",
    [WASI_STALE] = "ESTALE",
    [WASI_TIMEDOUT] = "ETIMEDOUT",
    [WASI_TXTBSY] = "ETXTBSY",
    [WASI_XDEV] = "EXDEV",
    [WASI_NOTCAPABLE] = "ENOTCAPABLE",
};

const char *wazero_errno_name(wazero_errno_t number)
{
    return (unsigned)number < WASI_ERRNO_COUNT ? texts[number] : "";
}

wazero_errno_t wazero_errno_from_system(int number)
{
    return (wazero_errno_t)wazero__errno_from(number);
}

static const uint8_t numbers[] = {
    [E2BIG] = WASI_2BIG,
    [EACCES] = WASI_ACCES,
    [EADDRINUSE] = WASI_ADDRINUSE,
    [EADDRNOTAVAIL] = WASI_ADDRNOTAVAIL,
    [EAFNOSUPPORT] = WASI_AFNOSUPPORT,
    [EAGAIN] = WASI_AGAIN,
    [EALREADY] = WASI_ALREADY,
    [EBADF] = WASI_BADF,
    [EBADMSG] = WASI_BADMSG,
    [EBUSY] = WASI_BUSY,
    [ECANCELED] = WASI_CANCELED,
    [ECHILD] = WASI_CHILD,
    [ECONNABORTED] = WASI_CONNABORTED,
    [ECONNREFUSED] = WASI_CONNREFUSED,
    [ECONNRESET] = WASI_CONNRESET,
    [EDEADLK] = WASI_DEADLK,
    [EDESTADDRREQ] = WASI_DESTADDRREQ,
    [EDOM] = WASI_DOM,
    [EDQUOT] = WASI_DQUOT,
    [EEXIST] = WASI_EXIST,
    [EFAULT] = WASI_FAULT,
    [EFBIG] = WASI_FBIG,
    [EHOSTUNREACH] = WASI_HOSTUNREACH,
    [EIDRM] = WASI_IDRM,
    [EILSEQ] = WASI_ILSEQ,
    [EINPROGRESS] = WASI_INPROGRESS,
    [EINTR] = WASI_INTR,
    [EINVAL] = WASI_INVAL,
    [EIO] = WASI_IO,
    [EISCONN] = WASI_ISCONN,
    [EISDIR] = WASI_ISDIR,
    [ELOOP] = WASI_LOOP,
    [EMFILE] = WASI_MFILE,
    [EMLINK] = WASI_MLINK,
    [EMSGSIZE] = WASI_MSGSIZE,
    [EMULTIHOP] = WASI_MULTIHOP,
    [ENAMETOOLONG] = WASI_NAMETOOLONG,
    [ENETDOWN] = WASI_NETDOWN,
    [ENETRESET] = WASI_NETRESET,
    [ENETUNREACH] = WASI_NETUNREACH,
    [ENFILE] = WASI_NFILE,
    [ENOBUFS] = WASI_NOBUFS,
    [ENODEV] = WASI_NODEV,
    [ENOENT] = WASI_NOENT,
    [ENOEXEC] = WASI_NOEXEC,
    [ENOLCK] = WASI_NOLCK,
    [ENOLINK] = WASI_NOLINK,
    [ENOMEM] = WASI_NOMEM,
    [ENOMSG] = WASI_NOMSG,
    [ENOPROTOOPT] = WASI_NOPROTOOPT,
    [ENOSPC] = WASI_NOSPC,
    [ENOSYS] = WASI_NOSYS,
    [ENOTCONN] = WASI_NOTCONN,
    [ENOTDIR] = WASI_NOTDIR,
    [ENOTEMPTY] = WASI_NOTEMPTY,
    [ENOTRECOVERABLE] = WASI_NOTRECOVERABLE,
    [ENOTSOCK] = WASI_NOTSOCK,
    [ENOTSUP] = WASI_NOTSUP,
    [ENOTTY] = WASI_NOTTY,
    [ENXIO] = WASI_NXIO,
    [EOVERFLOW] = WASI_OVERFLOW,
    [EOWNERDEAD] = WASI_OWNERDEAD,
    [EPERM] = WASI_PERM,
    [EPIPE] = WASI_PIPE,
    [EPROTO] = WASI_PROTO,
    [EPROTONOSUPPORT] = WASI_PROTONOSUPPORT,
    [EPROTOTYPE] = WASI_PROTOTYPE,
    [ERANGE] = WASI_RANGE,
    [EROFS] = WASI_ROFS,
    [ESPIPE] = WASI_SPIPE,
    [ESRCH] = WASI_SRCH,
    [ESTALE] = WASI_STALE,
    [ETIMEDOUT] = WASI_TIMEDOUT,
    [ETXTBSY] = WASI_TXTBSY,
    [EXDEV] = WASI_XDEV,
};

wazero__errno_t wazero__errno_from(int number)
{
    if (number == 0)
        return WASI_SUCCESS;
    if (number < 0 || (size_t)number >= sizeof numbers || !numbers[number])
        return WASI_IO;
    return numbers[number];
}

int wazero__errno_to(wazero__errno_t code)
{
    int number = code ? EIO : 0;
    for (size_t i = 0; code && i < sizeof numbers; i++)
        if (numbers[i] == code)
            number = (int)i;
    return number;
}
