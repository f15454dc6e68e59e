#!/usr/bin/env bats
# tools/check-layers and tools/check-text: find what is planted in a small tree.

setup() {
    tools=$PWD/tools
    cd "$BATS_TEST_TMPDIR"
    mkdir -p src/base src/model src/os src/store src/cmd
    printf '#include <stdio.h>\n#include "base/err.h"\n' >src/model/toml.c
}

# `plant FILE TEXT`
plant() {
    printf '%s\n' "$2" >>"$1"
}

@test "layers: a good tree is good" {
    plant src/store/cas.c '#include "os/file.h"'
    plant src/main.c '#include "cmd/table.h"'
    plant src/base/sha256.c '#include <mbedtls/sha256.h>'
    run "$tools/check-layers"
    [ "$output" = "" ]
    [ "$status" -eq 0 ]
}

@test "layers: an include upwards or sideways is found, with its place" {
    plant src/model/plan.c '#include "base/err.h"'
    plant src/model/plan.c '#  include "os/loop.h"'
    plant src/os/loop.c '#include "store/cas.h"'
    run "$tools/check-layers"
    [ "$status" -ne 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[0]}" = "src/model/plan.c:2: model may not include os ('os/loop.h')" ]
    [ "${lines[1]}" = "src/os/loop.c:1: os may not include store ('store/cas.h')" ]
}

@test "layers: an include not written from src/ is found" {
    plant src/model/plan.c '#include "toml.h"'
    plant src/model/plan.c '#include "../base/err.h"'
    plant src/model/plan.c '#include "base/../os/loop.h"'
    run "$tools/check-layers"
    [ "${#lines[@]}" -eq 3 ]
}

@test "layers: a library outside its one file is found" {
    plant src/base/hex.c '#include <mbedtls/sha256.h>'
    plant src/model/json.c '#include "yyjson.h"'
    run "$tools/check-layers"
    [ "${#lines[@]}" -eq 2 ]
}

@test "text: a good tree is good, whatever comments and strings say" {
    plant src/main.c 'int main(void) { exit(0); }'
    plant src/base/sys.c 'int sys_open(void) { return open("x", 0); }'
    plant src/os/child.c 'void child(void) { write(2, "x", 1); _exit(127); }'
    plant src/store/cas.c '/* then open( it,'
    plant src/store/cas.c '   and close( it */ const char *s = "rename(\" unlink(";'
    plant src/store/cas.c 'void f(void) { sys_open(); disk->open(); disk.read(); } // close('
    run "$tools/check-text"
    [ "$output" = "" ]
    [ "$status" -eq 0 ]
}

@test "text: a raw call is found, with its place" {
    plant src/store/cas.c '/* a'
    plant src/store/cas.c '*/ int f(void) { return open("x", 0); }'
    run "$tools/check-text"
    [ "$status" -ne 0 ]
    [[ "$output" == "src/store/cas.c:2: open(): "* ]]
}

@test "text: exit outside main.c and _exit outside the child are found" {
    plant src/cmd/run.c 'void f(void) { exit(1); }'
    plant src/cmd/run.c 'void g(void) { _exit (1); }'
    run "$tools/check-text"
    [ "${#lines[@]}" -eq 2 ]
}

@test "text: forbidden words are found in any file, also with spaces in its name" {
    plant 'a note.md' "$(printf 'TO%s' 'DO: later')"
    plant src/base/a.h "$(printf '// see crates.%s' io)"
    run "$tools/check-text"
    [ "$status" -ne 0 ]
    [ "${#lines[@]}" -eq 2 ]
    [[ "$output" == *"a note.md:1: "* ]]
}
