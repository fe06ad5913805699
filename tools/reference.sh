#!/usr/bin/env bash
# Writes docs/reference/*.md from the binary, which knows its own catalogue; --check fails when a
# page is stale.
set -euo pipefail
cd "$(dirname "$0")/.."
stale=
for page in metrics policies fields cli; do
    file=docs/reference/$page.md
    fresh=$(build/release/glassgate reference "$page")
    if [ "${1:-}" = --check ]; then
        [ "$fresh" = "$(cat "$file" 2>/dev/null)" ] || { echo "$file is stale: ./dev docs" >&2; stale=1; }
    else
        mkdir -p docs/reference
        printf '%s\n' "$fresh" >"$file"
    fi
done
[ -z "$stale" ]
