#!/usr/bin/env python3
"""clang-tidy's small error list over the files that changed, or whose headers did, since they last
passed. What a file includes is what the build recorded."""
import concurrent.futures
import functools
import hashlib
import pathlib
import subprocess
import sys

BUILD = pathlib.Path("build/release")
CACHE = pathlib.Path("build/tidy-cache")
CACHE.mkdir(parents=True, exist_ok=True)


@functools.cache
def digest(path: pathlib.Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def dependencies() -> dict[pathlib.Path, list[pathlib.Path]]:
    """Source -> the project's files it is made of, by `ninja -t deps`."""
    root = pathlib.Path("src").resolve()
    found: dict[pathlib.Path, list[pathlib.Path]] = {}
    output = subprocess.run(["ninja", "-C", str(BUILD), "-t", "deps"], capture_output=True, text=True, check=True)
    for block in output.stdout.split("\n\n"):
        files = [(BUILD / line.strip()).resolve() for line in block.splitlines()[1:] if line.startswith("    ")]
        ours = [f for f in files if f.is_relative_to(root) and f.exists()]
        if ours:
            found[ours[0]] = sorted(set(ours))
    return found


def check(path: pathlib.Path) -> str:
    key = hashlib.sha256(digest(pathlib.Path(".clang-tidy")))
    for part in made_of.get(path.resolve(), [path]):
        key.update(digest(part))
    stamp = CACHE / key.hexdigest()
    if stamp.exists():
        return ""
    run = subprocess.run(["clang-tidy-19", "-p", str(BUILD), "--quiet", str(path)], capture_output=True, text=True)
    if run.returncode == 0:
        stamp.touch()
        return ""
    return run.stdout or run.stderr


made_of = dependencies()
sources = [p for p in sorted(pathlib.Path("src").rglob("*.cc")) if not p.name.endswith(("_test.cc", "_bench.cc"))]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    output = [text for text in pool.map(check, sources) if text]
print("\n".join(output))
sys.exit(1 if output else 0)
