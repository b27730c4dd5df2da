/*
 * threads.c - the GIL, signals, fork, and the end of the interpreter: what belongs to
 * the process and not to a module, as the hooks of libwazero do. Only the main
 * interpreter may import the extension, so there is one user of it.
 *
 * A call of wasm begins with the GIL held. libwazero detaches when the call takes long
 * or waits, and attaches again before each host function and before it returns.
 *
 * The end. A thread that wants the GIL of an interpreter that is going away must not
 * run on. Up to 3.13 Python has it call pthread_exit(), which unwinds its stack through
 * libwazero, which is in the middle of something, and through Go. From 3.14 on it
 * hangs; here it hangs always, by a cleanup in the frames that call Python, which
 * -fexceptions makes run. Threads that come without the GIL, of which Python may know
 * nothing, are kept out from atexit on.
 */
#include "wazeromodule.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_bool finalizing;
static unsigned generation;
static pthread_t importer;

/* ---------------------------------------------------------------- entries -------- */

void Threads_hang(void)
{
    for (;;)
        pause();
}

bool Entry_take_gil(Entry *entry)
{
    if (atomic_load(&finalizing)) {
        entry->inside = false;
        return false;
    }
    entry->gil = PyGILState_Ensure();
    entry->took_gil = true;
    return true;
}

void Entry_give_gil(Entry *entry)
{
    PyGILState_Release(entry->gil);
}

/* ---------------------------------------------------------------- hooks ---------- */

static void *detach(void)
{
    return Compat_is_attached() ? PyEval_SaveThread() : NULL;
}

static void attach(void *token)
{
    ENTRY(entry);
    entry.inside = true;
    PyEval_RestoreThread(token);
    entry.inside = false;
}

/* Python runs signal handlers in its main thread only. That is the first one of the
 * process, also in a child that another thread forked; a program that embeds Python may
 * have made another one the main thread, and imports this there. If it does not, its
 * handlers run after the call. */
static bool polls(void)
{
    return syscall(SYS_gettid) == getpid() || pthread_equal(pthread_self(), importer);
}

static wazero_error_t *poll_signals(void)
{
    return PyErr_CheckSignals() < 0 ? Errors_to_host() : NULL;
}

/* ---------------------------------------------------------------- fork ----------- */

static void in_child(void)
{
    generation++;
}

unsigned Threads_generation(void)
{
    return generation;
}

/* ---------------------------------------------------------------- beginning, end - */

/* Runs at exit, while all threads still can. */
static PyObject *finalize(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    atomic_store(&finalizing, true);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"_finalize", finalize, METH_NOARGS, NULL},
    {0},
};

static int register_finalizer(PyObject *module)
{
    PyObject *atexit = PyImport_ImportModule("atexit");
    PyObject *function = atexit ? PyObject_GetAttrString(module, "_finalize") : NULL;
    PyObject *result =
        function ? PyObject_CallMethod(atexit, "register", "O", function) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(atexit);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

int Threads_init(PyObject *module, State *Py_UNUSED(state))
{
    static const wazero_thread_hooks_t hooks = {detach, attach, polls, poll_signals};
    static bool done;
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyErr_SetString(PyExc_ImportError,
                        "wazero can be imported in the main interpreter only");
        return -1;
    }
    atomic_store(&finalizing, false);
    importer = pthread_self();
    if (!done) {
        if (pthread_atfork(NULL, NULL, in_child) != 0) {
            PyErr_NoMemory();
            return -1;
        }
        wazero_set_thread_hooks(&hooks);
        done = true;
    }
    if (PyModule_AddFunctions(module, functions) < 0)
        return -1;
    return register_finalizer(module);
}
