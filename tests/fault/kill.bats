#!/usr/bin/env bats
# pawl is killed at its n-th system call, for many n. The next run goes on by itself and ends as if
# nothing had happened: the same outputs, nothing finished made twice, nothing left over.

load fault

@test "killed at calls from all over a run" {
	each_call kill bad 0.8 any
	each_call kill good 0.4 any
}

# A stage that fails, in the folder `seed`: pawl is killed at every call from the middle of its run on, MOST
# times. The next run leaves at its output what EXPECTED says ("": nothing), and takes nothing for somebody's.
kill_failing() { # $1 EXPECTED  $2 MOST
	local n status most=$2
	cp -a seed work
	(cd work && PAWL_FAULT=any:1+:pass PAWL_FAULT_FILE=../fired "$PAWL" run -j1) || true
	n=$(($(wc -l <fired) / 2))
	[ "$n" -gt 100 ]
	for (( ; most > 0; most--)); do
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
		[ "$(cat e 2>/dev/null)" = "$1" ]
		[ -z "$(find .pawl/parked .pawl/tmp -type f 2>/dev/null)" ]
		[ -z "$(find .pawl/kept -type f 2>/dev/null)" ]
		cd ..
		n=$((n + 1))
	done
}

make_failing() {
	mkdir seed
	printf '[pipeline]\nname = "fails"\n[stage.e]\nrun = "echo partial > e; [ -e good ]; echo made > e"\noutputs = ["e"]\n' >seed/pawl.toml
}

# What a failed stage leaves is moved away, and what it had returns, after its end was recorded.
@test "killed at every call of the second half of a run whose only stage fails" {
	make_failing
	: >seed/good
	"$PAWL" -C seed run -q
	rm seed/good
	sed -i 's/partial/half/' seed/pawl.toml
	kill_failing made 10000
}

@test "the same where nothing was there before" {
	make_failing
	kill_failing "" 80
}

# The run that takes its place is about something else.
@test "killed anywhere, what a stage with always does is done by the end of the next run" {
	local n=1 status
	mkdir seed
	printf '[pipeline]\nname = "tidies"\n[stage.a]\nrun = "echo a > a; [ -e good ]"\noutputs = ["a"]\n[stage.other]\nrun = "echo o > o"\noutputs = ["o"]\n[stage.tidy]\nalways = true\ninputs = ["a"]\nrun = "echo tidy >>../tidied"\n' >seed/pawl.toml
	while :; do
		rm -rf work fired tidied
		cp -a seed work
		cd work
		status=0
		PAWL_FAULT="any:$n:kill" PAWL_FAULT_FILE=../fired "$PAWL" run -j1 >../said 2>&1 || status=$?
		[ -e ../fired ] || break
		echo "killed at call $n"
		[ "$status" -eq 137 ]
		began=$(cat .pawl/runs/*/events.jsonl 2>/dev/null | grep -c '"type":"run.started"' || true)
		"$PAWL" run -j1 other >../said 2>&1
		cat ../said
		[ "$began" -eq 0 ] || [ -s ../tidied ]
		[ ! -e .pawl/owed ]
		[ -z "$(find .pawl/parked .pawl/tmp -type f)" ]
		cd ..
		n=$((n + 7))
	done
	[ "$status" -eq 1 ]
	[ "$n" -gt 300 ]
}
