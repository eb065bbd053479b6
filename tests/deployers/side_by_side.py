"""Runs each file of tests in a process of its own, as many at once as there are processors: most of their time they wait.

Named files run alone: `side_by_side.py test_sam test_release`. What a file prints is printed when it ends.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# What takes longest begins first.
LONGEST = ("test_construct",)


def run(name):
    begin = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", "unittest", "-v", name], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return name, result.returncode, result.stdout, time.monotonic() - begin


def main():
    names = sys.argv[1:] or sorted(path.stem for path in HERE.glob("test_*.py"))
    names.sort(key=lambda name: name not in LONGEST)
    failed = []
    with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 1)) as pool:
        for ended in concurrent.futures.as_completed([pool.submit(run, name) for name in names]):
            name, status, said, seconds = ended.result()
            print(f"{said}{name}: {'failed' if status else 'ok'} after {seconds:.0f} s\n", flush=True)
            failed += [name] if status else []
    if not names or failed:
        sys.exit(f"error: these tests failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
