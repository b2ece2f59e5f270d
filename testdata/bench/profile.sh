#!/bin/bash
# Writes cmd/weir/default.pgo, by which the compiler knows what runs often: the
# profile of jobs A, B and C. Settings, by environment:
#   ROWS   rows of input, 5000000
#   BENCH  sources of the generator, ../shared/bench
#   WORK   folder for input and state; the input is kept
#   OUT    folder for output, /dev/shm where there is one, so that the disk does not count
#   TO     the file to write
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
: "${ROWS:=5000000}" "${BENCH:=$top/../shared/bench}" "${WORK:=${TMPDIR:-/tmp}/weir-bench}" "${TO:=$top/cmd/weir/default.pgo}"
if [ -z "${OUT:-}" ]; then OUT=$WORK; [ -w /dev/shm ] && OUT=/dev/shm; fi
if [ ! -d "$BENCH/gen" ]; then
	echo "the profile needs the generator of its input; there is no $BENCH/gen (set BENCH)"
	exit 1
fi
mkdir -p "$WORK/bin"
(cd "$BENCH" && go build -o "$WORK/bin/gen" ./gen)
# Built without the profile there is: where calls are already inlined by an older one, the
# next one would say less about them.
(cd "$top" && go build -pgo=off -trimpath -o "$WORK/bin/profile" ./testdata/bench/profile)
for kind in customers receipts; do
	file=$WORK/$kind-$ROWS.csv
	[ -s "$file" ] || { "$WORK/bin/gen" "$kind" "$ROWS" >"$file.part" && mv "$file.part" "$file"; }
done
"$WORK/bin/profile" -pipelines "$here" -work "$WORK" -out "$OUT" -rows "$ROWS" -profile "$WORK/cpu.pprof"
# The program is named as it is there, or the profile would hold the path of this folder.
(cd "$WORK/bin" && go tool pprof -proto -output "$WORK/default.pgo" profile "$WORK/cpu.pprof" >/dev/null 2>&1)
rm "$WORK/cpu.pprof"
mv "$WORK/default.pgo" "$TO"
ls -l "$TO"
