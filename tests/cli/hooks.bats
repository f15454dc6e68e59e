#!/usr/bin/env bats
# Hooks: commands that are told of events, each once and in order, and harm nothing.

load run

# `pawl run` in the background as $pid, until a file is there.
start_until() {
	local file=$1
	shift
	"$PAWL" run "$@" >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e "$file"
}

# A hook that tells ../told what it was told of.
tells() {
	printf '[[on.%s]]\nrun = "echo $PAWL_HOOK $PAWL_STAGE >>../told"\n' "$1"
}

# All that the hooks were told is this, line by line.
told() {
	printf '%s\n' "$@" | diff -u - ../told
}

@test "each event is told once, in order, with itself on standard input" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >a"
		outputs = ["a"]
		[[on.stage_finished]]
		run = "cat >>../json; echo $PAWL_HOOK $PAWL_STAGE $PAWL_ATTEMPT >>../told"
		[stage.b]
		run = "cat a >b"
		inputs = ["a"]
		outputs = ["b"]
		[[on.stage_finished]]
		run = ["sh", "-c", "echo second >>../told"]
		[[on.stage_started]]
		run = "echo $PAWL_HOOK $PAWL_INSTANCE >>../told"
		[[on.started]]
		run = "echo $PAWL_HOOK >>../told; env | sort >../env"
		[[on.completed]]
		run = "echo $PAWL_HOOK $PAWL_EXIT_STATUS >>../told; cp $PAWL_RUN_DIR/result.json .."
	END
	ends 0
	told started 'stage_started a' 'stage_finished a 1' second 'stage_started b' \
		'stage_finished b 1' second 'completed 0'
	# Exactly as it is on record.
	events attempt.finished | diff -u - ../json
	grep -q '"status": *0' ../result.json
	grep -qx "PAWL=$PAWL" ../env
	grep -qx 'PAWL_RUN_DIR=/.*/w/.pawl/runs/[^/]*' ../env
	grep -qx "PAWL_RUN_ID=$("$PAWL" runs | cut -d' ' -f1)" ../env
	grep -qxE 'TRACEPARENT=00-[0-9a-f]{32}-[0-9a-f]{16}-01' ../env
	for name in STAGE INSTANCE ATTEMPT CAUSE EXIT_STATUS LOG; do grep -qx "PAWL_$name=" ../env; done
	# Each was recorded before it began, and that all were told at last.
	[ "$(events hook.started | wc -l)" -eq 8 ]
	[ "$("$PAWL" events | tail -n 1 | grep -c '"type":"hooks.told"')" -eq 1 ]
	run "$PAWL" verify
	[ "$status" -eq 0 ]
}

@test "a run without work tells nothing, and a changed hook makes no stage run" {
	manifest <<-END
		[stage.a]
		run = "echo a >>../ran; echo a >a"
		outputs = ["a"]
		$(tells completed)
	END
	ends 0
	ran a
	stands 1
	told completed
	tells started >>pawl.toml
	ends 0
	ran
	told completed
	stands 1
}

@test "a hook that fails, hangs, is missing or floods is reported and harms nothing" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >a"
		outputs = ["a"]
		[[on.stage_finished]]
		run = "echo oh; exit 3"
		[[on.stage_finished]]
		run = "echo $$ >../pid; while :; do sleep 1; done"
		timeout = "500ms"
		[[on.stage_finished]]
		run = ["no-such-program"]
		[[on.stage_finished]]
		run = "kill -TERM $$"
		[[on.stage_finished]]
		run = "exec yes 0123456789012345678901234567890123456789 | head -c 5000000"
		[[on.warning]]
		run = "echo $PAWL_HOOK >>../told"
		[[on.completed]]
		run = "echo $PAWL_HOOK >>../told"
	END
	ends 0
	says "hook 'stage_finished.1' of event 4: exit 3"
	says "hook 'stage_finished.2' of event 4: it took longer than 500ms and was ended"
	says "hook 'stage_finished.3' of event 4: "
	says "hook 'stage_finished.4' of event 4: signal 15"
	not kill -0 "$(cat ../pid)"
	[ "$(events hook.failed | wc -l)" -eq 4 ]
	events hook.failed | grep -q '"cause":"exit","reason":"exit 3","exit":3.*"log":"logs/hooks.log"'
	events hook.failed | grep -q '"cause":"timeout"'
	# What is wrong with hooks is not told to hooks.
	told completed
	grep -qx -- '--- stage_finished.1 of event 4' .pawl/runs/*/logs/hooks.log
	grep -qx oh .pawl/runs/*/logs/hooks.log
	[ "$(cat .pawl/runs/*/logs/hooks.log | wc -c)" -lt 1100000 ]
	stands 1
}

@test "a failed stage is told with cause, exit status and log, and the run's status stays" {
	manifest <<-'END'
		[stage.a]
		run = "echo oh no; exit 7"
		[stage.b]
		run = "echo b"
		needs = ["a"]
		[[on.stage_failed]]
		run = "echo $PAWL_CAUSE $PAWL_EXIT_STATUS $(cat $PAWL_LOG) >>../told"
		[[on.failed]]
		run = "echo $PAWL_HOOK $PAWL_EXIT_STATUS >>../told; exit 5"
		[[on.completed]]
		run = "echo wrong >>../told"
	END
	ends 1
	told 'exit 7 oh no' 'failed 1'
}

@test "a secret reaches no hook" {
	manifest <<-'END'
		[params]
		word = "x"
		[stage.a]
		run = "echo a >a; exit 1"
		secret_env = ["TOKEN"]
		[[on.started]]
		run = "cat >../json; env >../env"
		[[on.stage_failed]]
		run = "cat >>../json; env >>../env"
	END
	TOKEN=swordfish ends 1 -p word=swordfish
	not grep -q swordfish ../json ../env
	grep -q '"word":"\*\*\*"' ../json
}

@test "killed while it tells: what was begun is not told again, all else is" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo a >a"
		outputs = ["a"]
		[[on.started]]
		run = "echo one >>../told; : >../holding; while [ -e ../hold ]; do sleep 0.01; done"
		[[on.started]]
		run = "echo two >>../told"
		[[on.stage_finished]]
		run = "echo three >>../told"
		[[on.completed]]
		run = "echo four >>../told"
		[[on.resumed]]
		run = "echo wrong >>../told"
	END
	: >../hold
	start_until ../holding
	# The run is over, but for what is to be told.
	until events run.completed; do sleep 0.01; done
	kill -KILL "$pid"
	wait "$pid" || :
	rm ../hold
	told one
	: >../ran
	ends 0
	ran
	told one two three four
	run "$PAWL" verify
	[ "$status" -eq 0 ]
	stands 1
	told one two three four
}

@test "killed in the middle of a run: the run that goes on tells the rest" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >a"
		outputs = ["a"]
		[stage.b]
		run = ": >../holding; while [ -e ../hold ]; do sleep 0.01; done; cat a >b"
		inputs = ["a"]
		outputs = ["b"]
		[[on.stage_finished]]
		run = "echo begun $PAWL_STAGE >>../told; while [ -e ../hold ]; do sleep 0.01; done; echo $PAWL_STAGE >>../told"
		[[on.stage_finished]]
		run = "echo second $PAWL_STAGE >>../told"
		[[on.resumed]]
		run = "echo resumed >>../told"
	END
	: >../hold
	start_until ../holding
	until [ -s ../told ]; do sleep 0.01; done
	kill -KILL "$pid"
	wait "$pid" || :
	rm ../hold
	ends 0
	told 'begun a' 'second a' resumed 'begun b' b 'second b'
}

@test "an interrupted run tells it; a second signal ends the hooks, and the rest is told later" {
	manifest <<-'END'
		[pipeline.x]
		[stage.a]
		run = ": >../up; while [ -e ../hold ]; do sleep 0.01; done; echo a >a"
		outputs = ["a"]
		[[on.interrupted]]
		run = "echo one >>../told; : >../holding; while [ -e ../hold ]; do sleep 0.01; done"
		[[on.interrupted]]
		run = "echo two >>../told"
		[[on.completed]]
		run = "echo three >>../told"
	END
	sed -i '/pipeline.x/d' pawl.toml
	: >../hold
	start_until ../up
	kill -TERM "$pid"
	wait_until test -e ../holding
	kill -TERM "$pid"
	wait "$pid" && status=0 || status=$?
	[ "$status" -eq 143 ]
	told one
	rm ../hold
	ends 0
	told one two three
}

@test "a run that another plan replaces tells what it had not" {
	manifest <<-'END'
		[params]
		n = 1
		[stage.a]
		run = ": >../up; while [ -e ../hold ]; do sleep 0.01; done; echo {{n}} >a"
		outputs = ["a"]
		[[on.started]]
		run = "echo $PAWL_RUN_ID >>../told; while [ -e ../hold ]; do sleep 0.01; done"
		[[on.stage_started]]
		run = "echo $PAWL_HOOK >>../told"
	END
	: >../hold
	start_until ../up
	until [ -s ../told ]; do sleep 0.01; done
	kill -KILL "$pid"
	wait "$pid" || :
	rm ../hold
	ends 0 -p n=2
	[ "$(grep -c stage_started ../told)" -eq 2 ]
	[ "$(sort -u ../told | wc -l)" -eq 3 ]
}

@test "hundreds of events wait for a slow hook, and are told in order" {
	manifest <<-'END'
		[stage.a]
		matrix = { n = { from = 1, to = 300 } }
		run = "echo {{n}} >out/{{n}}"
		outputs = ["out/{{n}}"]
		[[on.stage_finished]]
		run = "echo $PAWL_INSTANCE >>../told"
	END
	ends 0 -q
	[ "$(wc -l <../told)" -eq 300 ]
	events attempt.finished | sed 's/.*"instance":"\([^"]*\)".*/\1/' | diff -u - ../told
	# A part of the plan is enough to tell, too.
	rm ../told out/7
	echo x >out/8
	"$PAWL" run --force='a@n=9' -q
	told a@n=9
}

@test "what is wrong with a hook in the manifest is said with its place" {
	manifest <<-'END'
		[stage.a]
		run = "true"
		[[on.complete]]
		run = "true"
	END
	ends 3
	says "pawl.toml:5:6: error: unknown event 'complete' in [[on.EVENT]]"
	says "did you mean 'completed'?"
}

@test "a stage that takes far longer than it used to is told, and that it is over" {
	manifest <<-'END'
		[stage.a]
		run = "until grep -q go in; do sleep 0.01; done; cat n"
		inputs = ["n"]
		[[on.warning]]
		run = "cat >>../json"
		[[on.stage_finished]]
		run = "echo $PAWL_HOOK >>../json"
	END
	echo go >in
	for n in 1 2 3; do
		echo "$n" >n
		ends 0 -q
	done
	echo 4 >n
	echo wait >in
	: >../json
	"$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	end=$((SECONDS + 60))
	until grep -q '"type":"warning"' ../json || [ "$SECONDS" -gt "$end" ]; do sleep 0.01; done
	echo go >in
	wait "$pid"
	cat ../said ../json
	sed 's/.*"type":"\([^"]*\)".*"about":"\([^"]*\)".*/\1 \2/' ../json >../told
	told 'warning slow' stage_finished 'warning.ended slow'
	grep -q 'warning   a: it runs for longer than 1.0s, over three times what 95 % of its attempts took' ../said
	grep -q '^over      a: it ended after ' ../said
}

@test "a retry and an opened breaker are told" {
	manifest <<-'END'
		[breaker.api]
		min_calls = 1
		when_open = "fail"
		[stage.a]
		run = "exit 75"
		retry = { max = 1, delay = "1ms", exit_codes = [75] }
		breaker = "api"
		[[on.retry]]
		run = "echo $PAWL_HOOK $PAWL_STAGE $PAWL_CAUSE >>../told"
		[[on.breaker_opened]]
		run = "echo $PAWL_HOOK >>../told"
		[[on.stage_failed]]
		run = "echo $PAWL_HOOK >>../told"
	END
	ends 10
	cat ../told
	grep -qx 'breaker_opened' ../told
	[ "$(grep -c stage_failed ../told)" -eq 1 ]
	sed -i 's/^min_calls.*/min_calls = 100/' pawl.toml
	rm ../told
	rm -rf .pawl
	ends 10
	told 'retry a exit' stage_failed
}
