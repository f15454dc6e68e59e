#!/usr/bin/env bats
# manifests/ensemble: its figures, each step seen to fail, and that nothing stays allocated, whatever
# the way a run ends: by itself, by a gate, by `pawl cancel`, by a kill and what comes after it.

load run.bash
load root.bash
load example.bash

setup() {
	copy_example ensemble
}

teardown() {
	touch ../go
	[ ! -e ../pid ] || end_left "$(cat ../pid)"
}

# Names in allocated/, in one line.
allocated() {
	[ ! -d allocated ] || (cd allocated && find . -mindepth 1 | sed 's/^..//' | LC_ALL=C sort | paste -sd ' ' -)
}

nothing_allocated() {
	if [ -n "$(allocated)" ]; then
		echo "allocated: $(allocated)"
		return 1
	fi
}

# Since the process of the run has no parent here, its end is looked for.
killed() {
	kill -9 "$(cat ../pid)"
	wait_until not kill -0 "$(cat ../pid)" 2>/dev/null
}

# The database without attempts and traces, which differ from run to run.
rows() {
	cut -d , -f 3- db/results.csv
}

# A run that nothing disturbs, in ../calm.
calm() {
	cp -R "$source_root/manifests/ensemble" ../calm
	"$PAWL" -C ../calm run -q "$@"
}

as_calm() {
	diff <(cd ../calm && rows) <(rows)
	diff -r --exclude held ../calm/out out
}

metric() { # $1 stage, $2 metric: as the report has it
	"$PAWL" report --format json | perl -MJSON::PP -0777 -ne '
		my ($row) = grep { $_->{instance} eq "'"$1"'" } @{decode_json($_)->{report}{rows}};
		print $row->{metrics}{"'"$2"'"}, "\n"'
}

@test "ensemble: a good run has these accuracies, stores what was said, and gives all back" {
	ends 0
	[ "$(metric centroid accuracy)" = 0.970588 ]
	[ "$(metric neighbours accuracy)" = 0.980392 ]
	[ "$(metric tree accuracy)" = 0.960784 ]
	[ "$(metric ensemble accuracy)" = 0.990196 ]
	[ "$(metric ensemble tested)" = 102 ]
	# The rows of the database say the same.
	[ "$(awk -F , 'NR > 1 && $5 == $6 { n++ } END { print n "/" NR - 1 }' db/results.csv)" = 101/102 ]
	[ "$(awk -F , 'NR > 1 && $5 == $10 { n++ } END { print n }' db/results.csv)" = 98 ]
	nothing_allocated
	ends 0
	says "everything is up to date"
	"$PAWL" plan --check
	[ "$(wc -l <db/results.csv)" -eq 103 ]
}

@test "ensemble: what is allocated is there while the models compute" {
	mkdir ../bin
	cat >../bin/awk <<-END
		#!/bin/sh
		[ "\$PAWL_STAGE" != tree ] || ls '$work/allocated' >'$BATS_TEST_TMPDIR/seen'
		exec $(command -v awk) "\$@"
	END
	chmod +x ../bin/awk
	PATH=$BATS_TEST_TMPDIR/bin:$PATH ends 0
	[ "$(paste -sd ' ' ../seen)" = "cache-1 session-1 workers-1 workers-2 workers-3" ]
	nothing_allocated
}

@test "ensemble: rows that lack a value are counted and left out" {
	ends 0
	run cat out/table.json
	[ "$output" = '{ "rows": 344, "missing": 2, "used": 342, "held_out": 102 }' ]
	[ "$(wc -l <out/table.csv)" -eq 343 ]
	"$PAWL" report | grep -F "2 of 344 rows lack a value and are left out"
	# With many of them the table is not sound.
	awk '/Body Mass/ && ++n <= 30 { sub(/: .*/, ": null,") } { print }' data/penguins.json >../holes
	cp ../holes data/penguins.json
	ends 5
	says "validation few rows lack a value"
	says "missing = 31, rows = 344"
	says "compensation completed: 3 of 3"
	nothing_allocated
	# A word where a number belongs is no missing value.
	sed -i 's/"Body Mass (g)": null/"Body Mass (g)": "heavy"/' data/penguins.json
	ends 1
	says "'heavy' is no measurement"
	nothing_allocated
}

@test "ensemble: by average it is another result, beside the first in the database" {
	ends 0
	ends 0 -p combine=average
	[ "$(metric ensemble accuracy)" = 0.980392 ]
	[ "$(metric tree accuracy)" = 0.960784 ]
	[ "$(cut -d , -f 3 db/results.csv | sort | uniq -c | paste -sd ' ' - | tr -s ' ')" = " 102 average 1 combine 102 vote" ]
	nothing_allocated
	ends 3 -p combine=maximum
}

# The status of a run in which a stage is made to fail, and which effects it undoes, newest first.
fails() { # $1 stage, the others: effects
	local stage=$1 effects
	shift
	ends 1 -p fail="$stage"
	says "failed    $stage: exit 1"
	says "told to fail by the parameter 'fail'"
	says "compensation completed: $# of $#"
	effects=$(sed -n 's/^undone *//p' <<<"$output" | paste -sd ' ' -)
	[ "$effects" = "$*" ]
	nothing_allocated
}

@test "ensemble: each allocation fails, and nothing is left" {
	fails workers workers
	fails cache cache workers
	fails session session cache workers
	[ ! -e db ] && [ ! -e out/table.csv ]
}

@test "ensemble: the table, each model, and what combines them fail, and nothing is left" {
	local stage
	for stage in table centroid neighbours tree ensemble; do
		fails "$stage" session cache workers
		[ ! -e db ]
	done
	ends 0
	calm
	as_calm
}

@test "ensemble: storing and giving back fail, and the rows are removed, too" {
	fails store store session cache workers
	[ ! -e db/results.csv ]
	fails release store session cache workers
	[ ! -e db/results.csv ]
	ends 0
	cp db/results.csv ../first
	# Those of the good run before stay.
	fails store store session cache workers
	fails release store session cache workers
	cmp ../first db/results.csv
	ends 0
	says "10 of 10 up to date"
	diff <(rows | sort -u) <(cut -d , -f 3- ../first | sort -u)
}

@test "ensemble: all stages can be made to fail" {
	diff <(sed -n 's/^\[stage\.\([a-z]*\)\]$/\1/p' pawl.toml) \
		<(sed -n '/^\[params.fail\]/,/^$/s/^choices *= //p' pawl.toml | grep -o '[a-z]*' | grep -vx none)
}

@test "ensemble: a gate refuses, and nothing is left" {
	ends 4 -p least=0.995
	says "refused   ensemble: gate 'accuracy >= least' says no: accuracy = 0.990196, least = 0.995"
	says "compensation completed: 3 of 3"
	[ ! -e out/ensemble.csv ] && [ ! -e db ]
	nothing_allocated
	# With another threshold the kept result is stored.
	ends 0 -p least=0.99
	not grep -q '"instance":"ensemble"' <(events attempt.started)
	nothing_allocated
	calm
	as_calm
}

@test "ensemble: a gate refuses what three say together if they are better alone" {
	ends 4 -p held_out=4 -p neighbours=5 -p depth=3
	says "no worse than its models are on average"
	nothing_allocated
}

@test "ensemble: what somebody else has is tried for, and left to him" {
	mkdir allocated
	ln -s somebody allocated/workers-2
	ends 10
	says "retry     2 of 2 of workers"
	says "compensation completed: 3 of 3"
	[ "$(allocated)" = workers-2 ]
	[ "$(readlink allocated/workers-2)" = somebody ]
}

@test "ensemble: attempts and rows carry the trace" {
	trace=0123456789abcdef0123456789abcdef
	TRACEPARENT=00-$trace-0123456789abcdef-01 "$PAWL" run -q
	[ "$(awk -F , 'NR > 1 { print $2 }' db/results.csv | sort -u)" = "$trace" ]
	[ "$(events attempt.started | wc -l)" -eq 10 ]
	[ "$(events attempt.started | grep -c "\"trace\":\"$trace\"")" -eq 10 ]
	attempt=$(events attempt.started | perl -MJSON::PP -ne '
		my $e = decode_json($_); print $e->{attempt_id} if $e->{stage} eq "store"')
	[ "$(awk -F , 'NR > 1 { print $1 }' db/results.csv | sort -u)" = "$attempt" ]
	# A run of its own has a trace of its own.
	"$PAWL" run -q -p combine=average
	own=$("$PAWL" events latest | sed -n '1s/.*"trace":"\([0-9a-f]*\)".*/\1/p')
	[ "$(awk -F , '$3 == "average" { print $2 }' db/results.csv | sort -u)" = "$own" ]
	[ "$own" != "$trace" ]
}

# From here on, an instance stands still at its beginning until there is ../go.
held() { # $1 instance
	mkdir ../bin
	cat >../bin/hold <<-END
		#!/bin/sh
		[ "\$PAWL_INSTANCE" != '$1' ] || {
			: >'$BATS_TEST_TMPDIR/at'
			until [ -e '$BATS_TEST_TMPDIR/go' ]; do sleep 0.01; done
		}
	END
	printf '#!/bin/sh\n. %s\nexec %s "$@"\n' ../bin/hold "$(command -v awk)" >../bin/awk
	sed -i "s|\.\./bin|$BATS_TEST_TMPDIR/bin|" ../bin/awk
	chmod +x ../bin/awk
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run --detach >../id
	id=$(cat ../id)
	"$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p' >../pid
	wait_until test -e ../at
	[ "$(allocated)" = "cache-1 session-1 workers-1 workers-2 workers-3" ]
}

started() {
	"$PAWL" events latest | grep -c "\"type\":\"attempt.started\".*\"instance\":\"$1\""
}

@test "ensemble: paused in a model it stands still, keeps what it has, and goes on" {
	held tree
	"$PAWL" pause "$id"
	[[ $("$PAWL" status "$id") == *paused* ]]
	[ "$(allocated)" = "cache-1 session-1 workers-1 workers-2 workers-3" ]
	touch ../go
	"$PAWL" resume "$id"
	"$PAWL" wait "$id"
	[ "$(started tree)" -eq 1 ]
	[ "$(started workers)" -eq 1 ]
	nothing_allocated
	calm
	as_calm
}

@test "ensemble: cancelled in the middle it gives all back" {
	held ensemble
	"$PAWL" cancel --reason 'seen enough' "$id"
	run "$PAWL" wait "$id"
	[ "$status" -eq 8 ]
	nothing_allocated
	grep -q "compensation completed: 3 of 3" ".pawl/runs/$id/output"
	touch ../go
	ends 0
	# What was computed counts; what was given back is allocated again.
	[ "$(events attempt.started | sed 's/.*"instance":"\([a-z]*\)".*/\1/' | paste -sd ' ' -)" = \
		"workers cache session ensemble store release" ]
	nothing_allocated
	calm
	as_calm
}

@test "ensemble: killed while it stores, and cancelled then, it gives all back" {
	held store
	killed
	touch ../go
	run "$PAWL" cancel latest
	echo "$output"
	[ "$status" -eq 0 ]
	says "compensation completed: 4 of 4"
	nothing_allocated
	[ ! -e db/results.csv ]
}

@test "ensemble: killed in a model, the next run allocates nothing twice" {
	held tree
	killed
	before=$(cat out/held/*)
	touch ../go
	ends 0
	[ "$(started workers)" -eq 1 ]
	[ "$(cat out/held/*)" = "$before" ]
	nothing_allocated
	calm
	as_calm
}

@test "ensemble: killed, and gone on with other params, it gives back what it had" {
	held tree
	killed
	touch ../go
	ends 0 -p combine=average
	nothing_allocated
	calm -p combine=average
	as_calm
}

@test "ensemble: killed at any moment, twenty times, it ends with the same rows" {
	small=(-p depth=2)
	calm "${small[@]}"
	stages=(workers cache session table centroid neighbours tree ensemble store release)
	# A shell and an awk that tell when the instance begins that is to see the kill.
	mkfifo ../begins
	mkdir ../bin
	for program in sh awk; do
		cat >"../bin/$program" <<-END
			#!/bin/sh
			[ "\$PAWL_INSTANCE" != "\$(cat '$BATS_TEST_TMPDIR/instance')" ] || : >'$BATS_TEST_TMPDIR/begins'
			exec $(command -v "$program") "\$@"
		END
		chmod +x "../bin/$program"
	done

	RANDOM=${PAWL_TEST_SEED:-2007}
	tries=0
	killed=0
	while [ "$killed" -lt 20 ] && [ "$tries" -lt 60 ]; do
		tries=$((tries + 1))
		rm -rf .pawl out db allocated
		echo "${stages[RANDOM % 10]}" >../instance
		PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run "${small[@]}" >/dev/null 2>&1 3>&- &
		pid=$!
		perl -e 'open my $begins, "<", shift; 1 while $ARGV[0]-- > 0; kill "KILL", $ARGV[1]' \
			../begins $((RANDOM * 5)) "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 137 ] || continue
		killed=$((killed + 1))

		"$PAWL" run -q "${small[@]}"
		as_calm
		nothing_allocated
		"$PAWL" plan --check "${small[@]}" >/dev/null
	done
	echo "killed $killed times in $tries runs"
	[ "$killed" -eq 20 ]
}

@test "ensemble: the lines of the README are accepted" {
	grep '^    pawl \(run\|plan\)' README.md | sed 's/ *#.*//' >../lines
	[ "$(wc -l <../lines)" -ge 4 ]
	while read -r _ _ words; do
		# shellcheck disable=SC2086
		"$PAWL" plan $words
	done <../lines
}

@test "ensemble: runs in an empty root with only sh and awk" {
	empty_root
	in_root run
	in_root run
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	calm
	diff -r --exclude held ../calm/out "$root/work/out"
	diff <(cd ../calm && rows) <(cd "$root/work" && rows)
}
