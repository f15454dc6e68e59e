#!/usr/bin/env bats
# pawl is killed at random moments, again and again, over a pipeline with folders, stdout, restores,
# somebody's files, snapshots, a chain of streams and a stage that fails. The seed says when: KILL_SEED=n repeats one.

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	manifest
	mkdir a b b/4
	echo old >a/3.txt
	echo mine >b/4/mine
	echo mine >c-5.txt
}

manifest() {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "kill"
		[params]
		salt = 0
		[stage.a]
		matrix = { n = { from = 1, to = 10 } }
		run = "echo {{salt}}; seq {{n}} 400"
		stdout = "a/{{n}}.txt"
		[stage.b]
		matrix = { n = { from = 1, to = 10 } }
		inputs = ["a/{{n}}.txt"]
		run = "mkdir -p b/{{n}}/sub; for i in 1 2 3; do cp a/{{n}}.txt b/{{n}}/$i; done; ln -s ../1 b/{{n}}/sub/l"
		outputs = ["b/{{n}}/"]
		[stage.c]
		matrix = { n = { from = 1, to = 10 } }
		inputs = ["b/{{n}}/"]
		run = "cat b/{{n}}/1 b/{{n}}/sub/l > c-{{n}}.txt; sleep 0.01; wc -l < c-{{n}}.txt > c-{{n}}.count"
		outputs = ["c-{{n}}.txt", "c-{{n}}.count"]
		[stage.d]
		matrix = { n = { from = 1, to = 10 } }
		inputs = ["c-{{n}}.count", "c-*.txt"]
		run = "cat c-{{n}}.count; cat c-*.txt"
		stdout = "d/{{n}}"
		[stage.s]
		inputs = ["a/1.txt"]
		run = '''
		d=$PAWL_CHECKPOINT_DIR
		n=0
		while [ -e "$d/$((n + 1))" ]; do n=$((n + 1)); done
		while [ "$n" -lt 5 ]; do
			n=$((n + 1))
			head -n $((n * 50)) a/1.txt >"$d/$n"
			"$PAWL" checkpoint
			sleep 0.01
		done
		cat "$d"/?
		'''
		stdout = "s"
		checkpoint = { every = "0s", required = true }
		[stage.l]
		run = "echo {{salt}}; seq 60"
		stdout = "l"
		[stage.t]
		each = { stage = "l" }
		run = "read x; echo t$x"
		stdout = "t"
		queue = 10
		workers = 2
		[stage.u]
		each = { stage = "t" }
		run = "while read -r x; do echo u$x; done"
		stdout = "u"
		mode = "worker"
		workers = 2
		[stage.e]
		inputs = ["d/*"]
		run = "echo partial > e; [ -e good ]; cat d/* > e"
		outputs = ["e"]
	END
}

# What may happen between two runs.
disturb() {
	case $((RANDOM % 8)) in
	0) rm -f a/2.txt ;;
	1) rm -rf b/7 ;;
	2) echo junk >c-6.txt ;;
	3) rm -f d/1 ;;
	4) salt=$((salt + 1)) ;;
	esac
}

# Kills $1 runs, each with all its processes (`group`) or alone (`alone`).
kill_runs() {
	local left=$1 status pid
	while [ "$left" -gt 0 ]; do
		disturb
		setsid "$PAWL" run -k -j4 -p "salt=$salt" >said 2>&1 &
		pid=$!
		sleep "0.0$((RANDOM % 8 + 1))$((RANDOM % 10))"
		if [ "$2" = group ]; then
			kill -KILL -- "-$pid" 2>/dev/null || true
		else
			kill -KILL "$pid" 2>/dev/null || true
		fi
		status=0
		wait "$pid" || status=$?
		cat said
		echo "status $status"
		[[ " 0 1 137 " == *" $status "* ]]
		[ "$status" -ne 0 ] || salt=$((salt + 1))
		# What a command had begun to write when all was killed lies there until the next call.
		[ "$status" -eq 137 ] || [ ! -e e ]
		left=$((left - 1))
	done
}

# No instance starts again with the same salt after its end was recorded as done.
expect_nothing_twice() {
	cat .pawl/runs/*/events.jsonl | jq -r '
		if .type == "run.started" then ["salt", .params.salt, "", .run]
		elif .type == "attempt.started" then ["start", .instance, "", .run]
		elif .state == "done" or .type == "attempt.lost" and (.reason | endswith("is recorded"))
		then ["done", .instance, "", .run] else empty end | @tsv' |
		awk -F'\t' '$1 == "salt" { salt[$4] = $2; next }
			{ key = salt[$4] " " $2 }
			$1 == "start" && done[key] { print "twice:", key; bad = 1 }
			$1 == "done" { done[key] = 1 }
			END { exit bad }'
}

expect_undisturbed() {
	local output last
	[ -z "$(find . -name '.pawl-*')" ]
	[ -z "$(find .pawl/parked .pawl/tmp -mindepth 1 2>/dev/null)" ]
	for last in .pawl/runs/*/events.jsonl; do
		[[ $(tail -n1 "$last") =~ '"type":"run.'(completed|failed|abandoned) ]]
	done
	mkdir ../reference
	cp pawl.toml good ../reference
	(cd ../reference && "$PAWL" run -q -p "salt=$salt")
	for output in a b c-*.txt c-*.count d e s t u; do
		diff -r --no-dereference "$output" "../reference/$output"
	done
}

kill_test() { # $1 group or alone
	command -v jq >/dev/null || skip "no jq"
	salt=0
	RANDOM=${KILL_SEED:-$2}
	kill_runs 30 "$1"
	: >good
	"$PAWL" run -p "salt=$salt"
	run "$PAWL" run -p "salt=$salt"
	[ "$output" = "everything is up to date (45 instances)" ]
	expect_undisturbed
	expect_nothing_twice
}

@test "killed with all its processes" {
	kill_test group 5
}

@test "killed alone, its commands survive" {
	kill_test alone 7
}

# Until the command succeeds.
wait_for() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || return 1
		sleep 0.01
	done
}

# Is the process running? One that ended and was not waited for is not.
is_running() {
	grep -q '^State:	[^ZX]' "/proc/$1/status" 2>/dev/null
}

is_gone() {
	! is_running "$1"
}

@test "the same plan goes on with the run, another one abandons it and keeps what is done" {
	rm -rf a b c-5.txt
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "go-on"
		[stage.a]
		run = "echo a >> ran; echo a"
		stdout = "a.txt"
		[stage.b]
		inputs = ["a.txt"]
		run = "cat a.txt; [ -e go ] || { : > holding; sleep 60; }"
		stdout = "b.txt"
	END
	"$PAWL" run >said 2>&1 &
	pid=$!
	wait_for test -e holding
	kill -KILL "$pid"
	wait "$pid" || true
	rm holding
	"$PAWL" run >said 2>&1 &
	pid=$!
	wait_for test -e holding
	kill -KILL "$pid"
	wait "$pid" || true
	grep "was interrupted: 1 attempt cleaned up, 1 of 2 done, going on" said
	[ "$(ls .pawl/runs | wc -l)" -eq 1 ]
	first=$(ls .pawl/runs)
	sed -i 's/cat a.txt/cat  a.txt/' pawl.toml
	: >go
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output == *"run $first was interrupted: 1 attempt cleaned up, 1 of 2 done, a new run takes its place"* ]]
	[ "$(cat ran)" = a ]
	[ "$("$PAWL" runs | grep -c abandoned)" -eq 1 ]
}

@test "processes that a killed pawl left behind are ended by the next" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "survivors"
		[stage.a]
		run = '''
		[ ! -e go ] || exit 0
		setsid sh -c 'trap "" TERM HUP INT; echo $$ > pid; : > up; while :; do echo x >> out.txt; sleep 0.01; done' &
		sleep 60'''
		outputs = [{ path = "out.txt", optional = true }]
	END
	"$PAWL" run >said 2>&1 &
	pid=$!
	wait_for test -e up
	wait_for test -e out.txt
	kill -KILL "$pid"
	wait "$pid" || true
	is_running "$(cat pid)"
	: >go
	run "$PAWL" run
	[ "$status" -eq 0 ]
	! is_running "$(cat pid)"
	[ ! -e out.txt ]
}

@test "what a command made before the clock's next tick, or with old times, is moved away" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "times"
		[stage.a]
		run = "echo partial > new.txt; touch -d 2001-01-01 new.txt; [ -e go ] || { : > holding; sleep 60; }; echo good > new.txt"
		outputs = ["new.txt"]
		[stage.b]
		inputs = ["new.txt"]
		run = "cat new.txt"
		stdout = "b.txt"
	END
	"$PAWL" run >said 2>&1 &
	pid=$!
	wait_for test -e holding
	kill -KILL "$pid"
	wait "$pid" || true
	[ "$(cat new.txt)" = partial ]
	: >go
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[[ $output != *"was not made by pawl"* ]]
	[ "$(cat new.txt b.txt)" = "$(printf 'good\ngood')" ]
	[ "$(cat .pawl/failed/*/*/new.txt)" = partial ]
	[ ! -e .pawl/kept ]
}

@test "killed before anything was recorded: the folder of that run is no hindrance" {
	rm -rf a b c-5.txt
	: >good
	"$PAWL" run -q
	mkdir -p .pawl/runs/20991231T235959Z-0001/logs
	rm e
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[ -e e ]
	[ ! -e .pawl/runs/20991231T235959Z-0001 ]
}

# Without a next run: nobody else would end it.
@test "a command itself is gone with a pawl that was killed alone" {
	local child
	printf '[pipeline]\nname = "waits"\n[stage.a]\nrun = "echo $$ >../child; exec sleep 300"\n' >pawl.toml
	"$PAWL" run -q 2>/dev/null 3>&- &
	wait_for test -s ../child
	child=$(cat ../child)
	kill -KILL $!
	wait $! || true
	wait_for is_gone "$child"
}
