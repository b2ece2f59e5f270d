#!/bin/bash
# Measures weir serve: thousands of pipelines, the time from a changed file to the
# first row, and a job while the folder is reloaded. Settings, by environment:
#   JOBS     "many change reload"
#   WEIR     program to measure, bin/weir
#   WORK     folder for what is generated, which is removed afterwards
#   OUT      folder for the output of job A, /dev/shm where there is one, so that the disk does not count
#   KEEP     1: what was generated stays
#   MODULES  many: modules, 500;  EACH: pipelines in each, 10
#   FED      many: one module in so many has files to read, 10
#   CHANGES  many: files that are changed, 10
#   IDLE     many: how long pipelines poll before memory is measured, 3m
#   WIDE     change: rows of the file that is read meanwhile, 6000000
#   TIMES    change: changes, 20
#   ROWS     reload: rows of job A, 3000000;  ROUNDS: runs with and without, 3
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
: "${JOBS:=many change reload}" "${WEIR:=$top/bin/weir}" "${WORK:=${TMPDIR:-/tmp}/weir-bench-serve}" "${KEEP:=}"
: "${MODULES:=500}" "${EACH:=10}" "${FED:=10}" "${CHANGES:=10}" "${IDLE:=3m}" "${WIDE:=6000000}" "${TIMES:=20}" "${ROWS:=3000000}" "${ROUNDS:=3}"
if [ -z "${OUT:-}" ]; then OUT=$WORK; [ -w /dev/shm ] && OUT=/dev/shm; fi
mkdir -p "$WORK"
(cd "$top" && go build -o "$WORK/serve" ./testdata/bench/serve)
"$WORK/serve" -weir "$WEIR" -job "$here/a.hcl" -jobs "$JOBS" -work "$WORK" -out "$OUT" ${KEEP:+-keep} -modules "$MODULES" -each "$EACH" -fed "$FED" \
	-changes "$CHANGES" -idle "$IDLE" -wide "$WIDE" -times "$TIMES" -rows "$ROWS" -rounds "$ROUNDS"
rm -f "$WORK/serve"
rmdir "$WORK" 2>/dev/null || true
