/*
 * socket.c - TCP sockets that listen for a guest, and the connections that they accept.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"
#include "wasi/functions.h"
#include "wasi/hostfile.h"

/* ---- listening ---- */

/* Binds a socket to an address; -1 with errno. */
static int bind_to(const struct addrinfo *address)
{
    int yes = 1, no = 0;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (address->ai_family == AF_INET6) /* "::" is for IPv4, too */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, SOMAXCONN) == 0)
        return fd;
    int failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

/* The address to take of several: that of IPv4 if there is one, as Go does; of all
 * addresses of the machine the one of IPv6. */
static const struct addrinfo *choose(const struct addrinfo *list, bool everywhere)
{
    int family = everywhere ? AF_INET6 : AF_INET;
    for (const struct addrinfo *one = list; one; one = one->ai_next)
        if (one->ai_family == family)
            return one;
    return list;
}

static void tell_address(int fd, char *host, size_t room, uint16_t *port)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    char service[8] = "0";
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        getnameinfo((struct sockaddr *)&address, size, host, (socklen_t)room, service,
                    sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
    *port = (uint16_t)strtoul(service, NULL, 10);
}

wazero_error_t *wazero__tcp_listen(const char *host, uint16_t port,
                                   wazero__file_t **listener, char *bound_host,
                                   size_t room, uint16_t *bound_port)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *list;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    bool everywhere = !*host;
    int failure = getaddrinfo(everywhere ? NULL : host, service, &hints, &list);
    if (failure)
        return wazero__error(WAZERO_ERROR_INVALID, "listen tcp %s:%u: %s", host, port,
                             failure == EAI_SYSTEM ? strerror(errno)
                                                   : gai_strerror(failure));
    int fd = bind_to(choose(list, everywhere));
    failure = errno;
    freeaddrinfo(list);
    if (fd < 0)
        return wazero__error(WAZERO_ERROR_INVALID, "listen tcp %s:%u: %s", host, port,
                             strerror(failure));
    tell_address(fd, bound_host, room, bound_port);
    return wazero__hostfile_new(fd, false, listener) ? wazero__error_memory() : NULL;
}

/* ---- functions ---- */

/* A socket with a right. */
static wazero__errno_t find(const wazero__wasi_t *wasi, uint64_t slot, uint64_t right,
                            wazero__descriptor_t **descriptor)
{
    wazero__errno_t code = wazero__descriptor_any(wasi, slot, right, descriptor);
    if (!code && (*descriptor)->file->filetype != WASI_SOCKET_STREAM)
        code = WASI_NOTSOCK;
    return code;
}

wazero__errno_t wazero__wasi_sock_accept(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    wazero__descriptor_t *descriptor, made = {0};
    uint32_t flags = wazero__slot_u32(slots[1]), number;
    void *result = wazero__guest_at(&call->memory, slots[2], sizeof number);
    wazero__errno_t code =
        find(call->wasi, slots[0], WASI_RIGHT_SOCK_ACCEPT, &descriptor);
    if (code)
        return code;
    if (flags & ~(uint32_t)WASI_NONBLOCK)
        return WASI_INVAL;
    if (!result)
        return WASI_FAULT;
    wazero__file_t *file = descriptor->file;
    if (!file->type->accept)
        return WASI_NOTSUP;
    wazero__file_retain(file);
    code = file->type->accept(&call->io, file, descriptor->flags, &made.file);
    wazero__file_release(file);
    if (code)
        return code;
    made.flags = (uint16_t)flags;
    made.base = WASI_RIGHTS_SOCKET;
    code = wazero__descriptor_add(call->wasi, &made, &number);
    if (!code)
        wazero__put_u32(result, number);
    return code;
}

wazero__errno_t wazero__wasi_sock_recv(wazero__wasi_call_t *call, const uint64_t *slots)
{
    struct iovec parts[WAZERO__PARTS_MAX];
    wazero__descriptor_t *descriptor;
    int count;
    size_t done = 0;
    uint32_t flags = wazero__slot_u32(slots[3]);
    void *size = wazero__guest_at(&call->memory, slots[4], sizeof(uint32_t));
    void *result = wazero__guest_at(&call->memory, slots[5], sizeof(uint16_t));
    wazero__errno_t code = find(call->wasi, slots[0], WASI_RIGHT_FD_READ, &descriptor);
    if (code)
        return code;
    if (flags & ~(uint32_t)(WASI_RECV_PEEK | WASI_RECV_WAITALL))
        return WASI_NOTSUP;
    if (!size || !result)
        return WASI_FAULT;
    code = wazero__guest_parts(&call->memory, slots[1], slots[2], parts, &count);
    if (code)
        return code;
    wazero__file_t *file = descriptor->file;
    if (!file->type->receive)
        return WASI_NOTSUP;
    wazero__file_retain(file);
    code = file->type->receive(&call->io, file, parts, count, descriptor->flags, flags,
                               &done);
    wazero__file_release(file);
    if (code)
        return code;
    wazero__count_add(&call->wasi->bytes_read, done);
    wazero__put_u32(size, (uint32_t)done);
    wazero__put_u16(result, 0);
    return WASI_SUCCESS;
}

wazero__errno_t wazero__wasi_sock_send(wazero__wasi_call_t *call, const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = find(call->wasi, slots[0], WASI_RIGHT_FD_WRITE, &descriptor);
    if (code)
        return code;
    if (wazero__slot_u32(slots[3]))
        return WASI_NOTSUP;
    /* fd_write has no flags, and everything else in common. */
    const uint64_t write_slots[] = {slots[0], slots[1], slots[2], slots[4]};
    return wazero__wasi_fd_write(call, write_slots);
}

wazero__errno_t wazero__wasi_sock_shutdown(wazero__wasi_call_t *call,
                                           const uint64_t *slots)
{
    wazero__descriptor_t *descriptor;
    uint32_t how = wazero__slot_u32(slots[1]);
    wazero__errno_t code =
        find(call->wasi, slots[0], WASI_RIGHT_SOCK_SHUTDOWN, &descriptor);
    if (code)
        return code;
    if (!how || (how & ~(uint32_t)(WASI_SHUT_RD | WASI_SHUT_WR)))
        return WASI_INVAL;
    wazero__file_t *file = descriptor->file;
    return file->type->shut_down ? file->type->shut_down(&call->io, file, how)
                                 : WASI_NOTSUP;
}
