# shellcheck shell=sh
# What the smaller measurements share: a folder of its own, the tools that are compiled, the events
# of a run. `here` is set by whoever reads this.
#
#   PAWL          the binary (default: build/pawl)
#   BENCH_DIR     where to work (default: build/bench)

LC_ALL=C
export LC_ALL
pawl=$(realpath "${PAWL:-$here/../../build/pawl}")

die() {
    printf '%s\n' "bench: $*" >&2
    exit 1
}

# Makes the folder NAME anew and goes there.
enter() {
    [ -x "$pawl" ] || die "'$pawl' is not there"
    work=${BENCH_DIR:-$here/../../build/bench}/$1
    rm -rf "$work"
    mkdir -p "$work"
    cd "$work" || exit 1
    work=$PWD
    "${CC:-cc}" -O2 -D_GNU_SOURCE -o "$work/measure" "$here/measure.c"
    "${CC:-cc}" -O2 -D_GNU_SOURCE -o "$work/compute" "$here/compute.c"
}

now_ms() {
    date +%s%3N
}

# `TIME_MS LIMIT_BEFORE LIMIT REASON` for each change of the limit so far.
limit_changes() {
    cat .pawl/runs/*/events.jsonl 2>/dev/null |
        sed -n 's/.*"time":"\([^"]*\)","type":"limit\.changed".*"reason":"\([^"]*\)".*/\1|\2|&/p' |
        while IFS='|' read -r time reason line; do
            printf '%s %s %s %s\n' "$(date -d "$time" +%s%3N)" \
                "$(printf '%s' "$line" | sed 's/.*"limit_before":\([0-9]*\).*/\1/')" \
                "$(printf '%s' "$line" | sed 's/.*"limit":\([0-9]*\).*/\1/')" "$reason"
        done
}

# `CONDITION SECONDS`: waits until an awk condition on ($1 time, $2 before, $3 limit) holds for a
# change of the limit, and prints that one.
wait_for_change() {
    tries=$(($2 * 10))
    while [ "$tries" -gt 0 ]; do
        found=$(limit_changes | awk "$1"' { print; exit }')
        if [ -n "$found" ]; then
            printf '%s\n' "$found"
            return 0
        fi
        tries=$((tries - 1))
        sleep 0.1
    done
    return 1
}
