#!/usr/bin/env bats
# Attempts that are made again, and circuit breakers, by what a user sees. Times are in
# tests/unit/run/retries.c, on a clock of its own.

load run

# Says that it ran, and fails with the status $2 until it ran $1 times.
flaky() {
	printf 'echo s >>../ran; n=$(wc -l <../ran); test "$n" -ge %s || exit %s; echo "$n" >out' "$1" "$2"
}

stage() {
	manifest <<-END
		[stage.s]
		run = '$(flaky "$1" "$2")'
		outputs = ["out"]
		retry = $3
	END
}

@test "fails twice, then succeeds: three attempts" {
	stage 3 1 '{ max = 3, delay = "1ms", jitter = false }'
	ends 0
	ran s s s
	says "retry     1 of 3 of s in 1ms: exit 1"
	says "retry     2 of 3 of s in 2ms: exit 1"
	has out 3
	stands 1
}

@test "max counts retries, and the reason is the last attempt's" {
	stage 9 3 '{ max = 3, delay = "0s" }'
	ends 1
	ran s s s s
	says "retry     3 of 3 of s"
	says "failed    s: exit 3"
	# The next run starts anew.
	ends 1
	ran s s s s
	ends 1 --no-retry
	ran s
}

@test "a number is max" {
	stage 2 1 1
	sed -i 's/^retry.*/retry = 1\nenv = { X = "1" }/' pawl.toml
	ends 0
	ran s s
}

@test "an exit code that is listed is retried, others are not, and what is left may pass" {
	stage 9 75 '{ max = 1, delay = "0s", exit_codes = [75, 76] }'
	ends 10
	ran s s
	stage 9 74 '{ max = 1, delay = "0s", exit_codes = [75, 76] }'
	ends 1
	ran s
}

@test "a timeout is retried where it is named" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; exec sleep 600"
		outputs = ["out"]
		timeout = "500ms"
		retry = { max = 1, delay = "0s", on = ["timeout"] }
	END
	ends 7
	ran s s
	sed -i 's/"timeout"\]/"signal"]/' pawl.toml
	ends 7
	ran s
}

@test "a signal is retried" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; test -e ../once || { : >../once; kill -9 $$; }; echo 1 >out"
		outputs = ["out"]
		retry = { delay = "0s", on = ["signal"] }
	END
	ends 0
	ran s s
}

@test "the command knows which attempt it is, and each attempt has its log" {
	manifest <<-'END'
		[stage.s]
		run = 'echo "attempt $PAWL_ATTEMPT of $PAWL_MAX_ATTEMPTS"; test "$PAWL_ATTEMPT" = 3 && echo 1 >out'
		outputs = ["out"]
		retry = { max = 4, delay = "0s" }
	END
	ends 0
	for n in 1 2 3; do
		grep -qx "attempt $n of 5" .pawl/runs/*/logs/* || return 1
	done
	[ "$(find .pawl/runs/*/logs -type f | wc -l)" -eq 3 ]
}

@test "what was there before returns after each attempt, and partial outputs are kept aside" {
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>../ran; cat out >>../before 2>/dev/null || :; echo half >out; test -e ../fine && cat in >out'
		inputs = ["in"]
		outputs = ["out"]
		retry = { max = 2, delay = "0s" }
	END
	: >../fine
	echo 1 >in
	ends 0
	rm ../fine
	echo 2 >in
	ends 1
	ran s s s
	has out 1
	[ "$(find .pawl/failed -name out | wc -l)" -ge 1 ]
	[ ! -s ../before ]
}

@test "retries, delays and breakers are in no key" {
	stage 1 1 '{ max = 3, delay = "1ms" }'
	ends 0
	sed -i 's/max = 3/max = 4/' pawl.toml
	ends 0
	ran ""
}

@test "a killed run goes on with the retries that are left" {
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>../ran; test "$(wc -l <../ran)" -ne 3 || kill -9 "$PPID"; exit 1'
		shell = ["/bin/sh", "-c"]
		outputs = ["out"]
		retry = { max = 3, delay = "0s" }
	END
	: >../ran
	run "$PAWL" run
	[ "$status" -eq 137 ]
	ran s s s
	run "$PAWL" run
	[ "$status" -eq 1 ]
	# The third was lost by the kill, which is no failure of its own: two retries were used.
	ran s s s s s
	says "retry     3 of 3 of s"
}

@test "a stage that fails while others wait: nothing new starts" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; exit 1"
		outputs = ["a"]
		retry = { max = 1, delay = "1h", jitter = false }
		[stage.b]
		run = "until grep -q a ../ran; do sleep 0.01; done; echo b >>../ran; exit 1"
		outputs = ["b"]
	END
	ends 1 -j2
	ran a b
}

@test "max, delay and jitter from params" {
	manifest <<-END
		[params]
		many = 1
		wait = "0s"
		[stage.s]
		run = '$(flaky 9 1)'
		outputs = ["out"]
		retry = { max = "{{many}}", delay = "{{wait}}", jitter = "{{many > 5}}" }
	END
	ends 1
	ran s s
	ends 1 -p many=2
	ran s s s
	ends 3 -p many=-1
	says "'retry.max' of stage 's' is '-1', but must be an integer from 0 to 1000"
}

@test "mistakes in retry" {
	stage 1 1 '{ max = -1 }'
	ends 3
	says "'max' in 'retry' of stage 's' must be from 0 to 1000"
	stage 1 1 '{ backoff = "fast" }'
	ends 3
	says "must be \"exponential\", \"linear\" or \"constant\""
	stage 1 1 '{ on = ["exit", "exit"] }'
	ends 3
	says "may hold \"exit\", \"timeout\", \"signal\" and \"oom\", each once"
	stage 1 1 '{ exit_codes = [0] }'
	ends 3
	says "no exit code"
	stage 1 1 '{ retires = 3 }'
	ends 3
	says "unknown key 'retires'"
	stage 1 1 '"often"'
	ends 3
	says "must be a table or an integer"
}

# --- recover ---

@test "a command helps before one more attempt" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; grep sound state >out"
		inputs = ["state"]
		outputs = ["out"]
		recover = "echo help >>../ran; echo sound >state"
	END
	echo broken >state
	ends 0
	ran s help s
	has out sound
	says "retry     1 of 1 of s in 0ms: exit 1"
	stands 1
}

@test "it knows what failed, and prints into a log of its own" {
	manifest <<-'END'
		[stage.s]
		run = "echo so far; exit 7"
		outputs = ["out"]
		recover = 'echo "$PAWL_CAUSE $PAWL_EXIT_STATUS $PAWL_ATTEMPT $PAWL_STAGE" {{outputs}}; cat "$PAWL_LOG"; env | sort'
	END
	ends 1
	log=$(grep -l '^exit 7 1 s out$' .pawl/runs/*/logs/*)
	grep -qx 'so far' "$log"
	grep -qx 'PAWL_CAUSE=exit' "$log"
}

@test "it runs before each retry, and a missing output is worth one" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; exit 1"
		outputs = ["out"]
		retry = { max = 2, delay = "0s" }
		recover = "echo help >>../ran"
		[stage.t]
		run = "echo t >>../ran; test ! -e ../fixed || echo 1 >out2"
		outputs = ["out2"]
		recover = ": >../fixed"
	END
	ends 1 -k -j1
	ran s help s help s t t
	[ -e out2 ]
}

@test "when it fails too both are told, and the first counts" {
	manifest <<-'END'
		[stage.s]
		run = "exit 75"
		outputs = ["out"]
		retry = { max = 5, delay = "0s", exit_codes = [75] }
		recover = "exit 9"
	END
	ends 10
	says "failed    s: exit 75; 'recover' failed too: exit 9"
	not says retry
	sed -i 's/^recover.*/recover = ["no-such-program"]/' pawl.toml
	ends 10
	says "exit 75; 'recover' failed too: "
	says no-such-program
}

@test "it ends with the stage's timeout, and with the run" {
	manifest <<-'END'
		[stage.s]
		run = "exit 1"
		outputs = ["out"]
		timeout = "1s"
		recover = "exec sleep 600"
	END
	ends 1
	says "'recover' failed too: it took longer than the stage's timeout"
	sed -i '/^timeout/d; s/^recover.*/recover = "kill -INT $PPID; exec sleep 600"/' pawl.toml
	ends 130
	says "cancelled s"
	! pgrep -f 'sleep 600' -s 0
}

@test "what recover says is checked before anything runs, and is in no key" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo 1 >out"
		outputs = ["out"]
		recover = "rm {{nothing}}"
	END
	ends 3
	ran ''
	says nothing
	sed -i 's/^recover.*/recover = "true"/' pawl.toml
	ends 0
	sed -i 's/^recover.*/recover = "false"/' pawl.toml
	ends 0
	ran ''
}

# --- breakers ---

calls() {
	manifest <<-END
		[breaker.api]
		min_calls = 2
		open_for = "$1"
		when_open = "$2"
		[stage.c]
		matrix = { n = [1, 2, 3, 4, 5] }
		run = 'echo {{n}} >>../ran; test -e ../up && echo 1 >out{{n}}'
		outputs = ["out{{n}}"]
		breaker = "api"
	END
}

@test "a breaker opens, and what would be called fails at once" {
	calls 1h fail
	ends 1 -k -j1
	ran 1 2
	says "breaker   api is open for 1h00m: too many calls failed, last 'c@n=2' failed"
	says "failed    c@n=3: breaker 'api' is open"
}

@test "an open breaker outlives the run, and is status 10 and shown by status" {
	calls 1h fail
	ends 1 -k -j1
	: >../up
	ends 10 -k -j1
	ran ""
	run "$PAWL" status
	says "breaker    api is open, opened 20"
	"$PAWL" status --json | grep -q '"state": "open"'
}

@test "what waits for a breaker is called when the probe went well" {
	manifest <<-'END'
		[breaker.api]
		min_calls = 2
		open_for = "50ms"
		[stage.c]
		matrix = { n = [1, 2, 3, 4, 5] }
		run = """
		echo {{n}} >>../ran; test {{n}} -gt 2 || exit 1
		until grep -q breaker.opened "$PAWL_RUN_DIR/events.jsonl"; do sleep 0.01; done
		echo 1 >out{{n}}"""
		outputs = ["out{{n}}"]
		breaker = "api"
	END
	ends 1 -k -j2
	says "breaker   api is open for 50ms: too many calls failed, last 'c@n="
	says "' failed"
	says "breaker   api lets one through"
	says "breaker   api is closed: the probe 'c@n="
	says "' went well"
	ran 1 2 3 4 5
}

@test "a damaged file of breakers is told and counts as none" {
	calls 1h fail
	ends 1 -k -j1
	: >../up
	for text in '' '{' '{"format":"pawl breakers 2","breakers":{}}' \
		'{"format":"pawl breakers 1","breakers":{"api":{"state":"ajar","opened_ns":1,"calls":[]}}}' \
		'{"format":"pawl breakers 1","breakers":{"api":{"state":"open","opened_ns":-1,"calls":[]}}}' \
		'{"format":"pawl breakers 1","breakers":{"api":{"state":"closed","opened_ns":1,"calls":[[1]]}}}'; do
		printf '%s' "$text" >.pawl/breakers
		rm -f out?
		"$PAWL" run -q --force >../said 2>&1 || { cat ../said; return 1; }
		"$PAWL" events | grep -q 'breakers count as closed' || return 1
	done
}

@test "a breaker of another manifest stays as it is" {
	calls 1h fail
	ends 1 -k -j1
	cat >other.toml <<-'END'
		[pipeline]
		name = "other"
		[breaker.own]
		[stage.o]
		run = "echo 1 >o"
		outputs = ["o"]
		breaker = "own"
	END
	"$PAWL" -f other.toml run -q
	grep -q '"api":{"state":"open"' .pawl/breakers
	ends 10 -k -j1 'c@n=5'
}

@test "mistakes in breakers" {
	calls 1h sometimes
	ends 3
	says "must be \"wait\" or \"fail\""
	calls 1h wait
	sed -i 's/^breaker = "api"/breaker = "apu"/' pawl.toml
	ends 3
	says "names 'apu', which is no breaker"
	says "did you mean 'api'?"
	calls 1h wait
	sed -i 's/^min_calls.*/failure_ratio = 1.5/' pawl.toml
	ends 3
	says "must be above 0 and at most 1"
}
