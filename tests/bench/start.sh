#!/bin/sh
# Measures how fast commands are started: 5,000 of a tiny static program that does nothing, two at
# once, by pawl and by a bare loop of vfork, exec and wait (spawn_loop.c), in turn; prints how much
# of the loop's rate pawl reaches, by the medians. The stages have neither inputs nor outputs, so
# nothing is left but starting, and the record of it.
#
#   PAWL        the binary (default: build/pawl)
#   BENCH_RUNS  rounds (default: 7)
#   BENCH_START commands (default: 5000)
#   BENCH_CC    what compiles a static program (default: musl-gcc, else cc)
#   BENCH_DIR   where to work (default: build/bench)
set -eu

LC_ALL=C
export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
dir=${BENCH_DIR:-$here/../../build/bench}/start
pawl=${PAWL:-$here/../../build/pawl}
runs=${BENCH_RUNS:-7}
count=${BENCH_START:-5000}

build() {
    cc=${BENCH_CC:-$(command -v musl-gcc || echo cc)}
    printf 'int main(void)\n{\n    return 0;\n}\n' >nothing.c
    "$cc" -O2 -static -o nothing nothing.c
    "$cc" -O2 -static -o spawn_loop "$here/spawn_loop.c"
    "$cc" -O2 -o measure "$here/measure.c"
}

write_manifest() {
    cat >pawl.toml <<END
[pipeline]
name = "start"

[stage.start]
matrix = { number = { from = 1, to = $count } }
run = "$dir/nothing"
END
}

# The figures of a command (see measure.c), behind its name.
round() {
    name=$1
    shift
    ./measure figures "$@" >log 2>&1 || {
        cat log >&2
        exit 1
    }
    printf '%s %s\n' "$name" "$(cat figures)" >>rounds
}

median() {
    sed -n "s/^$1 //p" rounds | cut -d , -f "$2" | sort -g |
        awk '{ v[NR] = $1 } END { print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
pawl=$(cd "$(dirname "$pawl")" && pwd)/$(basename "$pawl")
cd "$dir"
build
write_manifest
: >rounds
for _ in $(seq "$runs"); do
    rm -rf .pawl
    round loop ./spawn_loop "$count" 2 "$dir/nothing"
    round pawl "$pawl" run -j 2 -q
done
awk -v loop="$(median loop 1)" -v pawl="$(median pawl 1)" -v count="$count" 'BEGIN {
    printf "start: %d commands, two at once: loop %.0f/s, pawl %.0f/s: %.2f of the loop'"'"'s rate\n",
        count, count / loop * 1e9, count / pawl * 1e9, loop / pawl }'
