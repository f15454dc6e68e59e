#!/bin/sh
# Uses one workspace for a long time and looks whether anything grows: MINUTES of rounds (default 10)
# of what happens to a pipeline in a year: runs that are good, fail, are cancelled, killed with or
# without their commands, repeated, undone; outputs lost and edited. It ends with status 1 at the
# first thing that is wrong, and says the round and the seed (SEED=n repeats it).
#
# After each round: nothing that pawl started is left, .pawl/tmp and .pawl/parked are empty once the
# next run has ended, the outputs are those of a run that was never disturbed. Sometimes what is not
# needed is removed (gc), sometimes a result is forgotten (evict), and all that is stored is read
# (verify). In a long run, looked at while it goes on: descriptors, zombies, memory. Over all rounds:
# the memory of a run and of a no-op, and what index.log, results, made and objects take, in the last
# quarter against the first.
#
#   tests/soak/soak.sh BINARY [FOLDER]      FOLDER: where to work (default: a new one in TMPDIR)
set -eu

pawl=$(realpath "$1")
folder=${2:-$(mktemp -d "${TMPDIR:-/tmp}/pawl-soak-XXXXXX")}
minutes=${MINUTES:-10}
seed=${SEED:-$(date +%s)}
state=$((seed % 2147483648))
unset PAWL_RUN_DIR PAWL_RUN_ID
round=0

wrong() {
	printf 'soak: round %s, seed %s: %s\n' "$round" "$seed" "$*" >&2
	exit 1
}

# A number below $1, in `random`.
draw() {
	state=$(((state * 1103515245 + 12345) % 2147483648))
	random=$((state / 65536 % $1))
}

# Runs a command; its peak of memory in KiB, or that of the largest command in it, goes to the file.
measured() { # $1 file, rest: the command
	measured_to=$1
	measured_status=0
	shift
	rm -f ../measured
	../measure ../measured "$@" || measured_status=$?
	cut -d, -f4 ../measured >"$measured_to"
	return "$measured_status"
}

manifest() { # $1: a number that is in every command
	cat >pawl.toml <<-END
		[pipeline]
		name = "soak"
		[stage.make]
		matrix = { n = { from = 1, to = 20 } }
		inputs = ["src/{{n}}"]
		run = "cat src/{{n}} > make/{{n}}; echo $1 >> make/{{n}}; echo said"
		outputs = ["make/{{n}}"]
		[stage.folder]
		matrix = { n = { from = 1, to = 5 } }
		inputs = ["make/{{n}}"]
		run = "mkdir -p folder/{{n}}/sub; cp make/{{n}} folder/{{n}}/sub/x; ln -s sub/x folder/{{n}}/l"
		outputs = ["folder/{{n}}/"]
		[stage.slow]
		inputs = ["folder/1/"]
		run = "for i in 1 2 3 4 5 6 7 8; do echo \$i; sleep 0.01; done > slow"
		outputs = ["slow"]
		[stage.all]
		inputs = ["make/*", "folder/2/", "slow"]
		run = "echo partial > all; [ ! -e ../fail ]; cat make/* slow > all"
		outputs = ["all"]
	END
}

expected() { # $1: the number
	for n in $(seq 20 | LC_ALL=C sort); do
		cat "src/$n"
		echo "$1"
	done
	seq 8
}


# Somebody of a run of this workspace lives on.
none_alive() {
	for pid in $(grep -lsa "PAWL_RUN_DIR=$PWD/.pawl/runs/" /proc/[0-9]*/environ 2>/dev/null || true); do
		wrong "a command lives on: $pid"
	done
}

disturb() {
	draw 20
	n=$((random + 1))
	draw 4
	content=$random
	draw 8
	case $random in
	0) rm -f "make/$n" ;;
	1) rm -rf folder/3 ;;
	2) echo edited >>"make/$n" ;;
	3) rm -f all slow ;;
	4) echo "$content" >src/1 ;; # of few: what is known of each key stays on record
	5) "$pawl" clean make >../said 2>&1 || wrong "clean: status $?" ;;
	*) ;;
	esac
}

# After gc what was up to date still is; after evict the next run makes that again.
collect() {
	draw 4
	[ "$random" -eq 0 ] || return 0
	draw 5
	case $random in
	0) evicted='make' ;;
	1) evicted='folder@n=2' ;;
	*) evicted='' ;;
	esac
	if [ -n "$evicted" ]; then
		"$pawl" evict "$evicted" >../said 2>&1 || wrong "evict: status $?: $(cat ../said)"
		return 0
	fi
	"$pawl" gc --keep-runs 3 >../said 2>&1 || wrong "gc: status $?: $(cat ../said)"
	"$pawl" plan --check >../said 2>&1 || wrong "not up to date after gc: $(cat ../said)"
	"$pawl" verify >../said 2>&1 || wrong "verify: status $?: $(cat ../said)"
	grep -q ': no damage$' ../said || wrong "verify: $(cat ../said)"
}

# A run that does not come to its end, in one of the ways there are.
spoiled_run() {
	status=0
	draw 4
	case $random in
	0)
		: >../fail
		"$pawl" run -q -k >../said 2>&1 || status=$?
		rm ../fail
		[ "$status" -eq 0 ] || [ "$status" -eq 1 ] || wrong "a failing run: status $status"
		return
		;;
	1) set -- INT ;;
	2) set -- KILL ;;
	3) set -- TERM ;;
	esac
	perl -e '$SIG{$_} = "DEFAULT" for "INT", "TERM"; exec @ARGV' "$pawl" run -q -j2 >../said 2>&1 &
	pid=$!
	draw 200
	perl -e 'select undef, undef, undef, $ARGV[0] / 1000' "$random"
	kill -s "$1" "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

check_round() { # $1: the number
	status=0
	measured ../peak "$pawl" run -q -j2 >../said 2>&1 || status=$?
	[ "$status" -eq 0 ] || wrong "a good run ends with status $status: $(cat ../said)"
	expected "$1" | cmp -s - all || wrong "'all' is not what it must be"
	[ -z "$(find .pawl/tmp .pawl/parked -mindepth 1 2>/dev/null)" ] ||
		wrong "left over: $(find .pawl/tmp .pawl/parked -mindepth 1)"
	none_alive
	measured ../peak-noop "$pawl" run -q >../said 2>&1 || wrong "a no-op: status $?"
	[ ! -s ../said ] || wrong "a no-op says: $(cat ../said)"
	collect
	printf '%s %s %s %s %s %s\n' "$(cat ../peak)" "$(cat ../peak-noop)" "$(stat -c %s .pawl/index.log 2>/dev/null || echo 0)" \
		"$(stat -c %s .pawl/results)" "$(stat -c %s .pawl/made)" "$(find .pawl/objects -type f | wc -l)" >>../figures
}

# One run of many commands, half of which fail, looked at while it goes on.
long_run() {
	mkdir long
	cd long
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "long"
		[stage.some]
		matrix = { n = { from = 1, to = 3000 } }
		run = "[ $(({{n}} % 2)) -eq 0 ] && echo {{n}} > out/{{n}}"
		outputs = ["out/{{n}}"]
	END
	mkdir out
	"$pawl" run -q -k -j4 >../said 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null && [ -d "/proc/$pid/fd" ]; do
		# shellcheck disable=SC2012 # numbers alone
		descriptors=$(ls "/proc/$pid/fd" 2>/dev/null | wc -l) || break
		zombies=$(awk -v parent="$pid" '{ sub(/^.*\) /, ""); if ($2 == parent && $1 == "Z") n++ } END { print n + 0 }' /proc/[0-9]*/stat 2>/dev/null || echo 0)
		kib=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status" 2>/dev/null || echo 0)
		printf '%s %s %s\n' "$descriptors" "$zombies" "${kib:-0}"
		perl -e 'select undef, undef, undef, 0.05'
	done >../long-figures
	! wait "$pid" || wrong "a run with failing stages ends with status 0"
	# At most a few commands' worth more than at the start; 2 KiB of state a command.
	awk '$1 > 0 { if (first == 0) { first = $1; kib = $3 } if ($1 > most) most = $1; if ($2 > dead) dead = $2; last = $3 }
		END { if (most > first + 24) { print "descriptors: " first " at first, " most " at most"; exit 1 }
			if (dead > 8) { print "zombies: " dead; exit 1 }
			if (last > kib + 6000 + 4096) { print "memory: " kib " KiB at first, " last " at last"; exit 1 } }' ../long-figures >../said ||
		wrong "in a long run: $(cat ../said)"
	cd ..
	rm -rf long
}

# The last quarter against the first, each figure by its median.
compare() {
	awk '{ for (i = 1; i <= 6; i++) value[i, NR] = $i }
		function median(column, from, to, list, n, i, j, t) {
			n = 0
			for (i = from; i <= to; i++) list[++n] = value[column, i]
			for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (list[j] < list[i]) { t = list[i]; list[i] = list[j]; list[j] = t }
			return list[int((n + 1) / 2)]
		}
		END {
			split("KiB of a run,KiB of a no-op,bytes of index.log,bytes of results,bytes of made,objects", name, ",")
			split("1.15 1.15 0 3 3 1.5", most, " ")
			quarter = int(NR / 4)
			for (i = 1; i <= 6; i++) {
				then = median(i, 1, quarter); now = median(i, NR - quarter + 1, NR)
				printf "%-20s %10d at first %10d at last\n", name[i], then, now
				if (i == 3 && now > 1100000 || most[i] > 0 && then > 0 && now > then * most[i] + (i == 6 ? 50 : i > 3 ? 65536 : 0)) { print "it grows"; bad = 1 }
			}
			exit bad
		}' figures || wrong "something grows over $round rounds"
}

mkdir -p "$folder/w"
"${CC:-cc}" -O2 -D_GNU_SOURCE -o "$folder/measure" "$(dirname "$0")/../bench/measure.c"
cd "$folder/w"
mkdir -p src make
for n in $(seq 20); do
	echo "$n" >"src/$n"
done
: >../figures
end=$(($(date +%s) + minutes * 60))
while [ "$(date +%s)" -lt "$end" ] || [ "$round" -lt 40 ]; do
	round=$((round + 1))
	draw 3
	number=$random
	manifest "$number"
	disturb
	spoiled_run
	disturb
	check_round "$number"
	if [ $((round % 100)) -eq 1 ]; then
		cd ..
		long_run
		cd w
	fi
done
cd ..
compare
printf 'soak: %s rounds, nothing grows\n' "$round"
rm -rf "$folder"
