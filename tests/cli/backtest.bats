#!/usr/bin/env bats
# manifests/backtest: figures that another program recomputes, no work done twice, a failed index,
# an empty root, and kill -9 at any moment.

load root.bash
load example.bash

setup() {
	copy_example backtest
}

# Runs pawl with what it says kept in $BATS_TEST_TMPDIR/said, shown when a test fails.
pawl_run() {
	local status=0
	"$PAWL" run "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
	cat "$BATS_TEST_TMPDIR/said"
	return "$status"
}

# `! command` never fails a test; this does.
not() {
	if "$@"; then return 1; fi
}

run_ids() {
	local folder
	for folder in .pawl/runs/*/; do
		[ -d "$folder" ] || continue
		folder=${folder%/}
		echo "${folder##*/}"
	done
}

# Instances that started an attempt in the latest run, sorted, one a line.
ran() {
	"$PAWL" events latest | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		print "$e->{instance}\n" if $e->{type} eq "attempt.started"' | LC_ALL=C sort -u
}

# How many attempts all runs have started.
count_started() {
	local id
	for id in $(run_ids); do "$PAWL" events "$id"; done | perl -MJSON::PP -ne '
		$n++ if decode_json($_)->{type} eq "attempt.started";
		END { print $n + 0, "\n" }'
}

# Instances that started an attempt after one had ended well, over all runs.
ran_again() {
	local id
	for id in $(run_ids); do "$PAWL" events "$id"; done | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		print "$e->{instance}\n" if $e->{type} eq "attempt.started" && $good{$e->{instance}};
		$good{$e->{instance}} = 1 if $e->{type} eq "attempt.finished" && $e->{state} eq "done"'
}

# Instances with an attempt that ended well, over all runs, sorted, one a line.
ended_well() {
	local id
	for id in $(run_ids); do "$PAWL" events "$id"; done | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		print "$e->{instance}\n" if $e->{type} eq "attempt.finished" && $e->{state} eq "done"' | LC_ALL=C sort -u
}

# state_in FILE INSTANCE: the instance's state in a result.
state_in() {
	perl -MJSON::PP -e '
		local $/;
		my ($file, $name) = @ARGV;
		open my $in, "<", $file or die "$file: $!";
		my ($found) = grep { $_->{instance} eq $name } @{decode_json(<$in>)->{instances}};
		print $found ? $found->{state} : "absent", "\n"' "$1" "$2"
}

# same_outputs ONE OTHER: all that the stages make has the same bytes.
same_outputs() {
	local folder
	for folder in out artifacts report; do
		diff -r "$1/$folder" "$2/$folder" || return 1
	done
}

recompute() {
	awk -v folder="$1" -v indexes="${2:-}" -f "$source_root/tests/recompute/figures.awk" -f "$source_root/tests/recompute/backtest.awk" "$1/data/eustock.csv"
}

@test "backtest: another program finds the same figures" {
	pawl_run
	[ "$(ran | wc -l)" -eq 110 ]
	[ "$(cat report/complete.txt)" = "4 of 4 indexes have a result" ]
	for index in DAX SMI CAC FTSE; do
		cmp "out/$index/best.csv" "artifacts/$index/parameters.csv"
		cmp "out/$index/equity.csv" "artifacts/$index/equity.csv"
		cmp "out/$index/performance.json" "artifacts/$index/performance.json"
		grep -q "^$index," report/summary.csv
		grep -q "^|.* $index |" report/report.md
	done
	run recompute "$work"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "7396 figures agree" ]
}

@test "backtest: a second run runs nothing and says so" {
	pawl_run
	before=$(run_ids)
	pawl_run
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	[ "$(run_ids)" = "$before" ]
	"$PAWL" plan --check
}

@test "backtest: a changed close runs its own index only" {
	pawl_run
	awk -F, -v OFS=, 'NR == 1700 { $4 = sprintf("%.2f", $4 * 1.01) } { print }' data/eustock.csv >"$BATS_TEST_TMPDIR/quotes"
	not cmp -s data/eustock.csv "$BATS_TEST_TMPDIR/quotes"
	cat "$BATS_TEST_TMPDIR/quotes" >data/eustock.csv
	pawl_run
	ran | tee "$BATS_TEST_TMPDIR/ran"
	# The close lies behind the split: the grid runs and gives the same rows, so the choice stands.
	expected=$(
		for index in CAC DAX FTSE SMI; do echo "prices@index=$index"; done
		for fast in 5 10 15 20 25; do
			for slow in 20 40 60 80 100; do
				[ "$fast" -ge "$slow" ] || echo "optimize@fast=$fast,index=CAC,slow=$slow"
			done
		done
		printf '%s\n' performance@index=CAC artifacts@index=CAC report complete
	)
	[ "$(cat "$BATS_TEST_TMPDIR/ran")" = "$(echo "$expected" | LC_ALL=C sort)" ]
	recompute "$work"
}

@test "backtest: a changed comment runs its stage and nothing after it" {
	pawl_run
	cp -R "$work" "$BATS_TEST_TMPDIR/before"
	echo "# One more remark." >>stages/optimize.awk
	pawl_run
	ran | tee "$BATS_TEST_TMPDIR/ran"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/ran")" -eq 92 ]
	not grep -v '^optimize@' "$BATS_TEST_TMPDIR/ran"
	same_outputs "$BATS_TEST_TMPDIR/before" "$work"
}

@test "backtest: a failed index leaves the others and fails the run" {
	status=0
	pawl_run -k -p fail=CAC --result "$BATS_TEST_TMPDIR/result.json" || status=$?
	[ "$status" -eq 1 ]
	cat "$BATS_TEST_TMPDIR/result.json"
	[ "$(state_in "$BATS_TEST_TMPDIR/result.json" performance@index=CAC)" = failed ]
	[ "$(state_in "$BATS_TEST_TMPDIR/result.json" complete)" = failed ]
	for stage in prices best performance artifacts; do
		for index in DAX SMI FTSE; do
			[ "$(state_in "$BATS_TEST_TMPDIR/result.json" "$stage@index=$index")" = "done" ]
		done
	done
	[ "$(state_in "$BATS_TEST_TMPDIR/result.json" report)" = "done" ]
	[ "$(state_in "$BATS_TEST_TMPDIR/result.json" artifacts@index=CAC)" != "done" ]
	grep -q "^No result for CAC\.$" report/report.md
	[ "$(cut -d, -f1 report/summary.csv | tr '\n' ' ')" = "index DAX SMI FTSE " ]
	[ ! -e artifacts/CAC ]
	[ ! -e report/complete.txt ]
	recompute "$work" "DAX SMI FTSE"

	# Mended: what CAC lacks, and nothing else.
	pawl_run
	[ "$(ran | tr '\n' ' ')" = "artifacts@index=CAC complete performance@index=CAC report " ]
	recompute "$work"
}

@test "backtest: a failed index is missing even where an earlier run left its figures" {
	pawl_run
	cp -R "$work" "$BATS_TEST_TMPDIR/before"
	status=0
	pawl_run -k -p fail=CAC || status=$?
	[ "$status" -eq 1 ]
	ran | tee "$BATS_TEST_TMPDIR/ran"
	not grep -v -e '^performance@index=CAC$' -e '^artifacts@index=CAC$' -e '^report$' -e '^complete$' "$BATS_TEST_TMPDIR/ran"
	grep -q '^No result for CAC\.$' report/report.md
	cmp out/CAC/performance.json "$BATS_TEST_TMPDIR/before/out/CAC/performance.json"

	# All that the first run found is known, so nothing starts.
	started=$(count_started)
	pawl_run
	[ "$(count_started)" -eq "$started" ]
	same_outputs "$BATS_TEST_TMPDIR/before" "$work"
}

# --- one long optimiser ---

# From here on it stands behind its fiftieth pair until there is ../go: its `sleep` is this.
held_at_a_pair() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/sleep" <<-END
		#!/bin/sh
		echo >>'$BATS_TEST_TMPDIR/pairs'
		[ "\$(wc -l <'$BATS_TEST_TMPDIR/pairs')" -eq 50 ] || exit 0
		: >'$BATS_TEST_TMPDIR/at'
		until [ -e '$BATS_TEST_TMPDIR/go' ]; do $(command -v sleep) 0.01; done
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/sleep"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	id=$("$PAWL" run --detach -p mode=serial -p pause=0.01)
	until [ -e "$BATS_TEST_TMPDIR/at" ]; do :; done
}

pairs() {
	wc -l <"$BATS_TEST_TMPDIR/pairs"
}

# A run that nothing disturbs, in ../calm: what it finds, whatever the mode, is here too.
as_calm() {
	cp -R "$source_root/manifests/backtest" "$BATS_TEST_TMPDIR/calm"
	"$PAWL" -C "$BATS_TEST_TMPDIR/calm" run "$@"
	for folder in artifacts report; do
		diff -r "$BATS_TEST_TMPDIR/calm/$folder" "$folder"
	done
	for index in CAC DAX FTSE SMI; do
		cmp "$BATS_TEST_TMPDIR/calm/out/$index/best.csv" "out/$index/best.csv"
	done
}

@test "backtest: one optimiser over the whole grid finds the same, and says how far it is" {
	pawl_run -p mode=serial
	[ "$(ran | wc -l)" -eq 19 ]
	[ "$("$PAWL" events latest | grep -c '"type":"checkpoint.saved","severity":"info".*"instance":"sweep"')" -ge 1 ]
	as_calm
	pawl_run -p mode=serial
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	# All pairs are there, in the rows of the other way.
	for index in CAC DAX FTSE SMI; do
		sort "sweep/$index.csv" >"$BATS_TEST_TMPDIR/rows"
		cat "$BATS_TEST_TMPDIR/calm/out/$index/grid/"*.csv | sort -u | diff - "$BATS_TEST_TMPDIR/rows"
	done
}

@test "backtest: the long optimiser is paused half way, and goes on with the next pair" {
	held_at_a_pair
	"$PAWL" pause "$id"
	"$PAWL" resume "$id"
	"$PAWL" wait "$id"
	# Told to end it saved all fifty.
	[ "$(pairs)" -eq 92 ]
	[ "$("$PAWL" events "$id" | grep -c '"type":"attempt.started".*"instance":"sweep"')" -eq 2 ]
	as_calm -p mode=serial
	diff -r "$BATS_TEST_TMPDIR/calm/sweep" sweep
}

@test "backtest: the long optimiser is killed half way, and goes on from its last snapshot" {
	held_at_a_pair
	kill -9 "$("$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p')"
	"$PAWL" resume "$id"
	"$PAWL" events "$id" | grep -q '"type":"checkpoint.restored".*"instance":"sweep"'
	[ "$(pairs)" -ge 92 ]
	[ "$(pairs)" -lt 142 ]
	as_calm -p mode=serial
	diff -r "$BATS_TEST_TMPDIR/calm/sweep" sweep
}

@test "backtest: the long optimiser, killed twenty times, ends with the same bytes" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	# Each rest behind a pair tells of itself; the kill comes behind a random one. What outlives its pawl
	# for a moment, and works on without a snapshot until the next one ends it, is not counted.
	cat >"$BATS_TEST_TMPDIR/bin/sleep" <<-END
		#!/bin/sh
		read -r pid <"$BATS_TEST_TMPDIR/pid" && kill -0 "\$pid" 2>/dev/null || exit 0
		echo >>"$BATS_TEST_TMPDIR/pairs"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/sleep"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH
	sed -i 's/^checkpoint = .*/checkpoint = { every = "0s" }/' pawl.toml
	RANDOM=${PAWL_TEST_SEED:-1991}
	: >"$BATS_TEST_TMPDIR/pairs"
	killed=0
	while [ "$killed" -lt 20 ]; do
		target=$(($(pairs) + 1 + RANDOM % 4))
		"$PAWL" run -p mode=serial -p pause=0.01 >>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
		pid=$!
		echo "$pid" >"$BATS_TEST_TMPDIR/pid"
		while [ "$(pairs)" -lt "$target" ] && kill -0 "$pid" 2>/dev/null; do :; done
		kill -9 "$pid" 2>/dev/null || :
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 137 ]
		killed=$((killed + 1))
	done
	# This shell stands for the last pawl, which nobody kills.
	echo "$$" >"$BATS_TEST_TMPDIR/pid"
	pawl_run -p mode=serial -p pause=0.01
	# Of each kill one pair at most was worked twice, or was on its way.
	[ "$(pairs)" -le 132 ]
	as_calm -p mode=serial
	diff -r "$BATS_TEST_TMPDIR/calm/sweep" sweep
}

@test "backtest: runs in an empty root with only sh and awk" {
	empty_root
	in_root run -p mode=serial
	in_root run
	in_root run
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	# The root holds what it held and the workspace: nothing was made beside it.
	[ "$(cd "$root" && echo *)" = "bin work" ]

	pawl_run
	same_outputs "$work" "$root/work"
}

# Lines that all runs have recorded so far, in $recorded; starts no process, so that it can be asked often.
count_recorded() {
	local file lines
	recorded=0
	for file in .pawl/runs/*/events.jsonl; do
		[ -e "$file" ] || continue
		mapfile -t lines <"$file"
		recorded=$((recorded + ${#lines[@]}))
	done
}

# Starts a run and kills it once a random number of lines more is recorded; adds to $killed.
run_and_kill() {
	local more=$((RANDOM % 9)) status=0 target pid spin
	count_recorded
	target=$((recorded + more))
	"$PAWL" run "$@" >>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	pid=$!
	while count_recorded && [ "$recorded" -lt "$target" ] && kill -0 "$pid" 2>/dev/null; do :; done
	for ((spin = RANDOM % 50; spin > 0; spin--)); do :; done
	kill -9 "$pid" 2>/dev/null || :
	wait "$pid" || status=$?
	[ "$status" -ne 137 ] || killed=$((killed + 1))
	[ "$status" -eq 137 ] || [ "$status" -eq 0 ]
}

@test "backtest: killed twenty times, it ends as if nothing had been and repeats nothing" {
	# More pairs than the manifest's own, so that the run does not end before the twentieth kill.
	grid=(-p slow_first=30 -p fast_step=2 -p slow_step=10)
	cp -R "$work" "$BATS_TEST_TMPDIR/calm"
	"$PAWL" -C "$BATS_TEST_TMPDIR/calm" run "${grid[@]}"

	# Commands that take a while, so that a busy machine still kills twenty times before the end.
	mkdir "$BATS_TEST_TMPDIR/slow"
	printf '#!/bin/sh\nsleep 0.01\nexec %s "$@"\n' "$(command -v awk)" >"$BATS_TEST_TMPDIR/slow/awk"
	chmod +x "$BATS_TEST_TMPDIR/slow/awk"
	PATH=$BATS_TEST_TMPDIR/slow:$PATH

	RANDOM=${PAWL_TEST_SEED:-1991}
	killed=0
	tries=0
	while [ "$killed" -lt 20 ] && [ "$tries" -lt 40 ]; do
		run_and_kill "${grid[@]}"
		tries=$((tries + 1))
	done
	echo "killed $killed times in $tries runs"
	[ "$killed" -eq 20 ]

	pawl_run "${grid[@]}"
	same_outputs "$BATS_TEST_TMPDIR/calm" "$work"
	ran_again | tee "$BATS_TEST_TMPDIR/again"
	[ ! -s "$BATS_TEST_TMPDIR/again" ]
	# 11 by 8 pairs and 4 stages of 4 indexes, report and complete; a kill may fall between a result
	# and the record of its attempt.
	[ "$(ended_well | wc -l)" -ge 330 ]
	# The chain of each record is whole.
	for id in $(run_ids); do
		"$PAWL" events "$id" >/dev/null
	done
	pawl_run "${grid[@]}"
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
}
