#!/usr/bin/env bats
# plan and why: what would run and the reason in words; nothing is changed by asking.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	echo 1 >a.in
	echo 2 >b.in
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "chain"

		[params]
		word = "one"

		[stage.first]
		matrix = { name = ["a", "b"] }
		run = "cat {{inputs}} >{{name}}.mid; echo $LEVEL >>{{name}}.mid"
		inputs = ["{{name}}.in"]
		outputs = ["{{name}}.mid"]
		env = { LEVEL = "low" }

		[stage.second]
		run = "{ echo {{word}}; cat a.mid b.mid; } >end.txt"
		inputs = ["a.mid", "b.mid"]
		outputs = ["end.txt"]

		[stage.all]
		needs = ["second"]
	TOML
}

# What the plan says of one instance.
planned() {
	"$PAWL" plan "${@:2}" | sed -n "s/^\(may run\|[a-z]*\) *$1: /\1: /p"
}

@test "a fresh workspace: what would run, what may, and nothing is written" {
	run --separate-stderr "$PAWL" plan
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	[ "$output" = "run      first@name=a: never finished here
run      first@name=b: never finished here
may run  second: depends on what 'first@name=a' makes
2 would run, 1 may run" ]
	[ ! -e .pawl ]
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
	[ "$("$PAWL" run -n)" = "$("$PAWL" plan)" ]
}

@test "all up to date" {
	"$PAWL" run -q
	run --separate-stderr "$PAWL" plan --check
	[ "$status" -eq 0 ]
	[ "$output" = "3 up to date" ]
	[ "$stderr" = "" ]
}

@test "each kind of change is named" {
	"$PAWL" run -q
	echo 3 >a.in
	[ "$(planned first@name=a)" = "run: input 'a.in' changed" ]
	[ "$(planned first@name=b)" = "" ]
	echo 1 >a.in
	[ "$(planned second -p word=two)" = "run: the command changed" ]
	sed -i 's/low/high/' pawl.toml
	[ "$(planned first@name=b)" = "run: variable 'LEVEL' changed" ]
	sed -i 's/high/low/; s/name = "chain"/&\nversion = "2"/' pawl.toml
	[ "$(planned first@name=b)" = "run: the pipeline's version changed" ]
	sed -i '/^version/d; s/"{{name}}.in"\]/"{{name}}.in", "pawl.txt"]/' pawl.toml
	echo x >pawl.txt
	[ "$(planned first@name=b)" = "run: the command changed, and 1 more" ]
	rm pawl.txt
	run --separate-stderr "$PAWL" plan
	[ "$status" -eq 3 ]
}

@test "outputs that are gone come from the store, or are made again" {
	"$PAWL" run -q
	rm end.txt
	[ "$(planned second)" = "restore: output 'end.txt' is not as it was, and the store has it" ]
	run "$PAWL" plan --check
	[ "$status" -eq 6 ]
	rm -r .pawl/objects
	[ "$(planned second)" = "run: output 'end.txt' is neither here nor in the store" ]
}

@test "a part of the plan" {
	"$PAWL" run -q
	echo 3 >a.in
	echo 3 >b.in
	run "$PAWL" plan first@name=b
	[ "$output" = "run      first@name=b: input 'b.in' changed
1 would run" ]
	run "$PAWL" plan b.mid
	[ "${lines[0]}" = "run      first@name=b: input 'b.in' changed" ]
	mkdir sub
	cd sub
	run "$PAWL" plan ../b.mid
	[ "${lines[0]}" = "run      first@name=b: input 'b.in' changed" ]
}

@test "forced, and from somewhere on" {
	"$PAWL" run -q
	[ "$(planned first@name=b --force=first@name=b)" = "run: forced" ]
	[ "$(planned first@name=a --force=first@name=b)" = "" ]
	[ "$(planned first@name=a --from first@name=a)" = "run: forced" ]
	[ "$(planned second --from first@name=a)" = "may run: depends on what 'first@name=a' makes" ]
}

@test "files that pawl did not make are announced" {
	echo precious >end.txt
	run --separate-stderr "$PAWL" plan
	[[ "$output" == *"keep     'end.txt': pawl did not make what lies there; it would be moved to .pawl/kept"* ]]
	"$PAWL" run -q
	[ "$(cat .pawl/kept/*/end.txt)" = precious ]
	run --separate-stderr "$PAWL" plan
	[ "$output" = "3 up to date" ]
	echo mine >end.txt
	run --separate-stderr "$PAWL" plan
	[[ "$output" == *"keep     'end.txt'"* ]]
}

@test "stages that are skipped say why" {
	sed -i 's/^\[stage.second\]/&\nwhen = "word == '"'two'"'"/' pawl.toml
	"$PAWL" run -q
	run "$PAWL" plan
	[[ "${lines[0]}" == "skip     second: "* ]]
	[ "${lines[1]}" = "1 would be skipped, 2 up to date" ]
	run "$PAWL" plan --check
	[ "$status" -eq 0 ]
}

@test "JSON of a plan" {
	command -v jq >/dev/null || skip "no jq"
	"$PAWL" run -q
	echo 3 >a.in
	"$PAWL" plan --json >plan.json
	[ "$(jq -r '.instances[0] | "\(.instance) \(.stage) \(.action) \(.reason)"' plan.json)" = \
		"first@name=a first run input 'a.in' changed" ]
	[ "$(jq -r '.instances[1].action' plan.json)" = may_run ]
	[ "$(jq -c '[.counts.run, .counts.may_run, .counts.nothing]' plan.json)" = "[1,1,1]" ]
	[ "$(jq -c .kept plan.json)" = "[]" ]
}

@test "why: old and new value of each field" {
	"$PAWL" run -q
	run --separate-stderr "$PAWL" why second
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "second: up to date" ]
	[[ "${lines[1]}" =~ ^"  last result: "[0-9TZ:.-]+", run "[0-9]+T ]]
	[ "${#lines[@]}" -eq 2 ]
	run --separate-stderr "$PAWL" why second -p word=two
	[ "${lines[0]}" = "second: would run: the command changed" ]
	[ "${lines[2]}" = "  the command changed" ]
	[ "${lines[3]}" = "    was { echo one; cat a.mid b.mid; } >end.txt" ]
	[ "${lines[4]}" = "    now { echo two; cat a.mid b.mid; } >end.txt" ]
	old=$(sha256sum <a.in) new=$(echo 3 | sha256sum)
	echo 3 >a.in
	run --separate-stderr "$PAWL" why first
	[ "${lines[0]}" = "first@name=a: would run: input 'a.in' changed" ]
	[ "${lines[3]}" = "    was ${old:0:12}" ]
	[ "${lines[4]}" = "    now ${new:0:12}" ]
	[ "${lines[5]}" = "first@name=b: up to date" ]
}

@test "why: an older result that counts again" {
	"$PAWL" run -q
	first=$("$PAWL" status | sed -n 's/^run \([^:]*\):.*/\1/p')
	"$PAWL" run -q -p word=two
	run --separate-stderr "$PAWL" why second
	[ "${lines[0]}" = "second: would be restored: output 'end.txt' is not as it was, and the store has it" ]
	[[ "${lines[1]}" == *" run $first" ]]
	[ "${#lines[@]}" -eq 2 ]
	run --separate-stderr "$PAWL" why second -p word=two
	[ "${lines[0]}" = "second: up to date" ]
	[[ "${lines[1]}" != *" run $first" ]]
}

@test "why: JSON" {
	command -v jq >/dev/null || skip "no jq"
	"$PAWL" run -q
	"$PAWL" why second --json -p word=two >why.json
	[ "$(jq -r '.[0].verdict' why.json)" = "would run" ]
	[ "$(jq -r '.[0].changes[0].field' why.json)" = command ]
	[ "$(jq -r '.[0].changes[0].was' why.json)" = "{ echo one; cat a.mid b.mid; } >end.txt" ]
	[ "$(jq -r '.[0].last.adopted' why.json)" = false ]
}

@test "mistyped stages get a suggestion" {
	for command in plan why list adopt clean; do
		run --separate-stderr "$PAWL" "$command" secnd
		[ "$status" -eq 2 ]
		[ "$output" = "" ]
		[ "$stderr" = "pawl: there is no stage 'secnd': did you mean 'second'?" ]
	done
}

@test "asking changes nothing below .pawl, and needs no write permission" {
	"$PAWL" run -q
	echo 3 >a.in
	touch b.in
	before=$(find . -printf '%p %T@ %C@ %s\n' | LC_ALL=C sort)
	"$PAWL" plan
	"$PAWL" plan --rehash
	"$PAWL" why second
	"$PAWL" check
	"$PAWL" list
	"$PAWL" graph
	"$PAWL" status
	"$PAWL" runs
	"$PAWL" log first
	"$PAWL" events
	"$PAWL" clean -n
	[ "$(find . -printf '%p %T@ %C@ %s\n' | LC_ALL=C sort)" = "$before" ]
}

@test "an instance that cannot run says what it lacks" {
	cat >>pawl.toml <<-'TOML'

		[stage.lacking]
		run = "cat {{inputs}} >l.txt"
		inputs = ["none/*.csv"]
		outputs = ["l.txt"]
	TOML
	run --separate-stderr "$PAWL" plan lacking
	[ "$status" -eq 0 ]
	[[ "${lines[0]}" == "fail     lacking: "*"none/*.csv"* ]]
	[ "${lines[1]}" = "1 would fail" ]
	run "$PAWL" plan lacking --check
	[ "$status" -eq 6 ]
	run "$PAWL" why lacking
	[[ "${lines[0]}" == "lacking: would fail: "*"none/*.csv"* ]]
}

@test "what a depfile named counts, and is named" {
	cat >>pawl.toml <<-'TOML'

		[stage.compile]
		run = "cat main.c extra.h >main.o; echo main.o: main.c extra.h >main.d"
		inputs = ["main.c"]
		outputs = ["main.o"]
		depfile = "main.d"
	TOML
	echo c >main.c
	echo h >extra.h
	"$PAWL" run -q compile
	"$PAWL" plan --check compile
	echo other >extra.h
	[ "$(planned compile)" = "run: discovered input 'extra.h' changed" ]
	run "$PAWL" adopt compile
	[ "$status" -eq 2 ]
	[[ "$output" == *"'compile' cannot be adopted: what it reads is known only from the depfile of a run"* ]]
}

@test "after an interruption: what the run ran already is not announced again" {
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "x"

		[stage.stamp]
		run = "echo stamp >stamp.txt"
		outputs = ["stamp.txt"]
		cache = false

		[stage.slow]
		run = "cat stamp.txt >slow.txt; until test -e go; do sleep 0.05; done"
		inputs = ["stamp.txt"]
		outputs = ["slow.txt"]
	TOML
	[ "$(planned stamp)" = "run: runs in each run: cache = false" ]
	"$PAWL" run -q 3>&- &
	pid=$!
	end=$((SECONDS + 20))
	until [ -e slow.txt ]; do [ "$SECONDS" -lt "$end" ]; done
	kill -9 "$pid"
	wait "$pid" || :
	[ "$(planned stamp)" = "" ]
	[ "$(planned slow)" = "run: never finished here" ]
	touch go
	"$PAWL" run -q
	[ "$("$PAWL" events | grep -c '"attempt.started".*"stamp"')" -eq 1 ]
	[ "$(planned stamp)" = "run: runs in each run: cache = false" ]
}
