#!/bin/sh
# A hog beside pawl: while stages sleep and compute, as many loops as there are processors start and
# later end. The limit must go down within two seconds of the start and up again after the end. Both
# are read from the events of the run.
#
#   the settings of common.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/bench/common.sh
. "$here/common.sh"
hogs=
run=

stop_all() {
    # shellcheck disable=SC2086 # numbers of processes
    [ -z "$hogs" ] || kill $hogs 2>/dev/null || true
    hogs=
    [ -z "$run" ] || kill "$run" 2>/dev/null || true
}
trap stop_all EXIT
trap 'exit 143' INT TERM HUP

enter hog
compile compute
printf '[pipeline]\nname = "hog"\n' >pawl.toml
for i in $(seq 200); do
    printf '[stage.s%s]\nrun = "sleep 1"\n[stage.c%s]\nrun = "%s 500"\n' "$i" "$i" "$work/compute" \
        >>pawl.toml
done
"$pawl" run -q >log 2>&1 </dev/null &
run=$!
cpus=$(nproc)
wait_for_change "\$3 > $cpus" 20 >/dev/null || {
    echo 'others on this machine leave no room for more slots than processors: not measured'
    bar 'hog: seconds until the limit goes down' most 2
    exit 0
}
sleep 3
start=$(now_ms)
for i in $(seq "$cpus"); do
    sh -c 'while :; do :; done' &
    hogs="$hogs $!"
done
if change=$(wait_for_change "\$1 >= $start && \$3 < \$2" 10); then
    lowered=$((${change%% *} - start))
    printf 'lowered after %s ms: %s\n' "$lowered" "${change#* }"
else
    die 'a hog did not lower the limit'
fi
sleep 5
end=$(now_ms)
# shellcheck disable=SC2086 # numbers of processes
kill $hogs
hogs=
if change=$(wait_for_change "\$1 >= $end && \$3 > \$2" 20); then
    printf 'raised %s ms after its end: %s\n' $((${change%% *} - end)) "${change#* }"
else
    die 'its end did not raise the limit'
fi
limit_changes | awk -v start="$start" '{
    printf "  %+7.2f s  %2d ->%3d ", ($1 - start) / 1000, $2, $3
    $1 = $2 = $3 = ""
    print
}'
bar 'hog: seconds until the limit goes down' most 2 "$((lowered / 1000)).$(printf %03d $((lowered % 1000)))"
