#!/usr/bin/env bats
# What a run shows: on a pipe, on a terminal, as JSON lines; when it fails and when it is interrupted.

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID NO_COLOR CLICOLOR_FORCE
	export TZ=UTC
	cd "$BATS_TEST_TMPDIR" || return 1
	cat >pawl.toml <<-'EOF'
		[pipeline]
		name = "show"

		[stage.one]
		run = "echo said by one; echo x >one.txt"
		outputs = ["one.txt"]

		[stage.two]
		run = "cat one.txt >two.txt"
		inputs = ["one.txt"]
		outputs = ["two.txt"]
	EOF
}

not() {
	if "$@"; then return 1; fi
}

# Replaces stage two by one that runs this.
second() {
	sed -i "s|^run = \"cat one.txt.*|run = '''$1'''|" pawl.toml
}

# Runs pawl with a terminal of 50 columns; what it got is in ./typescript.
on_terminal() {
	local status=0
	export TERM=xterm # of a machine's own nothing is known
	script -qec "stty cols 50 rows 24 && exec \"$PAWL\" run $*" typescript >/dev/null 2>&1 </dev/null ||
		status=$?
	sed -e '/^Script started/d' -e '/^Script done/d' typescript >screen
	return "$status"
}

# The longest line that was ever on the screen, escape sequences left out.
widest() {
	tr '\r' '\n' <screen | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' | awk '/ETA|^ +[0-9]+s  /{ if (length > n) n = length } END { print n + 0 }'
}

@test "a pipe gets one line for each stage that ran, and no control characters" {
	"$PAWL" run >out 2>said
	[ ! -s out ]
	sed -E 's/[0-9.]+m?s$/TIME/; s/[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}/RUN/; s/[0-9a-f]{64}/HEAD/' said >have
	cat have
	diff -u - have <<-'EOF'
		done      one  TIME
		done      two  TIME
		2 of 2 up to date: 2 ran, TIME
		run RUN, head HEAD
	EOF
	not grep -q "$(printf '[\033\r]')" said
}

@test "what was up to date is one count" {
	"$PAWL" run
	rm two.txt
	"$PAWL" run --force=two 2>said
	cat said
	[ "$(sed -n 1p said)" = "1 up to date" ]
	grep -q '^2 of 2 up to date: 1 ran, 1 was up to date, ' said
}

@test "a failure shows command, end, the last lines of its log and where it is" {
	second 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do echo "line \$i"; done; exit 3'
	status=0
	"$PAWL" run 2>said || status=$?
	cat said
	[ "$status" -eq 1 ]
	grep -q '^failed    two: exit 3, after ' said
	grep -q '^  at pawl.toml:[0-9]*:[0-9]*$' said
	grep -q '^  command: for i in 1 2' said
	log=$(sed -n 's/^  last lines of \(.*\):$/\1/p' said)
	[ -f "$log" ]
	[ "$(grep -c '^    | line' said)" -eq 20 ]
	grep -q '^    | line 22$' said
	grep -q '^failed with status 1 (stage-failed): 1 of 2 up to date: 1 ran, 1 failed, ' said
}

@test "--output none shows no log, quiet only failures" {
	second 'echo secret; exit 3'
	"$PAWL" run --output none 2>said && false
	cat said
	not grep -q '| secret' said
	"$PAWL" run -q --force 2>said && false
	cat said
	not grep -q '^done' said
	grep -q '^failed    two: exit 3' said
	grep -q '| secret' said
}

@test "a quiet run that goes well says nothing" {
	"$PAWL" run -q >said 2>&1
	cat said
	[ ! -s said ]
}

@test "--output stream gives each line its instance, group whole logs" {
	"$PAWL" run --output stream 2>said
	cat said
	grep -qx 'one | said by one' said
	"$PAWL" run --output group --force 2>said
	cat said
	grep -A2 '^done      one ' said | grep -qx '    | said by one'
}

@test "--progress json is one object a line" {
	perl -MJSON::PP -e 1 || skip "perl has no JSON::PP"
	"$PAWL" run --progress json 2>said
	perl -MJSON::PP -ne '$n{decode_json($_)->{type}}++;
		END { die unless $n{"attempt.finished"} == 2 && $n{"run.completed"} == 1 && $n{end} == 1 }' said
}

@test "--progress none shows nothing of a good run" {
	"$PAWL" run --progress none 2>said
	cat said
	not grep -q '^done' said
}

@test "a terminal gets live lines that never wrap and are gone at the end" {
	second 'sleep 1; cat one.txt >two.txt'
	on_terminal
	cat -v screen
	[ "$(widest)" -gt 20 ]
	[ "$(widest)" -lt 50 ]
	# What is behind the last erasing is all that stays.
	sed 's/.*\x1b\[J//' screen | sed 's/\x1b\[[0-9;]*m//g' >last
	cat last
	grep -q '^2 of 2 up to date: 2 ran, ' last
	not grep -q "$(printf '\033\\[?')" screen
}

@test "a short run shows nothing live" {
	on_terminal
	cat -v screen
	not grep -q ETA screen
	grep -q '2 of 2 up to date' screen
}

@test "colours obey NO_COLOR and --color" {
	NO_COLOR=1 on_terminal
	not grep -q "$(printf '\033\\[3')" screen
	on_terminal --force
	grep -q "$(printf '\033\\[3')" screen
	"$PAWL" --color always run --force 2>said
	grep -q "$(printf '\033\\[3')" said
}

@test "an interrupted run takes its live lines away" {
	second 'sleep 1; kill -INT \$PPID; sleep 20'
	status=0
	on_terminal || status=$?
	cat -v screen
	[ "$status" -eq 130 ]
	grep -q 'ETA' screen
	sed 's/.*\x1b\[J//' screen | sed 's/\x1b\[[0-9;]*m//g' | grep -q '^interrupted by signal 2: 1 of 2 up to date'
	tail -n 1 screen | grep -q -v ETA
}

@test "a full or closed stderr stops no run" {
	status=0
	"$PAWL" run 2>/dev/full || status=$?
	[ "$status" -ne 1 ]
	[ -s two.txt ]
}
