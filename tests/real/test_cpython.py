"""CPython 3.12, 26 MB, in a sandbox: what it is for, and each limit of it."""

import json
import os
import threading
import time

import pytest
import wazero

REPORT = """
import collections, hashlib, json, os, sys
words = collections.Counter()
for folder, _, names in os.walk("/data"):
    for name in names:
        with open(os.path.join(folder, name)) as file:
            words.update(file.read().split())
report = {
    "words": words.most_common(2),
    "stdin": hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),
    "args": sys.argv[1:],
    "user": os.environ["USER"],
}
with open("/out/report.json", "w") as file:
    json.dump(report, file)
print("written", file=sys.stderr)
sys.exit(len(words))
"""


@pytest.fixture
def folders(tmp_path):
    """What is read, and where may be written."""
    data, out = tmp_path / "data", tmp_path / "out"
    (data / "more").mkdir(parents=True)
    out.mkdir()
    (data / "a.txt").write_text("one two two")
    (data / "more" / "b.txt").write_text("three two one")
    return {"/data": (data, "ro"), "/out": out}


def check_report(folders):
    report = json.loads((folders["/out"] / "report.json").read_text())
    assert report == {
        "words": [["two", 3], ["one", 2]],
        "stdin": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "args": ["a", "ü"],
        "user": "guest",
    }


def test_a_report(cpython, folders):
    options = {"mounts": folders, "env": {"USER": "guest"}, "input": "hello"}
    done = cpython(REPORT, "a", "ü", **options)
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "written\n")
    check_report(folders)


def test_a_report_by_the_command(command, folders):
    code = f"import sys; sys.stdin.reconfigure(newline='')\n{REPORT}"
    flags = [f"-mount={folders['/data'][0]}:/data:ro", f"-mount={folders['/out']}:/out"]
    flags.append("-env=USER=guest")
    done = command("CPython 3.12", "-c", code, "a", "ü", flags=flags, input="hello")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "written\n")
    check_report(folders)


def test_scripts_and_their_modules(run, tmp_path):
    (tmp_path / "helper.py").write_text("def double(x): return 2 * x\n")
    (tmp_path / "main.py").write_text("import helper; print(helper.double(21))\n")
    mounts = {"/app": (tmp_path, "ro")}
    assert run("CPython 3.12", "/app/main.py", mounts=mounts).stdout == "42\n"
    assert sorted(os.listdir(tmp_path)) == ["helper.py", "main.py"]


def test_an_error_is_told(cpython):
    done = cpython("import nothing_of_the_kind")
    assert done.returncode == 1 and "ModuleNotFoundError" in done.stderr
    with pytest.raises(wazero.ExitError) as caught:
        cpython("raise SystemExit(9)", check=True)
    assert caught.value.exit_code == 9


# ---- limits ----


def test_a_loop_ends_at_its_time(cpython, forever):
    before = time.monotonic()
    with pytest.raises(wazero.Timeout) as caught:
        cpython(forever, timeout=3)
    # Far from exact, for what else the machine does: it ends, and not by itself.
    assert 3 <= time.monotonic() - before < 60
    assert caught.value.stdout == "begun\n"


@pytest.mark.parametrize("wait", ["time.sleep(1000)", "sys.stdin.read()"])
def test_what_waits_ends_at_its_time(cpython, wait):
    reading, writing = os.pipe()
    with open(reading, "rb", 0) as stdin, open(writing, "wb", 0):
        with pytest.raises(wazero.Timeout) as caught:
            code = f"import sys, time\nprint('begun', flush=True)\n{wait}"
            cpython(code, stdin=stdin, timeout=3)
    assert caught.value.stdout == "begun\n"


def test_a_loop_ends_at_its_time_by_the_command(command, forever):
    done = command("CPython 3.12", "-c", forever, flags=["-timeout=3s"])
    assert done.returncode == 0xFF and done.stdout == "begun\n"
    assert "deadline exceeded (timeout 3s)" in done.stderr


def test_memory_that_is_refused_is_a_memory_error(cpython):
    code = """
block = bytearray(8 << 20)
try:
    bytearray(64 << 20)
except MemoryError:
    print("refused", len(block))
"""
    done = cpython(code, memory_limit="48MiB")
    assert (done.returncode, done.stdout) == (0, "refused 8388608\n")
    grows = "a = []\nwhile True: a.append(bytearray(1 << 16))"
    done = cpython(grows, memory_limit="48MiB")
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_a_program_that_needs_more_memory_is_not_run(cpython):
    with pytest.raises(wazero.CompileError, match="memory"):
        cpython("", memory_limit="1MiB")


def test_recursion_for_ever(cpython, interruptible):
    done = cpython("def f(): f()\nf()")
    assert done.returncode == 1 and "RecursionError" in done.stderr
    # Recursion in C, too: this CPython finds the end of its stack by running over it.
    code = "class A:\n def __repr__(self): return repr(self)\nrepr(A())"
    with pytest.raises(wazero.Trap):
        cpython(code)
    if interruptible:  # otherwise max_stack is not looked at
        with pytest.raises(wazero.Trap) as caught:
            cpython(code, max_stack="64KiB")
        assert caught.value.code == wazero.TrapCode.STACK_OVERFLOW


ESCAPES = """
import os
for path in ("/etc/passwd", "/proc/self/environ", "/jail/../../etc/passwd",
             "/jail/link", "/jail/folder/secret", "/jail/absolute"):
    try:
        print(open(path).read())
    except OSError as error:
        print(path, type(error).__name__)
for change in (lambda: os.rename("/jail/folder/secret", "/jail/taken"),
               lambda: os.remove("/jail/folder/secret"),
               lambda: os.link("/jail/folder/secret", "/jail/hard"),
               lambda: open("/jail/folder/new", "w")):
    try:
        print(change())
    except OSError as error:
        print(type(error).__name__)
print(os.listdir("/jail") == os.listdir("/jail"), sorted(os.listdir("/jail")))
"""


def test_nothing_leads_out(cpython, tmp_path):
    jail, outside = tmp_path / "jail", tmp_path / "outside"
    jail.mkdir()
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (jail / "link").symlink_to("../outside/secret")
    (jail / "absolute").symlink_to(outside / "secret")
    (jail / "folder").symlink_to("../outside")
    done = cpython(ESCAPES, mounts={"/jail": jail})
    assert done.stdout.splitlines() == [
        "/etc/passwd FileNotFoundError",
        "/proc/self/environ FileNotFoundError",
        "/jail/../../etc/passwd PermissionError",
        "/jail/link PermissionError",
        "/jail/folder/secret PermissionError",
        "/jail/absolute PermissionError",
        *4 * ["PermissionError"],
        "True ['absolute', 'folder', 'link']",
    ]
    assert os.listdir(outside) == ["secret"]


def test_a_readonly_folder_stays_as_it_is(cpython, folders):
    code = """
import errno, os, shutil
for change in (lambda: open("/data/new", "w"), lambda: open("/data/a.txt", "a"),
               lambda: os.remove("/data/a.txt"), lambda: os.mkdir("/data/folder"),
               lambda: os.rename("/data/a.txt", "/data/b.txt"),
               lambda: os.symlink("a.txt", "/data/link"),
               lambda: os.utime("/data/a.txt"), lambda: os.truncate("/data/a.txt", 0)):
    try:
        print(change())
    except OSError as error:
        print(errno.errorcode[error.errno])
shutil.copytree("/data", "/out/copy")
"""
    done = cpython(code, mounts=folders)
    assert (done.stdout, done.stderr) == (8 * "EROFS\n", "")
    data = folders["/data"][0]
    assert sorted(os.listdir(data)) == ["a.txt", "more"]
    assert (data / "a.txt").read_text() == "one two two"
    assert (folders["/out"] / "copy" / "more" / "b.txt").read_text() == "three two one"


def test_nothing_is_granted_by_itself(cpython):
    code = """
import os, sys
print(dict(os.environ), sys.argv, sys.stdin.read())
try:
    os.listdir("/")
except OSError as error:
    print(type(error).__name__)
try:
    import socket
    socket.create_connection(("127.0.0.1", 80))
except (ImportError, OSError, AttributeError) as error:
    print("no network")
"""
    assert cpython(code).stdout == "{} ['-c'] \nFileNotFoundError\nno network\n"


def test_programs_run_beside_each_other(cpython, tmp_path):
    code = """
import os, sys
name = f"/both/{sys.argv[1]}"
for n in range(200):
    with open(name, "w") as file:
        file.write(str(n))
    os.replace(name, "/both/shared")
    print(open("/both/shared").read().isdecimal())
"""
    outputs = {}

    def one(number):
        outputs[number] = cpython(code, str(number), mounts={"/both": tmp_path}).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outputs == dict.fromkeys(range(2), 200 * "True\n")
    assert os.listdir(tmp_path) == ["shared"]
