#!/usr/bin/env bats
# The command line itself: options, mistakes, help, and what happens to the standard streams.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID NO_COLOR CLICOLOR_FORCE
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
}

@test "without a command: status 2 and what to do" {
	run --separate-stderr "$PAWL"
	[ "$status" -eq 2 ]
	[ "$output" = "" ]
	[ "$stderr" = "pawl: no command: 'pawl help' lists all" ]
}

@test "a mistyped command gets a suggestion" {
	run --separate-stderr "$PAWL" rnu
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown command 'rnu': did you mean 'run'?" ]
	run --separate-stderr "$PAWL" xylophone
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown command 'xylophone': 'pawl help' lists all" ]
}

@test "a mistyped option gets a suggestion" {
	run --separate-stderr "$PAWL" status --jsno
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown option '--jsno' of 'status': did you mean '--json'?" ]
	run --separate-stderr "$PAWL" --colr=never version
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown option '--colr' of 'pawl': did you mean '--color'?" ]
	run --separate-stderr "$PAWL" version -z
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown option '-z' of 'version': see 'pawl help version'" ]
}

@test "a mistyped value gets a suggestion, a far one the list" {
	run --separate-stderr "$PAWL" --color=alwys version
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown value 'alwys' of '--color': did you mean 'always'?" ]
	run --separate-stderr "$PAWL" --color=purple version
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: unknown value 'purple' of '--color': it takes one of auto, always, never" ]
}

@test "values are checked: jobs, params, missing ones, ones too many" {
	run --separate-stderr "$PAWL" run -j0
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: '0' of '--jobs' is no number from 1 to 10000: give one, or 'auto'" ]
	run --separate-stderr "$PAWL" run -p novalue
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'novalue' of '--param' is no NAME=VALUE" ]
	run --separate-stderr "$PAWL" run --from
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: '--from' needs a value: INSTANCE" ]
	run --separate-stderr "$PAWL" runs --json=yes
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: '--json' takes no value, found 'yes'" ]
	run --separate-stderr "$PAWL" version extra
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'version' has no use for 'extra': see 'pawl help version'" ]
	run --separate-stderr "$PAWL" why
	[ "$status" -eq 2 ]
	[ "$stderr" = "pawl: 'why' needs STAGE...: see 'pawl help why'" ]
}

@test "options may stand before, between and behind operands, and combine" {
	printf '[pipeline]\nname = "x"\n[stage.a]\nrun = "echo {{n}}"\nstdout = "a.txt"\n[params]\nn = 1\n' >pawl.toml
	"$PAWL" run a -p n=2 -qkj1
	[ "$(cat a.txt)" = 2 ]
	"$PAWL" run -p=n=3 --quiet a --jobs=auto --keep-going
	[ "$(cat a.txt)" = 3 ]
	"$PAWL" run --param n=4 -q --jobs 2 -- a
	[ "$(cat a.txt)" = 4 ]
	mkdir sub
	"$PAWL" -C sub run -f ../pawl.toml -q -p n=5
	[ "$(cat a.txt)" = 5 ]
	run "$PAWL" run -q -- -j
	[ "$status" -eq 2 ]
	[[ "$output" == *"'-j'"* ]]
}

@test "help names every command, and each agrees with its --help" {
	run --separate-stderr "$PAWL" help
	[ "$status" -eq 0 ]
	[ "$stderr" = "" ]
	all=$output
	for command in run plan check list clean adopt why status runs log events graph restore init doctor \
		completions version help; do
		[[ "$all" == *"  $command "* ]]
		run "$PAWL" help "$command"
		[ "$status" -eq 0 ]
		[[ "${lines[0]}" == "usage: pawl $command"* ]]
		[ "$("$PAWL" "$command" --help)" = "$output" ]
		[ "$("$PAWL" "$command" -h)" = "$output" ]
	done
	[[ "$all" != *dump* ]]
	[ "$("$PAWL" --help)" = "$all" ]
}

@test "help of what is not there" {
	run --separate-stderr "$PAWL" help statsu
	[ "$status" -eq 2 ]
	[ "$output" = "" ]
	[ "$stderr" = "pawl: unknown command 'statsu': did you mean 'status'?" ]
}

@test "no line of help is wider than eighty columns" {
	for command in "" run plan check list clean adopt why status runs log events graph \
		restore init doctor; do
		# shellcheck disable=SC2086
		[ "$("$PAWL" help $command | awk 'length > 80 && !/^  pawl /' | wc -l)" -eq 0 ]
	done
}

@test "the version" {
	run --separate-stderr "$PAWL" version
	[ "$status" -eq 0 ]
	[[ "$output" =~ ^pawl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	[ "$("$PAWL" --version)" = "$output" ]
}

@test "a full disk behind the standard output is an error" {
	[ -c /dev/full ] || skip "no /dev/full"
	status=0
	"$PAWL" help >/dev/full 2>said || status=$?
	[ "$status" -eq 11 ]
	[ "$(cat said)" = "pawl: the standard output cannot be written: No space left on device" ]
}

@test "a closed standard output is an error, and no file takes its place" {
	status=0
	"$PAWL" version >&- 2>said || status=$?
	[ "$status" -eq 11 ]
	[[ "$(cat said)" == "pawl: the standard output cannot be written: "* ]]
	# What writes nothing there does not need it.
	printf '[pipeline]\nname = "x"\n[stage.a]\nrun = "echo out; echo a >a.txt"\noutputs = ["a.txt"]\n' >pawl.toml
	"$PAWL" run -q <&- >&- 2>&-
	[ "$(cat a.txt)" = a ]
	[ "$(cat .pawl/runs/*/logs/*)" = out ]
}

@test "a standard error that is closed changes no status" {
	status=0
	"$PAWL" rnu 2>&- || status=$?
	[ "$status" -eq 2 ]
}

@test "no manifest: status 2 and what to do" {
	for command in run plan check list status runs "log a" events graph "why a" "clean" "adopt a" \
		"restore a"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$PAWL" $command
		[ "$status" -eq 2 ]
		[ "$output" = "" ]
		[ "$stderr" = "pawl: no 'pawl.toml' here or above; 'pawl init' writes a first one, -f names another" ]
	done
	[ -z "$(ls -A)" ]
	run --separate-stderr "$PAWL" -f other.toml plan
	[ "$status" -eq 2 ]
	[[ "$stderr" == "pawl: 'other.toml': cannot be read: "* ]]
}

@test "a mistake in the manifest: status 3, its place, and nothing else" {
	printf '[pipeline]\nname = "x"\n[stage.a]\nrnu = "true"\n' >pawl.toml
	for command in run plan list graph "why a" "adopt a" "restore a"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$PAWL" $command
		[ "$status" -eq 3 ]
		[ "$output" = "" ]
		[[ "$stderr" == "pawl.toml:4:1: error: unknown key 'rnu'"* ]]
		[[ "$stderr" != *"pawl: "* ]]
	done
}

@test "colour: by option, NO_COLOR, CLICOLOR_FORCE, never into a pipe" {
	printf '[pipeline]\nname = "x"\n[stage.a]\nrnu = "true"\n' >pawl.toml
	escape=$(printf '\033')
	run "$PAWL" check
	[[ "$output" != *"$escape"* ]]
	run "$PAWL" --color=always check
	[[ "$output" == *"$escape"* ]]
	CLICOLOR_FORCE=1 run "$PAWL" check
	[[ "$output" == *"$escape"* ]]
	NO_COLOR=1 CLICOLOR_FORCE=1 run "$PAWL" check
	[[ "$output" != *"$escape"* ]]
}
