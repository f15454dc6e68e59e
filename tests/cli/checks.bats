#!/usr/bin/env bats
# Metrics, validations and gates: what is refused, what that means for others, and that the work is
# neither lost nor done again.

load run

# Files that pawl keeps of refused outputs.
refused() {
	find .pawl/refused -type f -name "$1" 2>/dev/null | wc -l
}

@test "a gate that says no: status 4, its outputs are away, dependants blocked, nothing again" {
	manifest <<-'END'
		[stage.fit]
		run = 'echo fit >>../ran; cat in >model; echo "{\"sharpe\": $(cat in)}" >m.json'
		inputs = ["in"]
		outputs = ["model"]
		metrics = "m.json"
		gate = "sharpe >= 0.8"
		[stage.use]
		run = "echo use >>../ran; cp model used"
		inputs = ["model"]
		outputs = ["used"]
	END
	echo 0.5 >in
	ends 4
	ran fit
	says "gate 'sharpe >= 0.8' says no: sharpe = 0.5"
	says "passes: sharpe >= 0.8"
	says "1 refused, 1 blocked"
	[ ! -e model ] && [ ! -e m.json ] && [ ! -e used ]
	[ "$(refused model)" -eq 1 ]
	# It stays refused, and nothing runs.
	ends 4
	ran ""
	says "says no: sharpe = 0.5"
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
	run "$PAWL" why fit
	[[ $output == "fit: refused: gate 'sharpe >= 0.8' says no: sharpe = 0.5"* ]]
	run "$PAWL" status
	[[ $output == *"refused    fit: gate"* ]]
	echo 0.9 >in
	ends 0
	ran fit use
	has used 0.9
	stands 2
}

@test "a refused result leaves what was accepted before where it lies" {
	manifest <<-'END'
		[stage.fit]
		run = 'echo fit >>../ran; mkdir out; cat in >out/model; "$PAWL" metric sharpe=$(cat in)'
		inputs = ["in"]
		outputs = ["out/"]
		gate = "sharpe >= 0.8"
	END
	echo 1 >in
	ends 0
	echo 0.5 >in
	ends 4
	ran fit
	has out/model 1
	has "$(find .pawl/refused -name model)" 0.5
	ends 4
	ran ""
	has out/model 1
	# What was good is known still.
	echo 1 >in
	ends 0
	ran ""
	has out/model 1
	echo 0.5 >in
	ends 4
	ran ""
	has out/model 1 || [ ! -e out/model ]
}

@test "a changed threshold judges the kept result anew and runs nothing" {
	manifest <<-'END'
		[params]
		least = 0.8
		[stage.fit]
		run = 'echo fit >>../ran; cat in >model; "$PAWL" metric sharpe=0.7'
		inputs = ["in"]
		outputs = ["model"]
		gate = "sharpe >= least"
		[stage.use]
		run = "echo use >>../ran; cp model used"
		inputs = ["model"]
		outputs = ["used"]
	END
	echo x >in
	ends 4
	ran fit
	ends 0 -p least=0.6
	ran use
	has model x
	has used x
	ends 0 -p least=0.6
	ran ""
	# And back: what was accepted is moved away.
	ends 4
	ran ""
	[ ! -e model ]
	sed -i 's/least = 0.8/least = 0.7/' pawl.toml
	ends 0
	ran ""
	has model x
	stands 2
}

@test "a threshold in the manifest is no part of the key, the place of the metrics is" {
	manifest <<-'END'
		[stage.fit]
		run = 'echo fit >>../ran; echo "{\"a\": 1}" >m.json; cp m.json n.json'
		outputs = ["m.json", "n.json"]
		metrics = "m.json"
		gate = "a >= 1"
	END
	ends 0
	sed -i 's/a >= 1/a > 0.5/' pawl.toml
	ends 0
	ran ""
	stands 1
	sed -i 's/^metrics.*/metrics = "n.json"/' pawl.toml
	ends 0
	ran fit
}

@test "all checks are asked and every refusal is listed; validation is told before gate" {
	manifest <<-'END'
		[stage.s]
		run = '"$PAWL" metric rows=3 loss=2.5 share=0.2; : >out'
		outputs = ["out"]
		validate = ["rows > 10", { name = "few losses", expr = "loss < 1 or share > 0.5" }]
		gate = ["share >= 0.1", "not (loss > 2)"]
	END
	ends 5
	says "validation 'rows > 10' says no: rows = 3; and 2 more"
	says "passes: rows > 10"
	says "validation few losses: loss < 1 or share > 0.5"
	says "passes: loss < 1 or share > 0.5"
	says "gate not (loss > 2)"
	[[ $output != *"gate share"* ]]
	"$PAWL" run --result r.json || :
	for text in '"cause": "validation"' '"rows": 3' '"kind": "gate"' '"wanted": "rows > 10"' \
		'"expression": "loss < 1 or share > 0.5"'; do
		grep -qF "$text" r.json
	done
	"$PAWL" events >events
	grep -q '"validation.failed"' events
	grep -q '"gate.refused"' events
	grep -q '"instance.refused"' events
}

@test "warnings refuse nothing and are said in each run" {
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>../ran; "$PAWL" metric rows=3; : >out'
		outputs = ["out"]
		validate = [{ expr = "rows > 10", severity = "warn" }]
	END
	ends 0
	ran s
	says "warning   s: check 'rows > 10' does not pass: rows = 3; passes with rows > 10"
	ends 0
	ran ""
	says "rows = 3"
	says "everything is up to date"
}

@test "--no-fail-on-validation-error makes warnings of validations, not of gates" {
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>../ran; "$PAWL" metric rows=3; : >out'
		outputs = ["out"]
		validate = "rows > 10"
	END
	ends 0 --no-fail-on-validation-error
	ran s
	says "does not pass: rows = 3"
	[ -e out ]
	# Without it the same result is refused: no quick answer hides that.
	ends 5
	ran ""
	[ ! -e out ]
	ends 0 --no-fail-on-validation-error
	ran ""
	[ -e out ]
	ends 5 --no-fail-on-validation-error --fail-on-validation-error
	sed -i 's/validate/gate/' pawl.toml
	ends 4 --no-fail-on-validation-error
}

@test "rules are checks by name, and defaults may name them" {
	manifest <<-'END'
		[rule.enough]
		expr = "rows > 10"
		[rule.small]
		expr = "rows < 100"
		severity = "warn"
		[defaults]
		validate = ["enough", "small"]
		[stage.a]
		run = '"$PAWL" metric rows=300; : >a'
		outputs = ["a"]
		[stage.b]
		run = '"$PAWL" metric rows=3; : >b'
		outputs = ["b"]
	END
	ends 5 -k
	says "check 'small' does not pass: rows = 300"
	says "validation 'enough' says no: rows = 3"
	says "1 ran, 1 refused"
}

@test "metrics of an ancestor, and which instance is meant" {
	manifest <<-'END'
		[stage.hist]
		matrix = { region = ["north", "south"], year = [1, 2] }
		run = 'echo h >h-{{region}}-{{year}}; "$PAWL" metric sharpe={{year}}.5'
		outputs = ["h-{{region}}-{{year}}"]
		[stage.live]
		matrix = { region = ["north", "south"] }
		run = 'cat h-{{region}}-2 >l-{{region}}; "$PAWL" metric sharpe=2'
		inputs = ["h-{{region}}-2"]
		outputs = ["l-{{region}}"]
		gate = ["sharpe >= 0.8 * hist@year=2.sharpe", "sharpe >= hist@year=(3-2).sharpe"]
		[stage.paper]
		run = '"$PAWL" metric sharpe=1; : >paper'
		inputs = ["l-north"]
		outputs = ["paper"]
		gate = "sharpe >= live@region='north'.sharpe"
	END
	ends 4
	says "sharpe = 1, live@region='north'.sharpe = 2"
	says "passes: sharpe >= 2"
	sed -i 's/sharpe >= live@/sharpe < live@/' pawl.toml
	ends 0
	stands 7
}

@test "a gate over a stage is reason enough to wait for it" {
	manifest <<-'END'
		[stage.late]
		run = 'sleep 0.2; "$PAWL" metric x=1; : >late'
		outputs = ["late"]
		[stage.soon]
		run = '"$PAWL" metric x=2; : >soon'
		outputs = ["soon"]
		gate = "x > late.x"
	END
	ends 0 -j2
	ends 0 soon
	rm -rf .pawl late soon
	ends 0 soon
	[ -e late ]
}

@test "what gates cannot speak of is an error of the manifest" {
	manifest <<-'END'
		[stage.a]
		matrix = { year = [1, 2] }
		run = "echo {{year}} >a-{{year}}"
		outputs = ["a-{{year}}"]
		[stage.b]
		run = "cat a-1 >b"
		inputs = ["a-1"]
		outputs = ["b"]
		gate = ["a.x > 1", "a@month=1.x > 1", "a@year=3.x > 1"]
	END
	ends 3
	says "'a@month=1.x' selects 'month', which is no axis of stage 'a'"
	sed -i 's/"a@month=1.x > 1", //' pawl.toml
	ends 3
	says "'a.x' could be of several instances of stage 'a'"
	sed -i 's/"a.x > 1", //' pawl.toml
	ends 3
	says "stage 'a' has no such instance"
	sed -i 's/a@year=3.x > 1/default(a@year=3.x, 2) > 1/' pawl.toml
	ends 0
}

@test "a name that could mean two things is refused, with what to write" {
	manifest <<-'END'
		[params]
		x = 5
		[stage.s]
		run = '"$PAWL" metric x=1; : >out'
		outputs = ["out"]
		gate = "x > 2"
	END
	ends 4
	says "'x' is both a param and a metric"
	sed -i 's/"x > 2"/"metric.x < x + 0"/' pawl.toml
	ends 4
	sed -i 's/"metric.x < x + 0"/"metric.x < 2"/' pawl.toml
	ends 0
}

# A stage that gives this metrics file, and a gate over `x`.
gives() {
	printf '%s' "$1" >given.json
	manifest <<-END
		[stage.s]
		run = "cp given.json m.json"
		inputs = ["given.json"]
		metrics = "m.json"
		gate = "${2:-x > 0}"
	END
}

@test "metrics that are missing, NaN or no number refuse in clear words" {
	gives '{"y": 1}'
	ends 4
	says "'x' is missing"
	gives '{}'
	ends 4
	says "'s' gave no metrics"
	gives '{"x": "1"}'
	ends 4
	says "'x' is a string, not a number"
	gives '{"x": null}'
	ends 4
	says "'x' is null, not a number"
	gives '{"x": true}'
	ends 4
	says "'x' is true, not a number"
	gives '{"x": [1]}'
	ends 4
	says "'x' is an array, not a number"
	gives '{"x": NaN}'
	ends 4
	says "what was given is NaN"
	gives '{"x": -Infinity}'
	ends 4
	says "what was given is infinite"
	gives '{"x": 1e999}'
	ends 4
	says "'x' is beyond 1.8e308, not a number"
	gives '{"x": 12345678901234567890123}'
	ends 4
	says "an integer that does not fit into 64 bits"
	gives '{"x": 1}' '1 / (x - 1) > 0'
	ends 4
	says "division by zero"
	gives '{"x": 1}' 'x > 0 or y > 0'
	ends 4
	says "'y' is missing"
	gives '{"x": 1}' 'x > 0 or default(y, 0) > 0'
	ends 0
	gives '{"x": NaN}' 'default(x, 1) > 0'
	ends 0
}

@test "numbers of metrics are exact" {
	gives '{"x": 9007199254740993}' 'x == 9007199254740993 and x != 9007199254740992'
	ends 0
	gives '{"a": {"b": {"c": 3}}, "p-value": 0.1}' "a.b.c == 3 and metric['p-value'] == 0.1"
	ends 0
	gives '{"x": 7}' 'x // 2 == 3'
	ends 0
}

@test "a metrics file that cannot be read is a failure of the stage, status 1" {
	gives '{"x": 1'
	ends 1
	says "metrics 'm.json' cannot be read: no JSON: "
	says "at byte 7"
	gives '[1]'
	ends 1
	says "an array where an object is expected"
	gives ''
	ends 1
	says "empty text"
	manifest <<-'END'
		[stage.s]
		run = "truncate -s 1G m.json"
		metrics = "m.json"
		gate = "x > 0"
	END
	ends 1
	says "it has 1073741824 bytes, more than 4194304"
	[ "$(du -s .pawl | cut -f1)" -lt 2000 ]
	manifest <<-'END'
		[stage.s]
		run = ":"
		metrics = "m.json"
	END
	ends 1
	says "output 'm.json' is nothing, declared as a file"
	manifest <<-'END'
		[stage.s]
		run = "ln -s /etc/passwd m.json"
		metrics = "m.json"
	END
	ends 1
	says "metrics 'm.json' cannot be read"
}

@test "metric: the last of one name counts, before the file; out of a stage it is of no use" {
	manifest <<-'END'
		[stage.s]
		run = '''"$PAWL" metric x=1 y=1; "$PAWL" metric x=3 "a b=4" z=nan w=much
		echo '{"x": 9, "f": 2}' >m.json'''
		metrics = "m.json"
		gate = "x == 3 and y == 1 and f == 2 and metric['a b'] == 4 and default(z, 0) == 0"
		validate = { expr = "w > 0", severity = "warn" }
	END
	ends 0
	says "'w' is a string, not a number"
	run "$PAWL" metric x=1
	[ "$status" -eq 2 ]
	[[ $output == *"'metric' is for the command of a stage"* ]]
	manifest <<-'END'
		[stage.s]
		run = '"$PAWL" metric novalue || exit 7'
	END
	ends 1
	says "'novalue' is no NAME=VALUE"
}

@test "-k goes on with what does not depend on the refused, and a failed command counts before" {
	manifest <<-'END'
		[stage.a]
		run = 'echo a >>../ran; "$PAWL" metric x=1; : >a'
		outputs = ["a"]
		gate = "x > 1"
		[stage.b]
		run = "echo b >>../ran; cat a >b"
		inputs = ["a"]
		outputs = ["b"]
		[stage.c]
		run = "echo c >>../ran; : >c; exit {{fail}}"
		outputs = ["c"]
		[params]
		fail = 0
	END
	ends 4 -k -j1
	ran a c
	ends 1 -k -p fail=3
	ran c
	sed -i 's/^gate.*/&\non_failure = "ignore"/' pawl.toml
	ends 1 -k
	says "'a' was not made by 'a'"
}

@test "a check with a command has its own kept verdict" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in >out"
		inputs = ["in"]
		outputs = ["out"]
		validate = [{ name = "short", run = "echo check >>../ran; test $(wc -c <out) -lt $(cat most)", inputs = ["most"] }]
	END
	echo hello >in
	echo 10 >most
	ends 0
	ran s check
	stands 1
	# Another file that it reads: asked again, and nothing else.
	echo 5 >most
	ends 5
	ran check
	says "validation 'short' says no: exit 1; log .pawl/runs/"
	[ ! -e out ]
	ends 5
	ran ""
	echo 10 >most
	ends 0
	ran ""
	has out hello
	# Another command: the outputs are there for it.
	rm out
	sed -i 's/-lt/-le/' pawl.toml
	ends 0
	ran check
	has out hello
	# What cannot be run or is killed is no verdict to keep.
	sed -i 's/run = "echo check[^"]*"/run = "echo check >>..\/ran; kill -9 $$"/' pawl.toml
	ends 5
	ran check
	says "killed by signal 9"
	ends 5
	ran check
	sed -i 's/run = "echo check[^"]*"/run = ["no-such-program"]/' pawl.toml
	ends 5
	says "it cannot be run"
}

@test "a check that takes too long is ended by the stage's timeout, and by Ctrl-C" {
	manifest <<-'END'
		[stage.s]
		run = ": >out"
		outputs = ["out"]
		timeout = "1s"
		gate = { run = "sleep 600" }
	END
	ends 4
	says "it took longer than the stage's timeout"
	[ ! -e out ]
	sed -i 's/^timeout.*//; s/sleep 600/: >..\/holding; sleep 600/' pawl.toml
	"$PAWL" run >../said 2>&1 3>&- &
	pid=$!
	until [ -e ../holding ]; do sleep 0.01; done
	kill -TERM "$pid"
	wait "$pid" && return 1
	[ ! -e out ]
	sed -i 's/sleep 600/true/' pawl.toml
	ends 0
	[ -e out ]
}

@test "killed between the result and the verdict: the next run judges" {
	manifest <<-'END'
		[stage.s]
		run = 'echo s >>../ran; cat in >out; "$PAWL" metric x=$(cat in)'
		inputs = ["in"]
		outputs = ["out"]
		gate = ["x > 1", { run = ": >../holding; until [ -e ../go ]; do sleep 0.01; done" }]
	END
	: >../go
	echo 2 >in
	ends 0
	for value in 1 3; do
		rm -f ../go ../holding
		echo "$value" >in
		: >../ran
		"$PAWL" run >../said 2>&1 3>&- &
		pid=$!
		until [ -e ../holding ]; do sleep 0.01; done
		kill -KILL "$pid"
		wait "$pid" || :
		: >../go
		run "$PAWL" clean --orphans
		# Not accepted yet: what was is there.
		has out 2
		if [ "$value" -eq 1 ]; then ends 4; else ends 0; fi
		ran ""
		if [ "$value" -eq 1 ]; then has out 2; else has out 3; fi
	done
}

@test "metrics in a command, its environment and when: in the key, known when their stage is done" {
	manifest <<-'END'
		[stage.fit]
		run = 'echo fit >>../ran; "$PAWL" metric best=$(cat in); : >fit'
		inputs = ["in"]
		outputs = ["fit"]
		[stage.use]
		run = "echo use >>../ran; echo {{fit.best}} $TWICE >used"
		env = { TWICE = "{{fit.best * 2}}" }
		outputs = ["used"]
		[stage.maybe]
		when = "fit.best > 2"
		run = "echo maybe >>../ran; echo yes >maybe"
		outputs = ["maybe"]
	END
	echo 1 >in
	ends 0
	ran fit use
	has used "1 2"
	says "skipped   maybe: when = fit.best > 2 is false"
	ends 0
	ran ""
	echo 3 >in
	ends 0
	ran fit use maybe
	has used "3 6"
	has maybe yes
	stands 3
	echo 1 >in
	ends 0
	ran ""
	has used "1 2"
	ends 0
	ran ""
	"$PAWL" why use
	sed -i 's/^run = .echo fit.*/run = "echo fit >>..\/ran; : >fit"/' pawl.toml
	ends 3
	says "'fit.best' is missing: 'fit' gave no metrics"
}

@test "metrics stay known where nothing moved" {
	manifest <<-'END'
		[stage.a]
		run = 'echo a >>../ran; "$PAWL" metric x=5; : >a'
		outputs = ["a"]
		[stage.b]
		run = 'echo b >>../ran; "$PAWL" metric x=$(cat in); : >b'
		inputs = ["in"]
		outputs = ["b"]
		gate = "x < a.x"
	END
	for stage in c d e f g; do
		printf '[stage.%s]\nrun = ": >%s"\noutputs = ["%s"]\n' $stage $stage $stage >>pawl.toml
	done
	echo 1 >in
	ends 0
	stands 7
	# A slice of the plan: only `b` is behind what moved.
	echo 2 >in
	ends 0
	ran b
	echo 9 >in
	ends 4
	ran b
	ends 4
	ran ""
	echo 2 >in
	ends 0
	ran ""
	stands 7
}

@test "hooks are told of refusals" {
	manifest <<-'END'
		[stage.s]
		run = '"$PAWL" metric x=1; : >out'
		outputs = ["out"]
		validate = "x > 2"
		gate = "x > 3"
		[[on.gate_refused]]
		run = "cat >../gate"
		[[on.validation_failed]]
		run = "cat >../validation"
		[[on.stage_failed]]
		run = "cat >../failed"
	END
	ends 5
	grep -q '"wanted":"x > 3"' ../gate
	grep -q '"expression":"x > 2"' ../validation
	grep -q '"instance.refused"' ../failed
}
