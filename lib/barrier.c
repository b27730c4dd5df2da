/*
 * barrier.c - membarrier(2). See barrier.h.
 */
#include "barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool membarrier(int command)
{
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

bool wazero__barrier(void)
{
    /* A process that has not registered is told so; a forked child registers again. */
    return membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
           (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
            membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED));
}

void wazero__barrier_prepare(void)
{
    /* Where the system has none, the first barrier finds out. */
    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}
