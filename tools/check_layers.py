#!/usr/bin/env python3
"""Checks the direction of #include lines in src/: a folder may include only what the table allows."""
import pathlib
import re
import sys

SUBSTRATE = {"base", "model", "shared", "io", "http"}
MAY_INCLUDE = {
    "base": set(),
    "model": {"base"},
    "shared": {"base", "model"},
    "io": {"base"},
    "http": {"base", "io"},
    "policy": SUBSTRATE,
    "proxy": SUBSTRATE | {"policy"},
    "telemetry": SUBSTRATE,
    "audit": SUBSTRATE,
    "store": {"base", "model", "io", "http"},
    "alert": {"base", "model", "io", "http", "store"},
    "flight": {"base", "model", "io", "http", "telemetry", "store"},
    "config": SUBSTRATE | {"policy", "proxy", "telemetry", "audit", "store", "alert", "flight"},
    "console": SUBSTRATE | {"store", "alert", "config", "telemetry"},
    "control": {"base", "model", "io", "http", "config"},
    "gateway": None,  # everything
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([a-z_]+)/')


def violations(root: pathlib.Path) -> list[str]:
    found = []
    for path in sorted(root.rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        folder = path.relative_to(root).parts[0]
        if folder not in MAY_INCLUDE:
            found.append(f"{path}: folder {folder} is not in the table")
            continue
        allowed = MAY_INCLUDE[folder]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or allowed is None:
                continue
            target = match.group(1)
            if target != folder and target not in allowed:
                found.append(f"{path}:{number}: {folder} must not include {target}")
    return found


if __name__ == "__main__":
    problems = violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src"))
    print("\n".join(problems))
    sys.exit(1 if problems else 0)
