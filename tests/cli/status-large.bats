#!/usr/bin/env bats
# status and runs of a large run: its state is saved beside its record, and with it or without, and
# whatever lies in its place, the answer is that of the record.

bats_require_minimum_version 1.5.0
load run

teardown() {
	touch "$BATS_TEST_TMPDIR/w/go"
	[ -z "${pid:-}" ] || end_left "$pid"
}

# A record of more than a megabyte. The last stage waits for the file go.
large() {
	manifest <<-'END'
		[stage.many]
		matrix = { n = { from = 1, to = 900 } }
		run = "test {{n}} != 7"
		on_failure = "ignore"
		cache = false

		[stage.last]
		run = "while test ! -e go; do sleep 0.05; done"
		needs = ["many"]
		cache = false
	END
}

waits_for_go() {
	[ -e .pawl/runs ] && grep -q '"type":"attempt.started".*"instance":"last"' "$(newest)/events.jsonl"
}

grown() {
	[ "$(wc -l <../events)" -lt "$(wc -l <"$(newest)/events.jsonl")" ]
}

newest() {
	set -- .pawl/runs/*
	shift $(($# - 1))
	echo "$1"
}

answers() {
	"$PAWL" status
	"$PAWL" status --json
	"$PAWL" runs
	"$PAWL" runs --json
}

# What is said is what is said without the saved state.
same() {
	answers >../with
	mv "$(newest)/state" ../state
	answers >../without
	mv ../state "$(newest)/state"
	cmp ../with ../without
}

@test "a small run has none" {
	manifest <<-'END'
		[stage.one]
		run = "true"
	END
	"$PAWL" run -q
	[ ! -e "$(newest)/state" ]
}

@test "with what was saved, without it, and with what is no good" {
	large
	touch go
	"$PAWL" run -q 2>/dev/null
	state=$(newest)/state
	[ "$(wc -c <"$(newest)/events.jsonl")" -gt 1100000 ]
	[ -s "$state" ]
	same
	grep -q '901: 1 failed, 900 done\|900 done, 1 failed' ../with
	answers >../want
	cp "$state" ../state
	for bad in 'truncate -s -1' 'truncate -s 0' 'truncate -s 40' \
		'perl -0777 -pi -e substr($_,length($_)/2,1)^="\x10"' \
		'perl -0777 -pi -e substr($_,12,1)^="\x01"'; do
		cp ../state "$state"
		$bad "$state"
		answers >../got
		cmp ../got ../want
	done
	# Nor does a file in its place that cannot be read.
	rm "$state"
	mkdir "$state"
	answers >../got
	cmp ../got ../want
	rmdir "$state"
	# That of another run.
	"$PAWL" run -q 2>/dev/null
	[ -s "$(newest)/state" ]
	answers >../want
	cp ../state "$(newest)/state"
	answers >../got
	cmp ../got ../want
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}

@test "ended by a signal, killed, gone on with" {
	large
	"$PAWL" run -q 2>/dev/null &
	pid=$!
	wait_until waits_for_go
	[ ! -e "$(newest)/state" ]
	kill -TERM "$pid"
	wait "$pid" || :
	first=$(newest)
	[ -s "$first/state" ]
	same
	# A torn end.
	cp "$first/events.jsonl" ../events
	printf '{"seq":99' >>"$first/events.jsonl"
	same
	# Less of the record than what was saved knows of.
	truncate -s -2000 "$first/events.jsonl"
	same
	cp ../events "$first/events.jsonl"
	cp "$first/state" ../older
	"$PAWL" run -q 2>/dev/null &
	pid=$!
	wait_until grown
	kill -9 "$pid"
	wait "$pid" || :
	[ "$(newest)" = "$first" ]
	same
	cp ../older "$first/state"
	same
	touch go
	"$PAWL" run -q 2>/dev/null
	[ "$(newest)" = "$first" ]
	same
	grep -q ': completed' ../with
	cp ../older "$first/state"
	same
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}
