#!/usr/bin/env bats
# `runs --stats`: what the records of a workspace say together.

load run

stats() {
	"$PAWL" runs --stats --json "$@" | tr -d ' \n'
}

@test "runs by state, and of each stage hits, failures, durations" {
	manifest <<-'END'
		[stage.a]
		matrix = { n = [1, 2] }
		run = "cat in >{{n}}"
		inputs = ["in"]
		outputs = ["{{n}}"]
		[stage.b]
		run = "cat 1 2 >b; grep -q good b"
		inputs = ["1", "2"]
		outputs = ["b"]
	END
	echo good >in
	ends 0
	echo bad >in
	ends 1
	echo good >in
	rm b
	ends 0
	run "$PAWL" runs --stats
	echo "$output"
	[ "${lines[0]}" = 'runs     3: 2 completed, 1 failed' ]
	[ "${lines[1]}" = 'failed   33.3 % of those that completed or failed' ]
	[[ "${lines[2]}" =~ ^stage\ +hits\ +ran\ +failed\ +P50\ +P95\ +P99\ +peak$ ]]
	[[ "${lines[3]}" =~ ^a\ +2\ +4\ +0\ +[0-9.]+ms ]]
	[[ "${lines[4]}" =~ ^b\ +1\ +1\ +1\ +[0-9.]+ms ]]
	[[ "$(stats)" == '{"schema":1,"runs":3,"by_state":{"completed":2,"failed":1},"failure_rate":0.33'*'"stages":[{"stage":"a","hits":2,"ran":4,"failures":0,"p50_ns":'*'"p95_ns":'*'"p99_ns":'*'{"stage":"b","hits":1,"ran":1,"failures":1,'* ]]
	# A run without work makes no record. The last two alone:
	ends 0
	[[ "$(stats --last 2)" == '{"schema":1,"runs":2,"by_state":{"completed":1,"failed":1},"failure_rate":0.5,'* ]]
	[[ "$(stats --last 100)" == '{"schema":1,"runs":3,'* ]]
	# What is up to date in a run that does something is a hit.
	rm 1
	ends 0
	[[ "$(stats --last 1)" == *'{"stage":"a","hits":2,"ran":0,"failures":0}'*'{"stage":"b","hits":1,"ran":0,"failures":0}'* ]]
}

@test "the share that passed, of all checks of a stage and of each that said no" {
	manifest <<-'END'
		[stage.fit]
		run = 'cat in >model; echo "{\"sharpe\": $(cat in), \"trades\": 3}" >m.json'
		inputs = ["in"]
		outputs = ["model"]
		metrics = "m.json"
		gate = ["sharpe >= 0.8", "trades >= 1"]
	END
	for sharpe in 1 0.5 0.9 0.7; do
		echo "$sharpe" >in
		"$PAWL" run -q || [ "$?" -eq 4 ]
	done
	run "$PAWL" runs --stats
	says 'stage  check          passed  judged'
	says 'fit    all            50.0 %       4'
	says '       sharpe >= 0.8  50.0 %       4'
	[[ "$output" != *trades* ]]
	[[ "$(stats)" == *'"judged":4,"passed":2,"refused_by":{"sharpe>=0.8":2}}'* ]]
}

@test "a run that was killed is interrupted, and one that is no record hides no other" {
	manifest <<-'END'
		[stage.a]
		run = ": >../up; while :; do sleep 0.01; done"
	END
	run "$PAWL" runs --stats
	[ "$status" -eq 0 ]
	[ "$output" = 'runs     0' ]
	"$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	until [ -e ../up ]; do sleep 0.01; done
	[[ "$(stats)" == *'"by_state":{"running":1}'* ]]
	kill -KILL "$pid"
	wait "$pid" || :
	[[ "$(stats)" == *'"by_state":{"interrupted":1}'* ]]
	mkdir .pawl/runs/20200101T000000Z-0000
	run "$PAWL" runs --stats
	[ "$status" -eq 11 ]
	says 'runs     1: 1 interrupted'
	printf 'no\nrecord{"type":"x\n' >.pawl/runs/20200101T000000Z-0000/events.jsonl
	run "$PAWL" runs --stats
	[ "$status" -eq 0 ]
	says 'runs     2: 1 pending, 1 interrupted'
}

@test "mistakes on the command line" {
	manifest <<<''
	run "$PAWL" runs --last 3
	[ "$status" -eq 2 ]
	says "'--last' is for '--stats'"
	run "$PAWL" runs --stats --last 0
	[ "$status" -eq 2 ]
	says "'0' of '--last' is no number of runs"
}
