/*
 * mounts.c - the options mounts= and fs=: what a guest has as files.
 */
#include "wazeromodule.h"

#include <errno.h>
#include <sys/stat.h>

/* Whether a host directory can be mounted: an OSError of the kind that it is, if not,
 * which libwazero's own would not be. */
static int check_directory(PyObject *host, PyObject *path)
{
    struct stat info;
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = stat(PyBytes_AS_STRING(path), &info);
    if (status == 0 && !S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        status = -1;
    }
    Py_END_ALLOW_THREADS
    if (status < 0)
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, host);
    return status;
}

static int make_directory(PyObject *host, Mount *mount)
{
    PyObject *path = Config_c_string(host, "the host directory of a mount");
    if (!path || check_directory(host, path) < 0) {
        Py_XDECREF(path);
        return -1;
    }
    mount->host = path;
    return 0;
}

/* "ro" is 1, "rw" is 0; -1 with an exception for anything else. */
static int read_only_of(PyObject *mode)
{
    if (PyUnicode_Check(mode)) {
        if (PyUnicode_CompareWithASCIIString(mode, "ro") == 0)
            return 1;
        if (PyUnicode_CompareWithASCIIString(mode, "rw") == 0)
            return 0;
    }
    PyErr_Format(PyExc_ValueError, "the mode of a mount is 'ro' or 'rw', not %R", mode);
    return -1;
}

static bool is_path(PyObject *value)
{
    return PyUnicode_Check(value) || PyBytes_Check(value);
}

/* An overlay over a Python object holds it: so who has the mount holds the overlay. */
static int keep_overlay(State *state, PyObject *value, Mount *mount)
{
    if (!PyObject_TypeCheck(value, state->overlay_files_type) ||
        !((OverlayFilesObject *)value)->box)
        return 0;
    mount->box = Box_new(value);
    if (!mount->box)
        return -1;
    Box_release(mount->box); /* the C library has none of this one */
    return 0;
}

int Mount_make(State *state, PyObject *value, Mount *mount)
{
    int read_only = 0;
    int result;
    *mount = (Mount){0};
    if (is_pair(value)) {
        read_only = read_only_of(PyTuple_GET_ITEM(value, 1));
        value = PyTuple_GET_ITEM(value, 0);
    }
    if (read_only < 0)
        return -1;
    mount->read_only = read_only == 1;
    if (Py_IS_TYPE(value, state->dir_type)) {
        const DirObject *dir = (DirObject *)value;
        mount->read_only |= dir->read_only;
        result = make_directory(dir->host, mount);
        if (dir->handle)
            mount->fs = dir->handle;
    } else if (PyObject_TypeCheck(value, state->memory_files_type)) {
        mount->fs = ((MemoryFilesObject *)value)->handle;
        result = keep_overlay(state, value, mount);
    } else if ((result = FileSystem_check(value)) != 0) {
        result =
            result < 0 ? -1 : FileSystem_new(state, value, &mount->box, &mount->made);
        mount->fs = mount->made;
    } else if (PyMapping_Check(value) && !is_path(value)) {
        mount->read_only = true;
        result = Files_new(state, value, &mount->made);
        mount->fs = mount->made;
    } else {
        result = make_directory(value, mount);
    }
    if (result < 0)
        Mount_clear(mount);
    return result;
}

void Mount_clear(Mount *mount)
{
    Py_CLEAR(mount->host);
    wazero_fs_delete(mount->made);
    mount->fs = mount->made = NULL;
    Box_clear(&mount->box);
}

/* The module gets the Python object that the mount has, if it has one. */
static int keep_box(ModuleObject *module, Mount *mount)
{
    if (!mount->box)
        return 0;
    Box **more = module->file_systems;
    PyMem_Resize(more, Box *, module->file_system_count + 1);
    if (!more) {
        PyErr_NoMemory();
        return -1;
    }
    module->file_systems = more;
    more[module->file_system_count++] = mount->box;
    mount->box = NULL;
    return 0;
}

static int add_mount(State *state, ModuleObject *module, wazero_module_config_t *config,
                     PyObject *value, PyObject *guest, bool read_only)
{
    Mount mount;
    PyObject *path = Config_c_string(guest, "the guest path of a mount");
    if (path && PyBytes_GET_SIZE(path) == 0) {
        PyErr_SetString(PyExc_ValueError,
                        "the guest path of a mount must not be empty: \"/\" is all of "
                        "the guest's files");
        Py_CLEAR(path);
    }
    if (!path || Mount_make(state, value, &mount) < 0) {
        Py_XDECREF(path);
        return -1;
    }
    const char *place = PyBytes_AS_STRING(path);
    wazero_error_t *error;
    read_only |= mount.read_only;
    if (mount.fs)
        error = wazero_module_config_add_fs(config, mount.fs, place, read_only);
    else
        error = wazero_module_config_add_mount(config, PyBytes_AS_STRING(mount.host),
                                               place, read_only);
    if (error)
        Errors_raise(state, error);
    int result = error ? -1 : keep_box(module, &mount);
    Mount_clear(&mount);
    Py_DECREF(path);
    return result;
}

int Mounts_add(State *state, ModuleObject *module, wazero_module_config_t *config,
               PyObject *value)
{
    if (!is_given(value))
        return 0;
    PyObject *items = Config_items(value, "mounts");
    int result = items ? 0 : -1;
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        if (is_pair(item))
            result = add_mount(state, module, config, PyTuple_GET_ITEM(item, 1),
                               PyTuple_GET_ITEM(item, 0), false);
    }
    Py_XDECREF(items);
    return result;
}

/* An element of FSConfig.mounts: what, the path of the guest, whether read-only. */
static int add_triple(State *state, ModuleObject *module,
                      wazero_module_config_t *config, PyObject *triple)
{
    PyObject *value, *guest;
    int read_only;
    if (!PyTuple_Check(triple)) {
        PyErr_SetString(PyExc_TypeError, "the mounts of an FSConfig are triples");
        return -1;
    }
    if (!PyArg_ParseTuple(triple, "OOp", &value, &guest, &read_only))
        return -1;
    return add_mount(state, module, config, value, guest, read_only == 1);
}

/* A wazero.FSConfig, or what can be mounted and is no path: all of the guest's
 * files. */
int Mounts_add_fs(State *state, ModuleObject *module, wazero_module_config_t *config,
                  PyObject *value)
{
    if (!is_given(value))
        return 0;
    int is_files = FileSystem_check(value);
    if (is_files < 0)
        return -1;
    is_files |= PyMapping_Check(value) && !is_path(value);
    if (is_files || Py_IS_TYPE(value, state->dir_type)) {
        PyObject *root = PyUnicode_FromString("/");
        int result = root ? add_mount(state, module, config, value, root, false) : -1;
        Py_XDECREF(root);
        return result;
    }
    PyObject *mounts = PyObject_GetAttrString(value, "mounts");
    if (!mounts || !PyTuple_Check(mounts)) {
        Py_XDECREF(mounts);
        PyErr_Format(PyExc_TypeError,
                     "fs must be a wazero.FSConfig or a mapping, not %.200s",
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    int result = 0;
    for (Py_ssize_t i = 0; result == 0 && i < PyTuple_GET_SIZE(mounts); i++)
        result = add_triple(state, module, config, PyTuple_GET_ITEM(mounts, i));
    Py_DECREF(mounts);
    return result;
}
