#!/usr/bin/env bats
# status, runs, log, events: what is recorded of runs.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	echo 1 >in.txt
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "said"

		[stage.say]
		matrix = { n = [1, 2] }
		run = "echo hello from {{n}}; echo warned >&2; cat in.txt >{{n}}.txt"
		inputs = ["in.txt"]
		outputs = ["{{n}}.txt"]

		[stage.quiet]
		run = "cat 1.txt 2.txt >all.txt"
		inputs = ["1.txt", "2.txt"]
		outputs = ["all.txt"]

		[stage.bad]
		run = "test ! -e fail || { echo went wrong; exit 3; }; cp all.txt bad.txt"
		inputs = ["all.txt"]
		outputs = ["bad.txt"]
	TOML
}

teardown() {
	# A test that failed midway leaves nothing running.
	touch "$BATS_TEST_TMPDIR/work/go"
	[ -z "${slow:-}" ] || kill "$slow" 2>/dev/null || :
}

run_id() {
	basename .pawl/runs/*
}

# wait_for COMMAND…: until it succeeds, at most 20 s.
wait_for() {
	local end=$((SECONDS + 20))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
	done
}

@test "before any run" {
	for command in status events "log say --run latest" "log say"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$PAWL" $command
		[ "$status" -eq 2 ]
		[ "$output" = "" ]
		[ "$stderr" = "pawl: there is no run yet: 'pawl run' makes one" ]
	done
	run --separate-stderr "$PAWL" runs
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	[ "$("$PAWL" runs --json)" = "[]" ]
	[ ! -e .pawl ]
}

@test "status and runs of a good run" {
	"$PAWL" run -q --label who=me
	run --separate-stderr "$PAWL" status
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "${lines[0]}" = "run $(run_id): completed" ]
	[ "${lines[1]}" = "pipeline   said" ]
	[ "${lines[3]}" = "instances  4: 4 done" ]
	[ "${lines[4]}" = "attempts   4" ]
	[ "${lines[5]}" = "labels     who=me" ]
	[ "${#lines[@]}" -eq 6 ]
	whole=$output
	for name in latest "$(run_id)" 2; do [ "$("$PAWL" status "$name")" = "$whole" ]; done
	run "$PAWL" runs
	[[ "$output" =~ ^"$(run_id)  completed     0 ".*"4 done  who=me"$ ]]
}

@test "status of a failed run: what failed, why, and its log" {
	touch fail
	run "$PAWL" run -q
	[ "$status" -eq 1 ]
	run --separate-stderr "$PAWL" status
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "run $(run_id): failed, status 1 (stage-failed)" ]
	[ "${lines[3]}" = "instances  4: 3 done, 1 failed" ]
	[[ "${lines[5]}" == "  failed     bad: "*3* ]]
	log=$(sed -n 's/^ *log: //p' <<<"$output")
	[ "$(cat "$log")" = "went wrong" ]
	command -v jq >/dev/null || skip "no jq"
	"$PAWL" status --json >status.json
	[ "$(jq -c '[.state, .status, .name, .counts.failed, .instances_total]' status.json)" = \
		'["failed",1,"stage-failed",1,4]' ]
	[ "$(jq -r '.instances[] | select(.instance == "bad") | "\(.stage) \(.state) \(.attempts)"' status.json)" = \
		"bad failed 1" ]
	[ "$("$PAWL" runs --json | jq -c '.[0] | [.state, .pipeline]')" = '["failed","said"]' ]
}

@test "runs are listed oldest first; latest and previous name the last two" {
	"$PAWL" run -q
	first=$(run_id)
	echo 2 >in.txt
	"$PAWL" run -q
	run "$PAWL" runs
	[ "${#lines[@]}" -eq 2 ]
	[[ "${lines[0]}" == "$first "* ]]
	[[ "$("$PAWL" status previous)" == "run $first:"* ]]
	[[ "$("$PAWL" status)" == "run ${lines[1]%% *}:"* ]]
	run --separate-stderr "$PAWL" status 2
	[ "$status" -eq 2 ]
	[[ "$stderr" == "pawl: run '2': 2 runs begin so: "*"$first"* ]]
	run --separate-stderr "$PAWL" status 1999
	[ "$status" -eq 2 ]
	[[ "$stderr" == "pawl: run '1999': there is no such run"* ]]
}

@test "log: of an instance, of a stage, of an older run" {
	"$PAWL" run -q
	first=$(run_id)
	run --separate-stderr "$PAWL" log say@n=2
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "hello from 2
warned" ]
	both="==> say@n=1 <==
hello from 1
warned

==> say@n=2 <==
hello from 2
warned"
	[ "$("$PAWL" log say)" = "$both" ]
	[ "$("$PAWL" log 'sa*')" = "$both" ]
	[ "$("$PAWL" log quiet)" = "" ]
	# Newer runs that did not start it do not hide it.
	sed -i 's/test ! -e fail/true; &/' pawl.toml
	"$PAWL" run -q
	[ "$("$PAWL" log say)" = "$both" ]
	[ "$("$PAWL" log say --run "$first")" = "$both" ]
	run --separate-stderr "$PAWL" log say --run latest
	[ "$status" -eq 2 ]
	[[ "$stderr" == "pawl: run "*" did not start 'say'" ]]
	run --separate-stderr "$PAWL" log sya
	[ "$status" -eq 2 ]
	[ "$output" = "" ]
	[[ "$stderr" == "pawl: no run started 'sya': did you mean 'say'?" ]]
}

@test "events: the record as it is" {
	"$PAWL" run -q
	run --separate-stderr "$PAWL" events
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "$(cat .pawl/runs/*/events.jsonl)" ]
	[ "$("$PAWL" events "$(run_id)")" = "$output" ]
	[[ "${lines[0]}" == '{"seq":1,'*'"type":"run.started"'* ]]
	[[ "$output" == *'"type":"run.completed"'* ]]
}

@test "events: a record that was tampered with" {
	"$PAWL" run -q
	sed -i '2s/"count":[0-9]*/"count":77/; 2s/"stage":"[a-z]*"/"stage":"zzz"/' .pawl/runs/*/events.jsonl
	run --separate-stderr "$PAWL" events
	[ "$status" -eq 12 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ "$stderr" == "pawl: "*"events.jsonl"* ]]
	run --separate-stderr "$PAWL" status
	[ "$status" -eq 12 ]
	[ "$output" = "" ]
	run --separate-stderr "$PAWL" runs
	[ "$status" -eq 12 ]
}

# A run whose stage 'slow' goes on until the file `go` is there.
start_slow() {
	cat >>pawl.toml <<-'TOML'

		[stage.slow]
		run = "echo begun; until test -e go; do sleep 0.05; done; echo ended; echo x >slow.txt"
		outputs = ["slow.txt"]
	TOML
	"$PAWL" run slow -q 3>&- &
	slow=$!
	wait_for sh -c 'grep -qs begun .pawl/runs/*/logs/slow.*'
}

@test "while a run goes on" {
	start_slow
	run "$PAWL" status
	[ "${lines[0]}" = "run $(run_id): running" ]
	[[ "$output" == *"  running    slow  "* ]]
	[ "$("$PAWL" log slow)" = begun ]
	"$PAWL" log slow -f >followed 3>&- &
	log=$!
	"$PAWL" events -f >events 3>&- &
	events=$!
	wait_for grep -q begun followed
	wait_for grep -q attempt.started events
	run --separate-stderr "$PAWL" clean
	[ "$status" -eq 9 ]
	touch go
	wait "$slow"
	wait "$log"
	wait "$events"
	[ "$(cat followed)" = "begun
ended" ]
	cmp events .pawl/runs/*/events.jsonl
	[[ "$("$PAWL" status)" == "run $(run_id): completed"* ]]
}

@test "a run that was killed is interrupted" {
	start_slow
	kill -9 "$slow"
	wait "$slow" || :
	wait_for sh -c '"$PAWL" status | grep -q ": interrupted"'
	[[ "$("$PAWL" runs)" == *"  interrupted "* ]]
	run --separate-stderr "$PAWL" events
	[ "$status" -eq 0 ]
	touch go
	"$PAWL" run slow -q
	"$PAWL" status | grep -q ', continued 1 time$'
}

@test "a fault of pawl itself has a status of its own, and the next run cleans up" {
	start_slow 2>said
	kill -ABRT "$slow"
	status=0
	wait "$slow" || status=$?
	[ "$status" -eq 70 ]
	[ "$(tail -n 1 said)" = "pawl: this is a fault of pawl itself: please report it, with the lines above" ]
	touch go
	"$PAWL" run slow -q
	[ "$(cat slow.txt)" = x ]
}

@test "a reader that goes away early is no fault" {
	"$PAWL" run -q
	status=0
	"$PAWL" events | head -n 1 >/dev/null || status=$?
	[ "$status" -eq 0 ]
}
