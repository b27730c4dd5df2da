/*
 * poll.c - poll_oneoff: waiting for descriptors and clocks at once.
 *
 * Subscriptions are copied before anything is written, for the guest may have its
 * events put where they are. Clocks are those of the guest's configuration, and so is
 * the sleep: one that is pretended is over at once. Where there are descriptors to wait
 * for, too, it is real, as in wazero's own: nothing else could be waited with.
 */
#include <poll.h>
#include <stdlib.h>

#include "call/block.h"
#include "call/watchdog.h"
#include "wasi/functions.h"

enum { SUBSCRIPTIONS_MAX = 65536, SMALL = 8 };

typedef struct {
    uint64_t userdata;
    uint64_t timeout;     /* of a clock: how long from now */
    uint64_t bytes;       /* that can be read */
    wazero__file_t *file; /* a reference, or NULL */
    int polled;           /* its index among what is polled, or -1 */
    uint32_t subject;     /* a descriptor or a clock */
    uint16_t flags;       /* of a clock; of the event, once it is ready */
    wazero__errno_t code;
    uint8_t type;
    bool ready;
} subscription_t;

typedef struct {
    wazero__wasi_call_t *call;
    subscription_t *subscriptions;
    struct pollfd *fds; /* one more than there are subscriptions */
    uint32_t count;
    uint32_t polled;
    bool any_ready;
    bool has_clock;
    uint64_t wait; /* the shortest time of a clock */
} poll_t;

/* ---- in ---- */

size_t wazero__subscription_size(bool unstable)
{
    enum { SIZE = 48, UNSTABLE_SIZE = 56 };
    return unstable ? UNSTABLE_SIZE : SIZE;
}

wazero__subscription_t wazero__subscription_get(const uint8_t *place, bool unstable)
{
    /* wasi_unstable has a number of eight bytes before a clock's, which nobody uses. */
    enum { TYPE = 8, SUBJECT = 16, TIMEOUT = 24, FLAGS = 40, UNSTABLE = 8 };
    wazero__subscription_t got = {.userdata = wazero__get_u64(place),
                                  .type = place[TYPE]};
    if (got.type == WASI_EVENT_CLOCK) {
        place += unstable ? UNSTABLE : 0;
        got.timeout = wazero__get_u64(place + TIMEOUT);
        got.flags = wazero__get_u16(place + FLAGS);
    }
    got.subject = wazero__get_u32(place + SUBJECT);
    return got;
}

static void decode(const wazero__wasi_call_t *call, const uint8_t *place,
                   subscription_t *made)
{
    wazero__subscription_t got = wazero__subscription_get(place, call->unstable);
    *made = (subscription_t){.userdata = got.userdata,
                             .timeout = got.timeout,
                             .polled = -1,
                             .subject = got.subject,
                             .flags = got.flags,
                             .type = got.type};
}

static void set_ready(poll_t *poll, subscription_t *one, wazero__errno_t code)
{
    one->ready = true;
    one->code = code;
    poll->any_ready = true;
}

/* A clock: how long it is from now. It is only looked at for what is absolute: looking
 * at a pretended clock moves it on. Errors: ENDED. */
static wazero__errno_t prepare_clock(poll_t *poll, subscription_t *one)
{
    uint64_t now;
    bool absolute = one->flags & WASI_CLOCK_ABSTIME;
    wazero__errno_t code = one->subject > WASI_CLOCK_THREAD ? WASI_INVAL : WASI_SUCCESS;
    if (one->flags & ~WASI_CLOCK_ABSTIME)
        code = WASI_INVAL;
    one->flags = 0;
    if (!code && absolute)
        code = wazero__clock_now(poll->call, one->subject, &now);
    if (code == WASI_ENDED)
        return code;
    if (code) {
        set_ready(poll, one, code);
        return WASI_SUCCESS;
    }
    if (absolute)
        one->timeout = one->timeout > now ? one->timeout - now : 0;
    poll->has_clock = true;
    if (one->timeout < poll->wait)
        poll->wait = one->timeout;
    return WASI_SUCCESS;
}

static void prepare_file(poll_t *poll, subscription_t *one)
{
    wazero__descriptor_t *descriptor;
    wazero__errno_t code = wazero__descriptor_any(
        poll->call->wasi, one->subject, WASI_RIGHT_POLL_FD_READWRITE, &descriptor);
    if (code) {
        set_ready(poll, one, code);
        return;
    }
    one->file = wazero__file_retain(descriptor->file);
    const wazero__file_type_t *type = one->file->type;
    int fd = type->descriptor ? type->descriptor(one->file) : -1;
    if (fd < 0) {
        one->bytes = type->available ? type->available(one->file) : 1;
        set_ready(poll, one, WASI_SUCCESS);
        return;
    }
    one->polled = (int)poll->polled;
    poll->fds[poll->polled++] = (struct pollfd){
        .fd = fd, .events = one->type == WASI_EVENT_READ ? POLLIN : POLLOUT};
}

/* Errors: INVAL for a type that there is not, ENDED. */
static wazero__errno_t prepare(poll_t *poll)
{
    wazero__errno_t code = WASI_SUCCESS;
    for (uint32_t i = 0; i < poll->count && !code; i++) {
        subscription_t *one = &poll->subscriptions[i];
        if (one->type == WASI_EVENT_CLOCK)
            code = prepare_clock(poll, one);
        else if (one->type == WASI_EVENT_READ || one->type == WASI_EVENT_WRITE)
            prepare_file(poll, one);
        else
            code = WASI_INVAL;
    }
    return code;
}

/* ---- waiting ---- */

static void look_at(poll_t *poll, subscription_t *one)
{
    short events = poll->fds[one->polled].revents;
    if (!events)
        return;
    if ((events & POLLIN) && one->file->type->available)
        one->bytes = one->file->type->available(one->file);
    one->flags = (events & POLLHUP) ? WASI_EVENT_HANGUP : 0;
    set_ready(poll, one, (events & POLLNVAL) ? WASI_BADF : WASI_SUCCESS);
}

static wazero__errno_t wait_for_files(poll_t *poll)
{
    uint64_t begin = wazero__now(), until = UINT64_MAX;
    int ready = 0, failure = 0;
    if (poll->any_ready)
        until = begin;
    else if (poll->has_clock)
        until = wazero__end_of(poll->wait);
    wazero__io_pin(&poll->call->io);
    wazero_error_t *error = wazero__block(wazero__thread(), poll->fds, poll->polled,
                                          until, &ready, &failure);
    if (error)
        return wazero__io_end(&poll->call->io, error);
    if (ready < 0)
        return wazero__errno_from(failure);
    for (uint32_t i = 0; i < poll->count && ready; i++)
        if (poll->subscriptions[i].polled >= 0)
            look_at(poll, &poll->subscriptions[i]);
    /* What the clocks have seen pass. */
    if (poll->any_ready && wazero__now() - begin < poll->wait)
        poll->wait = 0;
    return WASI_SUCCESS;
}

static wazero__errno_t wait_for_clocks(poll_t *poll)
{
    wazero__wasi_call_t *call = poll->call;
    const wazero__time_t *time = &call->wasi->time;
    if (poll->any_ready) {
        poll->wait = 0;
        return WASI_SUCCESS;
    }
    if (!poll->wait)
        return WASI_SUCCESS;
    wazero__io_pin(&call->io);
    if (time->sleep_kind == WAZERO__TIME_CALL)
        wazero__io_call_host(&call->io);
    wazero_error_t *error = wazero__time_sleep(time, poll->wait);
    return error ? wazero__io_end(&call->io, error) : WASI_SUCCESS;
}

static wazero__errno_t wait(poll_t *poll)
{
    wazero__errno_t code = poll->polled ? wait_for_files(poll) : wait_for_clocks(poll);
    for (uint32_t i = 0; i < poll->count && !code; i++) {
        subscription_t *one = &poll->subscriptions[i];
        if (one->type == WASI_EVENT_CLOCK && !one->ready && one->timeout <= poll->wait)
            set_ready(poll, one, WASI_SUCCESS);
    }
    return code;
}

/* ---- out ---- */

enum { EVENT_SIZE = 32 };

/* Puts the events of what is ready, in the order of the subscriptions. */
static uint32_t encode(const poll_t *poll, uint8_t *place)
{
    enum { CODE = 8, TYPE = 10, BYTES = 16, FLAGS = 24 };
    uint32_t events = 0;
    for (uint32_t i = 0; i < poll->count; i++) {
        const subscription_t *one = &poll->subscriptions[i];
        if (!one->ready)
            continue;
        memset(place, 0, EVENT_SIZE);
        wazero__put_u64(place, one->userdata);
        wazero__put_u16(place + CODE, one->code);
        place[TYPE] = one->type;
        wazero__put_u64(place + BYTES, one->bytes);
        wazero__put_u16(place + FLAGS, one->flags);
        place += EVENT_SIZE;
        events++;
    }
    return events;
}

static wazero__errno_t run(poll_t *poll, const uint64_t *slots, const uint8_t *in)
{
    wazero__wasi_call_t *call = poll->call;
    uint8_t *out =
        wazero__guest_at(&call->memory, slots[1], (uint64_t)poll->count * EVENT_SIZE);
    void *result = wazero__guest_at(&call->memory, slots[3], sizeof(uint32_t));
    if (!out || !result)
        return WASI_FAULT;
    size_t size = wazero__subscription_size(call->unstable);
    for (uint32_t i = 0; i < poll->count; i++)
        decode(call, in + i * size, &poll->subscriptions[i]);
    wazero__errno_t code = prepare(poll);
    if (!code)
        code = wait(poll);
    if (!code)
        wazero__put_u32(result, encode(poll, out));
    for (uint32_t i = 0; i < poll->count; i++)
        wazero__file_release(poll->subscriptions[i].file);
    return code;
}

wazero__errno_t wazero__wasi_poll_oneoff(wazero__wasi_call_t *call,
                                         const uint64_t *slots)
{
    subscription_t few[SMALL];
    struct pollfd few_fds[SMALL + 1];
    poll_t poll = {.call = call,
                   .subscriptions = few,
                   .fds = few_fds,
                   .count = wazero__slot_u32(slots[2]),
                   .wait = UINT64_MAX};
    if (!poll.count || poll.count > SUBSCRIPTIONS_MAX)
        return WASI_INVAL;
    const uint8_t *in = wazero__guest_at(&call->memory, slots[0],
                                         (uint64_t)poll.count *
                                             wazero__subscription_size(call->unstable));
    if (!in)
        return WASI_FAULT;
    if (poll.count <= SMALL)
        return run(&poll, slots, in);
    poll.subscriptions = malloc(poll.count * sizeof *poll.subscriptions);
    poll.fds = malloc((poll.count + 1) * sizeof *poll.fds);
    wazero__errno_t code =
        poll.subscriptions && poll.fds ? run(&poll, slots, in) : WASI_NOMEM;
    free(poll.subscriptions);
    free(poll.fds);
    return code;
}
