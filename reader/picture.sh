#!/usr/bin/env bash
# Draws docs/pictures/consumer.svg from a real run: what `make demo` left in its stream, as the consumer shows it on a
# terminal. The middle is cut out. `make picture` builds what it needs.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
cargo build --quiet --locked -p demo -p consumer
bin=${CARGO_TARGET_DIR:-target}/debug
"$bin/demo" --stay >"$work/demo.out" 2>"$work/demo.err" &
trap 'kill $! 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 600); do
  grep -q ' --endpoint ' "$work/demo.err" && break
  kill -0 $! || { cat "$work/demo.err" >&2; exit 1; }
  sleep 0.1
done
endpoint=$(grep -o 'http://[0-9.:]*' "$work/demo.err")

AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local "$bin/consumer" telemetry --endpoint "$endpoint" \
  --from 10m --no-follow --verify --color always >"$work/out" 2>"$work/err"
{
  # From a stack trace in JSON on, to the report of the crash; the burst of 200 lines is left out.
  grep -v 'settling a batch' "$work/out" | sed -n '/refunding/,/REPORT.*Runtime.ExitError/p'
  printf '\033[2m⋮\033[0m\n'
  tail -n 4 "$work/out"
  cat "$work/err"
} | python3 reader/picture.py 'consumer telemetry --from 10m --verify' >docs/pictures/consumer.svg
