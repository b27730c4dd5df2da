#!/bin/sh
# Fuzzes the parser: run.sh BUILD SECONDS. Uses clang's libFuzzer if it is there, else the
# driver in parse.c; either way under AddressSanitizer and UBSan.
set -eu
cd "$(dirname "$0")/../.."
build=$1 seconds=$2
# No Go in here: leaks count, too.
export ASAN_OPTIONS=detect_leaks=1
mkdir -p "$build/corpus"
common="-g -O1 -std=c11 -D_GNU_SOURCE -DWAZERO_VERSION=\"fuzz\" -Iinclude -Ilib"
sources="tests/fuzz/parse.c $(find lib -name '*.c' -o -name '*.S')"
if clang -fsanitize=fuzzer,address,undefined $common $sources -lpthread -ldl -lm \
    -o "$build/parse" 2>/dev/null; then
    cp -n tests/wasm/*.wasm "$build/corpus/"
    "$build/parse" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
        "$build/corpus"
else
    ${CC:-cc} -DFUZZ_MAIN -fsanitize=address,undefined -fno-sanitize-recover=all $common \
        $sources -lpthread -ldl -lm -o "$build/parse"
    "$build/parse" "$seconds" tests/wasm/*.wasm
fi
