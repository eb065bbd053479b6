#!/usr/bin/env bash
# Draws docs/pictures/page.png from a real run: the page that `make demo WEB=1` leaves open. `make picture-web` builds what it
# needs.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
cargo build --quiet --locked -p demo
"${CARGO_TARGET_DIR:-target}/debug/demo" --web >"$work/out" 2>"$work/err" &
trap 'kill $! 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 600); do
  grep -q 'until Ctrl-C' "$work/err" && break
  kill -0 $! || { cat "$work/err" >&2; exit 1; }
  sleep 0.1
done
url=$(grep -o 'http://127[0-9.:]*/' "$work/err" | head -1)
PAGE_PICTURE=$PWD/docs/pictures/page.png node reader/tests/page/page.mjs picture "$url" </dev/null
