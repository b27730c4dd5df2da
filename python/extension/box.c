/*
 * box.c - Box: how the C library holds a Python object that the collector must see.
 *
 * A Python object owns what is in the box, visits it and lets it go; the C library has
 * the box alone, and finds it empty after that. So neither an order of dying nor a
 * thread that is just about to call can lead to an object that is gone. The GIL guards
 * what is in the box.
 */
#include "wazeromodule.h"

Box *Box_new(PyObject *object)
{
    Box *box = malloc(sizeof *box);
    if (!box) {
        PyErr_NoMemory();
        return NULL;
    }
    atomic_init(&box->references, 2);
    box->object = Py_NewRef(object);
    return box;
}

void Box_release(void *user)
{
    Box *box = user;
    if (atomic_fetch_sub(&box->references, 1) == 1)
        free(box);
}

void Box_clear(Box **place)
{
    Box *box = *place;
    if (!box)
        return;
    *place = NULL;
    Py_CLEAR(box->object);
    Box_release(box);
}
