#!/usr/bin/env bats
# pawl is killed at its n-th system call, for many n. The next run goes on by itself and ends as if
# nothing had happened: the same outputs, nothing finished made twice, nothing left over.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir seed
	cd seed || return 1
	manifest old
	"$PAWL" run
	# An output to be restored, somebody's file at an output, and a stage that fails.
	rm d
	echo mine >c
	manifest new
	cat >>pawl.toml <<-'END'
		[stage.c]
		inputs = ["b/"]
		run = "cat b/1 b/s/2 > c; echo x > c2"
		outputs = ["c", "c2"]
		[stage.e]
		inputs = ["c"]
		run = "echo partial > e; [ -e good ]; cat c > e"
		outputs = ["e"]
	END
	cd ..
}

manifest() { # $1 what stage a says
	cat >pawl.toml <<-END
		[pipeline]
		name = "fault"
		[stage.a]
		run = "echo $1"
		stdout = "a"
		[stage.b]
		inputs = ["a"]
		run = "mkdir -p b/s; cat a > b/1; cat a a > b/s/2"
		outputs = ["b/"]
		[stage.d]
		run = "echo d > d"
		outputs = ["d"]
	END
}

# No instance starts again after its end was recorded as done.
expect_nothing_twice() {
	sed -n 's/.*"type":"\(attempt[^"]*\)".*"run":"\([^"]*\)".*"instance":"\([^"]*\)".*/\1 \2 \3 &/p' .pawl/runs/*/events.jsonl |
		awk '$1 == "attempt.started" && done[$2 " " $3] { print "twice:", $3; bad = 1 }
			$1 == "attempt.finished" && /"state":"done"/ || $1 == "attempt.lost" && /is recorded/ { done[$2 " " $3] = 1 }
			END { exit bad }'
}

expect_good() {
	[ "$(cat a b/1 b/s/2 c c2 d e | tr '\n' ' ')" = "new new new new new new new x d new new new " ]
	[ "$(cat .pawl/kept/*/c)" = mine ]
	[ -z "$(find . -name '.pawl-*')" ]
	[ -z "$(find .pawl/parked .pawl/tmp -mindepth 1)" ]
	expect_nothing_twice
}

# Kills at call $1 and every $2 calls after it, until none fires.
kill_from() {
	local n=$1 status
	while :; do
		rm -rf work fired
		cp -a seed work
		cd work
		status=0
		PAWL_FAULT="any:$n:kill" PAWL_FAULT_FILE=../fired "$PAWL" run -j1 >../said 2>&1 || status=$?
		[ -e ../fired ] || break
		echo "killed at call $n"
		[ "$status" -eq 137 ]
		status=0
		"$PAWL" run -j1 >../said 2>&1 || status=$?
		cat ../said
		[ "$status" -eq 1 ]
		[ ! -e e ]
		: >good
		"$PAWL" run -j1 2>&1
		expect_good
		"$PAWL" plan --check
		cd ..
		n=$((n + $2))
	done
	[ "$n" -gt 300 ]
}

@test "killed at every 61st call" {
	kill_from 3 61
}

@test "killed at every 67th call, from another one on" {
	kill_from 30 67
}

# The end of a bad attempt is on record, what it left is not yet moved away.
@test "killed at every call around the end of the stage that fails" {
	kill_from 740 1
}
