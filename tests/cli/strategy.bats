#!/usr/bin/env bats
# manifests/strategy: figures that another program recomputes, each gate seen to refuse, a changed
# threshold, a live replay that is frozen, and a paper trade that is paused, killed and cancelled half
# way and goes on from its checkpoint.

load run.bash
load root.bash
load example.bash

setup() {
	copy_example strategy
	fast=(-p live_pause=0 -p paper_pause=0)
}

teardown() {
	touch ../go
	[ ! -e ../pid ] || end_left "$(cat ../pid)"
}

# Instances that started an attempt in the latest run, sorted, in one line.
started() {
	"$PAWL" events latest | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		$n{$e->{instance}} = 1 if $e->{type} eq "attempt.started";
		END { print join(" ", sort keys %n), "\n" }'
}

# Instances that started an attempt after one had ended well, over all runs.
ran_again() {
	local folder
	for folder in .pawl/runs/*/; do "$PAWL" events "$(basename "$folder")"; done | perl -MJSON::PP -ne '
		my $e = decode_json($_);
		print "$e->{instance}\n" if $e->{type} eq "attempt.started" && $good{$e->{instance}};
		$good{$e->{instance}} = 1 if $e->{type} eq "attempt.finished" && $e->{state} eq "done"'
}

# A run that nothing disturbs, in ../calm.
calm() {
	cp -R "$source_root/manifests/strategy" ../calm
	"$PAWL" -C ../calm run "${fast[@]}" "$@" >/dev/null 2>&1
}

# The outputs here have the bytes of ../calm.
as_calm() {
	diff -r ../calm/out out
}

@test "strategy: passes all gates, and another program finds the same figures" {
	ends 0 "${fast[@]}"
	says "29 of 29 up to date"
	run awk -v folder="$work" -f "$source_root/tests/recompute/figures.awk" -f "$source_root/tests/recompute/strategy.awk" data/eustock.csv
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "6841 figures agree" ]
	run "$PAWL" log paper
	[ "${lines[0]}" = "paper: bar 21 of 210, equity 0.9138, trades 1" ]
	[ "${lines[9]}" = "paper: bar 210 of 210, equity 1.1513, trades 2" ]
	[ "${#lines[@]}" -eq 10 ]
	ends 0 "${fast[@]}"
	says "everything is up to date"
	"$PAWL" plan --check "${fast[@]}"
}

@test "strategy: the lines of the README are accepted" {
	grep '^    pawl run' README.md | sed 's/ *#.*//' >../lines
	[ "$(wc -l <../lines)" -eq 6 ]
	while read -r _ _ words; do
		# shellcheck disable=SC2086
		"$PAWL" plan $words
	done <../lines
	ends 0 "${fast[@]}" -p market=SMI
}

# Each row of the README's table of refusals for one stage: `pawl run` with these params refuses that
# stage by these gates and no others, having seen these values, and nothing after it runs.
refuses() { # $1 stage, $2 how many rows, the other arguments: stages that are blocked then
	local stage=$1 rows=$2 row=0 params gates saw expected blocked
	shift 2
	while IFS='|' read -r _ params _ gates saw _; do
		row=$((row + 1))
		params=${params//\`/}
		# shellcheck disable=SC2086
		ends 4 "${fast[@]}" $params
		says "refused   $stage: gate '"
		expected=$(grep -o '`[^`]*`' <<<"$gates" | tr -d '`')
		[ "$(sed -n 's/^  gate \(degradation: \)\{0,1\}//p' <<<"$output")" = "$expected" ]
		while read -r value; do
			grep -E "^    saw: .* $value(,|\$)" <<<"$output"
		done < <(grep -o '`[^`]*`' <<<"$saw" | tr -d '`')
		for blocked in "$@"; do
			[ ! -e "out/$blocked/figures.json" ]
			not grep -w "$blocked" <<<"$(started)"
		done
		[ ! -e "out/$stage/figures.json" ] && [ ! -e "out/$stage.json" ]
	done < <(grep "^| \`-p .*| \`$stage\` |" README.md)
	[ "$row" -eq "$rows" ]
}

@test "strategy: each gate of the optimisation refuses" {
	refuses optimise 2 historical live paper
}

@test "strategy: each gate of the back-test refuses" {
	refuses historical 3 live paper
}

@test "strategy: each gate of the live replay refuses" {
	refuses live 3 paper
}

@test "strategy: each gate of the paper trade refuses" {
	refuses paper 3
}

@test "strategy: all gates of the manifest are in the table of refusals" {
	sed -n 's/^gate *= *//p' pawl.toml | grep -o '"[^"]*[<>]=[^"]*"' | tr -d '"' | sort >../gates
	[ "$(wc -l <../gates)" -eq 10 ]
	sed -n 's/^| `-p [^|]*|[^|]*|\([^|]*\)|.*/\1/p' README.md | grep -o '`[^`]*`' | tr -d '`' | sort -u >../told
	diff <(sort -u ../gates) ../told
}

@test "strategy: a changed threshold judges anew and runs nothing" {
	ends 0 "${fast[@]}"
	sed -i '/^\[stage.live\]/,/^\[/s/"drawdown <= 0.3"/"drawdown <= 0.15"/' pawl.toml
	ends 4 "${fast[@]}"
	says "gate 'drawdown <= 0.15' says no: drawdown = 0.176491959595"
	[ -z "$(started)" ]
	[ ! -e out/live/bars.csv ]
	sed -i 's/"drawdown <= 0.15"/"drawdown <= 0.2"/' pawl.toml
	ends 0 "${fast[@]}"
	[ -z "$(started)" ]
	calm
	as_calm

	# What was refused once passes by a lower threshold, and what waited for it runs.
	ends 4 "${fast[@]}" -p paper_from=1601
	says "sharpe >= 0.7"
	sed -i 's/"sharpe >= 0.7"/"sharpe >= 0.5"/' pawl.toml
	ends 0 "${fast[@]}" -p paper_from=1601
	[ -z "$(started)" ]
	[ -e out/paper/figures.json ]
}

@test "strategy: periods that are out of order are unsound, and nothing is computed" {
	ends 5 "${fast[@]}" -p live_from=500
	says "validation historical_from < live_from"
	says "saw:    historical_from = 551, live_from = 500"
	[ "$(started)" = prices ]
	ends 5 "${fast[@]}" -p paper_to=1861
	says "saw:    paper_to = 1861, days = 1860"
	ends 3 "${fast[@]}" -p optimise_from=100
	says "the least value is 101"
}

# A field of the report of the latest run: a Perl expression of $report, and $row{INSTANCE}.
reported() {
	"$PAWL" report --format json | perl -MJSON::PP -e '
		local $/;
		my $report = decode_json(<STDIN>)->{report};
		my %row = map { $_->{instance} => $_ } @{$report->{rows}};
		print eval $ARGV[0], "\n"; die $@ if $@' "$1"
}

@test "strategy: the report compares the steps, warns and recommends" {
	ends 0 "${fast[@]}"
	[ "$(reported 'join " ", map { $_->{instance} } @{$report->{rows}}')" = "optimise historical live paper" ]
	[ "$(reported 'join " ", map { $_->{metrics}{trades} } @{$report->{rows}}')" = "5 2 8 2" ]
	# As the README shows it.
	"$PAWL" report >../report
	sed -n 's/^    \([a-z]* *done .*\)/\1/p' README.md >../shown
	[ "$(grep -cxFf ../shown ../report)" -eq 4 ]
	# The scores, from the figures that the steps gave.
	[ "$(reported '
		my @sharpe = map { $row{$_}{metrics}{sharpe} } qw(historical live paper);
		my $mean = ($sharpe[0] + $sharpe[1] + $sharpe[2]) / 3;
		my $squares = 0;
		$squares += ($_ - $mean) ** 2 for @sharpe;
		my $off = abs($report->{scores}{consistency} - (1 - sqrt($squares / 2) / $mean));
		for my $row (@{$report->{rows}}) {
			$off += abs($row->{scores}{degradation} - (1 - $row->{metrics}{sharpe} / $sharpe[0]));
		}
		$off < 1e-9 ? "agree" : "off by $off"')" = agree ]
	[ "$(reported 'sprintf "%.3f", $report->{scores}{consistency}')" = 0.872 ]
	[ "$(reported 'join " ", map { $_->{instance} } grep { $_->{when} eq "trades < 10" } @{$report->{warnings}}')" = \
		"optimise historical live paper" ]
	[ "$(reported 'join " ", map { $_->{instance} } grep { $_->{when} =~ /win_rate/ } @{$report->{warnings}}')" = live ]
	[[ $(reported '$report->{recommendation}{text}') == "trade on paper for longer"* ]]

	ends 0 "${fast[@]}" -p market=SMI -p optimise_from=101 -p historical_from=251 -p live_from=651 -p paper_from=1501
	[ "$(reported '$report->{recommendation}{text}')" = deploy ]
	[ "$(reported 'join " ", map { "$_->{instance} $_->{text}" } @{$report->{warnings}}')" = \
		"optimise fewer than ten trades (3): too few to tell skill from luck" ]
	run "$PAWL" report --compare previous
	grep -E "^market +SMI +DAX" <<<"$output"
}

@test "strategy: the report of a run that a gate ended" {
	ends 4 "${fast[@]}" -p position=4
	[ "$(reported '$report->{recommendation}{text}')" = "do not deploy" ]
	[ "$(reported 'join " ", map { $_->{state} } @{$report->{rows}}')" = "done refused blocked blocked" ]
	[ "$(reported '$row{historical}{metrics}{drawdown}')" = 0.316277758186 ]
	[ "$(reported 'defined $report->{scores}{consistency} ? "told" : "missing"')" = missing ]
	[[ $(reported 'join " ", map { $_->{text} } @{$report->{warnings}}') == *"4.0 times the equity"* ]]
	ends 4 "${fast[@]}" -p paper_from=1601
	[[ $(reported '$report->{recommendation}{text}') == "do not deploy: the paper trade"* ]]
	[[ $(reported 'join " ", map { $_->{text} } @{$report->{warnings}}') == *"differ from each other"* ]]
}

# From here on, the step that takes time stands at its hundredth bar until there is ../go: its `sleep`
# is this.
held_at_a_bar() {
	mkdir ../bin
	cat >../bin/sleep <<-END
		#!/bin/sh
		echo >>'$BATS_TEST_TMPDIR/bars'
		[ "\$(wc -l <'$BATS_TEST_TMPDIR/bars')" -eq 100 ] || exit 0
		echo \$PPID >'$BATS_TEST_TMPDIR/held'
		: >'$BATS_TEST_TMPDIR/at'
		until [ -e '$BATS_TEST_TMPDIR/go' ]; do $(command -v sleep) 0.01; done
	END
	chmod +x ../bin/sleep
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run --detach "$@" >../id
	id=$(cat ../id)
	"$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p' >../pid
	wait_until test -e ../at
}

bars() {
	wc -l <../bars
}

attempts() {
	"$PAWL" events "$id" | grep -c "\"type\":\"attempt.started\".*\"instance\":\"$1\""
}

is_at() {
	"$PAWL" status "$id" | grep -Eq "^  running    $1, equity [0-9.]+"
}

@test "strategy: the live replay stands still half way, and goes on" {
	held_at_a_bar -p paper_pause=0
	wait_until is_at 'live  [0-9.ms]+, 11(\.0)? % bar 94'
	"$PAWL" pause "$id"
	[[ $("$PAWL" status "$id") == *paused* ]]
	# It is frozen: what it waits for makes no difference.
	touch ../go
	[ "$(bars)" -eq 100 ]
	wait_until grep -q '^State:.T' "/proc/$(cat ../held)/status"
	"$PAWL" resume "$id"
	"$PAWL" wait "$id"
	[ "$(bars)" -eq 850 ]
	[ "$(attempts live)" -eq 1 ]
	calm
	as_calm
}

@test "strategy: the paper trade is paused half way, and goes on with the bar that it waited for" {
	held_at_a_bar -p live_pause=0
	wait_until is_at 'paper  [0-9.ms]+, 47.1 % bar 99'
	[[ $(reported '$report->{recommendation}{text}') == "wait: "* ]]
	"$PAWL" pause "$id"
	[[ $("$PAWL" status "$id") == *paused* ]]
	[ ! -e "/proc/$(cat ../held)" ]
	"$PAWL" resume "$id"
	"$PAWL" wait "$id"
	# Of 210 one was waited for twice.
	[ "$(bars)" -eq 211 ]
	[ "$(attempts paper)" -eq 2 ]
	calm
	as_calm
}

@test "strategy: killed in the paper trade, it resumes with its own params and the bar that it waited for" {
	held_at_a_bar -p live_pause=0
	kill -9 "$(cat ../pid)"
	[ ! -e out/paper/figures.json ]
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" resume "$id"
	[ "$(bars)" -eq 211 ]
	[ -z "$(ran_again)" ]
	calm
	as_calm
}

@test "strategy: cancelled in the paper trade, it cannot be resumed, and the next run does what is left" {
	held_at_a_bar -p live_pause=0
	run "$PAWL" cancel --reason 'seen enough' "$id"
	[ "$status" -eq 0 ]
	run "$PAWL" wait "$id"
	[ "$status" -eq 8 ]
	run "$PAWL" resume "$id"
	echo "$output"
	[ "$status" -eq 2 ]
	[ ! -e out/paper/figures.json ]
	PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run -p live_pause=0
	[ "$(started)" = paper ]
	[ "$(bars)" -eq 211 ]
	[ -z "$(ran_again)" ]
	calm
	as_calm
}

# A random instance: each stage as often as any other.
some_instance() {
	local stages=(prices grid base optimise historical live paper) slow
	instance=${stages[RANDOM % 7]}
	if [ "$instance" = grid ]; then
		slow=$((RANDOM % 4 * 20 + 40))
		instance="grid@fast=$((RANDOM % 5 * 5 + 5)),slow=$slow"
	fi
}

@test "strategy: killed at any moment, twenty times, it ends with the same bytes" {
	calm
	# An awk that tells when the instance begins that is to see the kill.
	mkfifo ../begins
	mkdir ../bin
	cat >../bin/awk <<-END
		#!/bin/sh
		[ "\$PAWL_INSTANCE" != "\$(cat '$BATS_TEST_TMPDIR/instance')" ] || : >'$BATS_TEST_TMPDIR/begins'
		exec $(command -v awk) "\$@"
	END
	chmod +x ../bin/awk

	RANDOM=${PAWL_TEST_SEED:-1998}
	tries=0
	killed=0
	while [ "$killed" -lt 20 ] && [ "$tries" -lt 60 ]; do
		tries=$((tries + 1))
		rm -rf .pawl out
		some_instance
		echo "$instance" >../instance
		PATH=$BATS_TEST_TMPDIR/bin:$PATH "$PAWL" run "${fast[@]}" >/dev/null 2>&1 3>&- &
		pid=$!
		perl -e 'open my $begins, "<", shift; 1 while $ARGV[0]-- > 0; kill "KILL", $ARGV[1]' \
			../begins $((RANDOM * 5)) "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq 137 ] || continue
		killed=$((killed + 1))

		# A kill may fall between the end of its record and that of its process.
		"$PAWL" resume latest 2>../said || grep -q 'is completed' ../said
		as_calm
		[ -z "$(ran_again)" ]
		"$PAWL" plan --check "${fast[@]}" >/dev/null
	done
	echo "killed $killed times in $tries runs"
	[ "$killed" -eq 20 ]
}

@test "strategy: runs in an empty root with only sh and awk" {
	empty_root
	in_root run "${fast[@]}"
	in_root run "${fast[@]}"
	grep -q "up to date" "$BATS_TEST_TMPDIR/said"
	calm
	diff -r ../calm/out "$root/work/out"
}
