#!/bin/sh
# Streams: a million items of a hundred bytes by workers that answer with what they read; the same list
# without its first line, so that every item is known and all of it is written again; and commands for
# an item each, two at once, beside xargs -P2 with the same command.
#
#   BENCH_ITEMS   items for workers (default: 1000000)
#   BENCH_SPAWN   items with a process each (default: 5000)
#   BENCH_RUNS    rounds (default: 3)
#   and the settings of common.sh
#
# Memory is that of the largest process: the one that works the stream.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
items=${BENCH_ITEMS:-1000000}
spawned=${BENCH_SPAWN:-5000}

# `stream LIST COMMAND…`: a manifest of one stream; further keys come from the standard input.
stream() {
    cat >pawl.toml <<EOF
[pipeline]
name = "streams"

[stage.stream]
each = { lines = "$1" }
run = $2
stdout = "out"
workers = 2
$(cat)
EOF
}

one_round() {
    rm -rf .pawl out
    echo 'mode = "worker"' | stream list '["./answer"]'
    measured "worker,pawl" "$pawl" run -q
    echo 'mode = "worker"' | stream shorter '["./answer"]'
    measured "known,pawl" "$pawl" run -q
    stream few '["echo", "x"]' </dev/null
    rm -rf .pawl out
    measured "spawn,pawl" "$pawl" run -q
    measured "spawn,xargs" xargs -a few -P 2 -n 1 echo
}

enter streams
cat >answer.c <<'EOF'
#include <unistd.h>

int main(void)
{
    static char bytes[1 << 16];
    ssize_t got;

    while ((got = read(0, bytes, sizeof(bytes))) > 0 && write(1, bytes, (size_t)got) == got) {
    }
    return 0;
}
EOF
compile_static answer answer.c
awk -v items="$items" 'BEGIN { for (i = 0; i < items; i++) printf "%099d\n", i }' >list
tail -n +2 list >shorter
seq "$spawned" >few
for round in $(seq "${BENCH_RUNS:-3}"); do
    say "streams, round $round"
    one_round
done
report '
    { note($1 SUBSEP $2) }
    END {
        rate = items / median(wall_ms, "worker" SUBSEP "pawl") * 1e3
        known = median(wall_ms, "known" SUBSEP "pawl") / 1e3
        memory = median(mib, "worker" SUBSEP "pawl")
        share = ratio(median(wall_ms, "spawn" SUBSEP "pawl"), median(wall_ms, "spawn" SUBSEP "xargs"))
        printf "workers: %.0f items a second, %.1f MiB; %d known items written again in %.2f s; a process for" \
            " each: %.0f a second, %.2f of the time of xargs\n", rate, memory, items, known,
            spawned / median(wall_ms, "spawn" SUBSEP "pawl") * 1e3, share
        bar("streams: items a second by workers", "least", 100000, rate)
        bar("streams: MiB for all items", "most", 64, memory)
        bar("streams: seconds with every item known", "most", 5, known)
        bar("streams: a process for each, time as a share of that of xargs", "most", 1.2, share)
    }' items="$items" spawned="$spawned"
