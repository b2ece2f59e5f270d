#!/bin/bash
# Runs the benchmark jobs with weir, the hand-written program and the naive one in
# turn, and prints their rates side by side. Settings, by environment:
#   ROWS   rows of input, 500000; the digests of 500000 are checked against what is known
#   TIMES  rounds, 3; medians are printed
#   JOBS   "A B C rest"; rest is A into a service, against a program
#          that posts the same bodies one after the other; downloads is one
#          big file from real FTP and SFTP servers, beside lftp, curl and sftp;
#          keys is B with KEYS keys, beside the hand-written program alone
#   KEYS   distinct keys of that job, 20000000 (4.2 GB of input, 6 GB of output)
#   DOWNLOAD  rows of that file, 2800000 (500 MB)
#   WEIR   program to measure, bin/weir
#   BENCH  sources of the generator and of the programs to compare with, ../shared/bench
#   WORK   folder for input, state and built programs; kept, so that input is made once
#   OUT    folder for output, /dev/shm where there is one, so that the disk does not count
#   PEERS  1: also DuckDB and Polars, by npm
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
: "${ROWS:=500000}" "${TIMES:=3}" "${JOBS:=A B C rest}" "${WEIR:=$top/bin/weir}" "${PEERS:=}"
: "${DOWNLOAD:=2800000}" "${KEYS:=20000000}" "${BENCH:=$top/../shared/bench}" "${WORK:=${TMPDIR:-/tmp}/weir-bench}"
if [ -z "${OUT:-}" ]; then OUT=$WORK; [ -w /dev/shm ] && OUT=/dev/shm; fi

if [ ! -d "$BENCH/gen" ]; then
	echo "LEFT OUT: the benchmark needs the generator and the programs to compare with; there is no $BENCH/gen (set BENCH)"
	exit 0
fi
mkdir -p "$WORK/bin"
(cd "$BENCH" && for p in gen handwritten naive verify; do go build -o "$WORK/bin/$p" "./$p"; done)
(cd "$top" && go build -o "$WORK/bin/run" ./testdata/bench/run)
for kind in customers receipts; do
	file=$WORK/$kind-$ROWS.csv
	[ -s "$file" ] || { "$WORK/bin/gen" "$kind" "$ROWS" >"$file.part" && mv "$file.part" "$file"; }
done
case " $JOBS " in *" downloads "*)
	file=$WORK/customers-$DOWNLOAD.csv
	[ -s "$file" ] || { "$WORK/bin/gen" customers "$DOWNLOAD" >"$file.part" && mv "$file.part" "$file"; }
	: "${WEIR_SERVERS:=$top/.servers}"
	export WEIR_SERVERS
	[ -d "$WEIR_SERVERS" ] || "$top/testdata/servers/get" || echo "LEFT OUT: some servers could not be had"
	;;
esac
keyrows=$((KEYS * 118 / 100)) # some customers come several times
case " $JOBS " in *" keys "*)
	file=$WORK/customers-$keyrows.csv
	[ -s "$file" ] || { "$WORK/bin/gen" customers "$keyrows" >"$file.part" && mv "$file.part" "$file"; }
	;;
esac
# install NAME...: packages for the peers, kept from run to run.
install() { npm install --silent --no-fund --no-audit --prefix "$WORK/peers" "$@" >"$WORK/peers.log" 2>&1; }
loads() { (cd "$WORK/peers" && node -e 'require(process.argv[1])' "$1") >>"$WORK/peers.log" 2>&1; }
# peer JOB PACKAGE [PACKAGE...]: has JOB.js run if PACKAGE can be had; the others
# are what npm leaves out where it installs no optional packages.
peer() {
	local job=$1 package=$2
	mkdir -p "$WORK/peers"
	rm -f "$WORK/peers/$job.js"
	if command -v npm >/dev/null && { loads "$package" || install "$package" && loads "$package" || install "${@:2}" && loads "$package"; }; then
		cp "$BENCH/peers/$job.js" "$WORK/peers/"
	else
		echo "LEFT OUT: $job could not be had by npm ($WORK/peers.log)"
	fi
}
if [ -n "$PEERS" ]; then
	peer duckdb @duckdb/node-api
	peer polars nodejs-polars "nodejs-polars-linux-$(node -p process.arch)-gnu"
fi
exec "$WORK/bin/run" -weir "$WEIR" -jobs "$JOBS" -rows "$ROWS" -times "$TIMES" -download "$DOWNLOAD" -keyrows "$keyrows" -pipelines "$here" -work "$WORK" -out "$OUT" -peers "${PEERS:+$WORK/peers}"
