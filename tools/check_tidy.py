#!/usr/bin/env python3
"""clang-tidy's small error list over the files whose content changed since they last passed."""
import concurrent.futures
import hashlib
import pathlib
import subprocess
import sys

CACHE = pathlib.Path("build/tidy-cache")
CACHE.mkdir(parents=True, exist_ok=True)
headers = hashlib.sha256(pathlib.Path(".clang-tidy").read_bytes())
for name in sorted(pathlib.Path("src").rglob("*.h")):
    headers.update(name.read_bytes())


def check(path: pathlib.Path) -> str:
    key = hashlib.sha256(headers.digest() + path.read_bytes()).hexdigest()
    if (CACHE / key).exists():
        return ""
    run = subprocess.run(["clang-tidy-19", "-p", "build/release", "--quiet", str(path)],
                         capture_output=True, text=True)
    if run.returncode == 0:
        (CACHE / key).touch()
        return ""
    return run.stdout


sources = [p for p in sorted(pathlib.Path("src").rglob("*.cc"))
           if not p.name.endswith(("_test.cc", "_bench.cc"))]
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    output = [text for text in pool.map(check, sources) if text]
print("\n".join(output))
sys.exit(1 if output else 0)
