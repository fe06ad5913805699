#!/usr/bin/env python3
"""Words that must not stand in the sources, and lengths that need a reason."""
import pathlib
import re
import subprocess
import sys

BANNED = [
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"), "unfinished work belongs in an issue"),
    (re.compile(r"\b(class|struct)\s+\w*(Manager|Helper|Util|Utils|Impl)\b"), "name what it is"),
    (re.compile(r"(^|[\s\"'(=])/(work|root|home)/"), "a path of one machine"),
    # The frame's layout comes out wrong: its first resumption jumps into nowhere (g++ 12.2).
    (re.compile(r"^[^/]*(&&|\|\||\? ).*\bco_await\b|\bco_await\b.*(&&|\|\|).*\bco_await\b"),
     "an await that may be skipped inside an expression: one statement per await"),
]
FILE_LINES_MAX = 500
ALLOW = pathlib.Path("tools/length_allow.txt")

allowed = {}
if ALLOW.exists():
    for line in ALLOW.read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            allowed[name] = reason

problems = []
files = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "src", "fuzz", "tests"],
                       capture_output=True, text=True, check=True).stdout.split()
for name in files:
    path = pathlib.Path(name)
    if path.suffix not in (".h", ".cc", ".py", ".ts", ".mjs") or not path.exists():
        continue
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        for pattern, why in BANNED:
            if pattern.search(line):
                problems.append(f"{name}:{number}: {line.strip()[:60]}: {why}")
    if len(lines) > FILE_LINES_MAX and name not in allowed:
        problems.append(f"{name}: {len(lines)} lines; above {FILE_LINES_MAX} needs a reason in {ALLOW}")
print("\n".join(problems))
sys.exit(1 if problems else 0)
