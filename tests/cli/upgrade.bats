#!/usr/bin/env bats
# pawl is replaced by another build: while it runs, after it was killed, between two runs; and a
# `.pawl` that a later version made is left as it is.

load run.bash

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w" "$BATS_TEST_TMPDIR/bin"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	tool=$BATS_TEST_TMPDIR/bin/pawl
	cp "$PAWL" "$tool"
	another_build
}

# The same program as another build: of another name for itself.
another_build() {
	perl -0777 -pe 's/(\b\d+\.\d+\.\d+ )([0-9a-f]{16})\0/$1 . reverse($2) . "\0"/ge' "$PAWL" >"$tool.new"
	chmod +x "$tool.new"
	! cmp -s "$PAWL" "$tool.new"
}

# Stage `slow` says that it runs and waits to be let go.
slow_manifest() {
	manifest <<-'END'
		[stage.first]
		run = "echo first >>../ran; echo 1 > first"
		outputs = ["first"]
		[stage.slow]
		inputs = ["first"]
		run = "echo slow >>../ran; : > ../up; [ -e ../skip ] || read -r line <../go; cat first > slow"
		outputs = ["slow"]
		[stage.last]
		inputs = ["slow"]
		run = "echo last >>../ran; \"$PAWL\" version > last"
		outputs = ["last"]
	END
	mkfifo ../go
}

# Every file below .pawl with its time and bytes.
pawl_state() {
	find .pawl -printf '%p %T@ %s %m\n' | LC_ALL=C sort
	find .pawl -type f -exec cat {} + | cksum
}

@test "a new binary renamed over the running one disturbs nothing" {
	slow_manifest
	: >../ran
	"$tool" run -q >../said 2>&1 &
	run_pid=$!
	wait_until test -e ../up
	mv "$tool.new" "$tool"
	run "$tool" status --json
	[ "$status" -eq 0 ]
	[ "$(jq -r .counts.running <<<"$output")" = 1 ]
	run "$tool" run
	[ "$status" -eq 9 ]
	"$tool" plan
	echo >../go
	wait "$run_pid"
	[ "$(sort ../ran | tr '\n' ' ')" = "first last slow " ]
	[ "$(cat last)" = "$("$PAWL" version)" ]
	: >../ran
	"$tool" run
	[ ! -s ../ran ]
	"$tool" plan --check
	"$tool" report
	"$tool" log first
}

@test "another build goes on with a run of the killed one" {
	slow_manifest
	: >../ran
	"$tool" run -q &
	run_pid=$!
	wait_until test -e ../up
	kill -9 "$run_pid"
	wait "$run_pid" || true
	: >../skip
	"$tool.new" run
	[ "$(grep -c first ../ran)" = 1 ]
	[ "$(cat slow)" = 1 ]
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" = 1 ]
	"$tool.new" plan --check
}

@test "two builds in turn: each finds what the other made, and looks anew" {
	manifest <<-'END'
		[stage.a]
		inputs = ["in"]
		run = "echo a >>../ran; cat in > a"
		outputs = ["a"]
	END
	echo 1 >in
	: >../ran
	"$tool" run
	"$tool.new" run
	"$tool" run
	[ "$(wc -l <../ran)" = 1 ]
	echo 2 >in
	"$tool.new" run
	"$tool" run
	[ "$(wc -l <../ran)" = 2 ]
	[ "$(cat a)" = 2 ]
}

@test "what a later version made is refused and left as it is" {
	manifest <<-'END'
		[stage.a]
		run = "echo a > a"
		outputs = ["a"]
	END
	"$PAWL" run
	sed -i '1s/.*/pawl 2/' .pawl/format
	pawl_state >../before
	for call in run plan 'plan --check' status runs report 'log a' events 'why a' 'clean a' 'adopt a'; do
		# shellcheck disable=SC2086 # words
		run "$PAWL" $call
		echo "$call: $status $output"
		[ "$status" -eq 11 ]
		[[ $output == *.pawl/format* ]]
	done
	pawl_state | cmp ../before -
	[ "$(cat a)" = a ]
}
