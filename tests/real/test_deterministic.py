"""CPython with deterministic=True: the same bytes from copies of a folder."""

import os
import shutil

LOOK = """
import datetime, glob, os, random, sys, tempfile, time, uuid, zipfile
for folder, folders, names in os.walk("/data"):
    print(folder, folders, names, os.stat(folder))
    for name in names:
        path = os.path.join(folder, name)
        print(path, os.stat(path), os.path.getmtime(path))
print([(entry.name, entry.inode()) for entry in os.scandir("/data")])
print(glob.glob("/data/**", recursive=True))
print(datetime.datetime.now(), time.time_ns(), time.monotonic_ns())
print(random.random(), os.urandom(8), uuid.uuid4(), hash("text"), {*"abcdef"})
for _ in range(3):
    with tempfile.TemporaryFile(dir="/data") as file:
        file.write(b"x")
        print(os.fstat(file.fileno()))
with zipfile.ZipFile("/data/made.zip", "w") as made:
    made.write("/data/a.txt")
with open("/data/made.zip", "rb") as file:
    print(file.read())
print(os.stat("/data/made.zip"), id(sys), sys.argv)
time.sleep(1000)
"""


def test_copies_of_a_folder(cpython, tmp_path):
    first, second = tmp_path / "one", tmp_path / "two"
    (first / "sub").mkdir(parents=True)
    names = [f"{c}.txt" for c in "hbagcdfe"]
    for name in names:
        (first / name).write_text(name)
        (first / "sub" / name).write_text(name)
    (second / "sub").mkdir(parents=True)
    for i, name in enumerate(sorted(names, reverse=True)):
        for part in ("sub", "."):
            shutil.copy(first / part / name, second / part / name)
            os.utime(second / part / name, (i, i))
    done = [
        cpython(LOOK, mounts={"/data": folder}, deterministic=True, check=True)
        for folder in (first, second)
    ]
    assert done[0] == done[1]
    assert "2022-01-01" in done[0].stdout
    assert (first / "made.zip").read_bytes() == (second / "made.zip").read_bytes()
