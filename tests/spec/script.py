"""Writes the files of the suite as runner.c reads them."""

import suite


def _hex(text):
    return text.encode("utf-8", "surrogateescape").hex()


def _value(value):
    return f"{value.type}:{value.bits:032x}:{value.mask:032x}"


def _fields(step):
    yield str(step.line)
    yield step.do
    if step.path:
        yield _hex(str(step.path))
    if step.do == "module":
        yield _hex(step.name)
        yield _hex(step.register)
    elif step.do == "refuse":
        yield "|".join(step.outcomes)
    elif step.do in ("call", "get"):
        yield _hex(step.module)
        yield _hex(step.field)
        if step.do == "call":
            yield str(len(step.args))
            yield from map(_value, step.args)
        if step.results is None:
            yield "!"
            yield "|".join(step.outcomes)
        else:
            yield "="
            yield str(len(step.results))
            yield from map(_value, step.results)


def write(folder, name, path):
    """Writes the file `name` of the folder to path."""
    with open(path, "w", encoding="ascii") as file:
        print(
            int(suite.FOLDERS[folder]), _hex(str(suite.spectest())), sep="\t", file=file
        )
        for step in suite.steps(folder, name):
            print(*_fields(step), sep="\t", file=file)
