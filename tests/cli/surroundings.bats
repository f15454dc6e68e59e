#!/usr/bin/env bats
# What every command needs from outside is asked for before anything runs.
bats_require_minimum_version 1.5.0


setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	unset TOKEN
	cat >pawl.toml <<-'EOF'
		[pipeline]
		name = "needs"
		[stage.first]
		run = "echo 1 >first"
		outputs = ["first"]
		[stage.second]
		run = "cat first >second"
		inputs = ["first"]
		outputs = ["second"]
		pass_env = ["TOKEN"]
	EOF
}

@test "a variable that is not set ends the run before it begins" {
	run --separate-stderr "$PAWL" run
	[ "$status" -eq 11 ]
	[[ "$stderr" == *"environment variable 'TOKEN' of stage 'second' is not set"* ]]
	[ ! -e first ]
	TOKEN=1 "$PAWL" run
	[ -e second ]
}

@test "a variable of a stage that is not asked for is not missed" {
	"$PAWL" run first
	[ -e first ]
}

@test "a tool that is not there ends the run before it begins" {
	sed -i 's/^pass_env.*/tools = ["no-such-tool-anywhere"]/' pawl.toml
	run --separate-stderr "$PAWL" run
	[ "$status" -eq 11 ]
	[[ "$stderr" == *"no-such-tool-anywhere"* ]]
	[ ! -e first ]
}

@test "-v says why an instance runs" {
	TOKEN=1 "$PAWL" run
	TOKEN=2 run --separate-stderr "$PAWL" run -v
	[ "$status" -eq 0 ]
	[[ "$stderr" == *"start     second: passed variable 'TOKEN' changed"* ]]
}

@test "a stage that failed never finished, which plan and why say" {
	printf '[pipeline]\nname = "ends"\n[stage.bad]\nrun = "false"\noutputs = ["o"]\n' >pawl.toml
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[[ "$("$PAWL" plan)" == "run      bad: never finished here"* ]]
	[[ "$("$PAWL" why bad)" == "bad: would run: never finished here"* ]]
}

@test "what fails before it starts has its place too" {
	cat >pawl.toml <<-'TOML'
		[pipeline]
		name = "place"
		[stage.glob]
		inputs = ["*.nothing"]
		run = "cat {{inputs}}"
		[stage.program]
		run = ["no-such-program-anywhere"]
	TOML
	run "$PAWL" run -k
	[ "$status" -eq 11 ]
	[[ "$output" == *"failed    glob: no file matches '*.nothing'"$'\n'"  at pawl.toml:3:8"$'\n'* ]]
	[[ "$output" == *"failed    program: "*"no such program on PATH"$'\n'"  at pawl.toml:6:8"$'\n'* ]]
}

@test "plan from another folder, with something to do and without" {
	mkdir sub
	cat >sub/pawl.toml <<-'END'
		[pipeline]
		name = "sub"
		[stage.a]
		inputs = ["in"]
		run = "cat in > a"
		outputs = ["a"]
	END
	echo 1 >sub/in
	"$PAWL" -C sub run
	[ "$("$PAWL" -C sub plan)" = "1 up to date" ]
	echo 2 >sub/in
	run "$PAWL" -C sub plan
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"1 would run"* ]]
	run "$PAWL" -C sub plan --check
	[ "$status" -eq 6 ]
}
