#!/bin/sh
# Twenty stages of one gibibyte each under a limit of four: never over it, never stuck. First
# nothing is known of them, then their peaks are known from the run before. Needs a control group
# that may be made; where that is not allowed it says so and ends.
#
#   the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
limit=$((4 * 1024 * 1024 * 1024))
group=
run=

leave() {
    # It ends its commands and then itself.
    [ -z "$run" ] || { kill "$run" && wait "$run"; } 2>/dev/null || true
    [ -z "$group" ] || rmdir "$group" 2>/dev/null || true
}
trap leave EXIT
trap 'exit 143' INT TERM HUP

# Makes a group below ours; sets the names of its files.
make_group() {
    version_1=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
    version_2=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
    if [ -e "$version_1/memory.limit_in_bytes" ]; then
        group=$version_1/pawl-bench-$$ limit_file=memory.limit_in_bytes
        peak_file=memory.max_usage_in_bytes
    else
        group=$version_2/pawl-bench-$$ limit_file=memory.max peak_file=memory.peak
    fi
    mkdir "$group" 2>/dev/null && echo "$limit" 2>/dev/null >"$group/$limit_file" &&
        [ -r "$group/$peak_file" ]
}

run_once() {
    if [ -e "$group/memory.failcnt" ]; then
        echo 0 >"$group/memory.failcnt"
        echo 0 >"$group/$peak_file"
    fi
    start=$(now_ms)
    # shellcheck disable=SC2016 # for the shell in the group
    sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" "$pawl" run -q --force \
        >log 2>&1 </dev/null &
    run=$!
    wait $run || {
        cat log >&2
        die 'a stage failed'
    }
    run=
    end=$(now_ms)
    peak=$(cat "$group/$peak_file")
    most=$("$pawl" events latest |
        sed -n 's/.*"type":"attempt\.started".*"running":\([0-9]*\).*/\1/p' | sort -n | tail -n 1)
    printf '20 x 1 GiB, %s: %s ms, %s at once, peak %s MiB of 4096\n' "$1" $((end - start)) \
        "$most" $((peak / 1048576))
    bar "memory: 20 x 1 GiB, $1, peak of the 4 GiB" most 1 \
        "$(awk -v peak="$peak" -v limit="$limit" 'BEGIN { print peak / limit }')"
}

enter memory
compile compute
make_group || {
    group=
    echo 'no control group can be made here; tests/unit/run/adapt.c does it with figures'
    for knowledge in 'nothing known' 'peaks known'; do
        bar "memory: 20 x 1 GiB, $knowledge, peak of the 4 GiB" most 1
    done
    exit 0
}
printf '[pipeline]\nname = "memory"\n[stage.hold]\nmatrix = { n = { from = 1, to = 20 } }\n' >pawl.toml
printf 'run = "%s 0 1024 # {{n}}"\n' "$work/compute" >>pawl.toml
run_once 'nothing known'
run_once 'peaks known'
