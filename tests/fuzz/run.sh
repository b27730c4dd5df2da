#!/bin/sh
# Fuzzes the parser, then WASI, for half of the time each: run.sh BUILD SECONDS. Uses
# clang's libFuzzer if it is there, else the drivers in the files; either way under
# AddressSanitizer and UBSan.
set -eu
cd "$(dirname "$0")/../.."
build=$1 seconds=$(($2 / 2 + 1))
# No Go in here: leaks count, too.
export ASAN_OPTIONS=detect_leaks=1
common="-g -O1 -std=c11 -D_GNU_SOURCE -DWAZERO_VERSION=\"fuzz\" -Iinclude -Ilib"
lib="$(find lib -name '*.c' -o -name '*.S')"
libraries="-lpthread -ldl -lm"

# fuzz NAME FILE...: the files are what it begins with.
fuzz() {
    name=$1
    shift
    mkdir -p "$build/corpus/$name"
    if clang -fsanitize=fuzzer,address,undefined $common "tests/fuzz/$name.c" $lib \
        $libraries -o "$build/$name" 2>/dev/null; then
        [ $# -eq 0 ] || cp -n "$@" "$build/corpus/$name/"
        "$build/$name" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
            "$build/corpus/$name"
    else
        ${CC:-cc} -DFUZZ_MAIN -fsanitize=address,undefined -fno-sanitize-recover=all \
            $common "tests/fuzz/$name.c" $lib $libraries -o "$build/$name"
        "$build/$name" "$seconds" "$@"
    fi
}

fuzz parse tests/wasm/*.wasm
fuzz wasi
