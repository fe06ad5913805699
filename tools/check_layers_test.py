#!/usr/bin/env python3
"""check_layers must catch what it is there for."""
import pathlib
import tempfile

from check_layers import violations

with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    (root / "proxy").mkdir()
    (root / "proxy" / "x.cc").write_text('#include "telemetry/settings.h"\n#include "model/event.h"\n')
    (root / "base").mkdir()
    (root / "base" / "y.h").write_text('#include "io/loop.h"\n#include <vector>\n')
    found = violations(root)
    assert len(found) == 2, found
    assert any("proxy must not include telemetry" in line for line in found), found
    assert any("base must not include io" in line for line in found), found
print("ok")
