#!/usr/bin/env bats
# pawl is killed at its n-th system call, for many n. The next run goes on by itself and ends as if
# nothing had happened: the same outputs, nothing finished made twice, nothing left over.

load fault

@test "killed at calls from all over a run" {
	each_call kill bad 0.8 any
	each_call kill good 0.4 any
}

# What a failed stage leaves is moved away, and what it had returns, after its end was recorded.
@test "killed at every call of the second half of a run whose only stage fails" {
	local n status
	mkdir seed
	cd seed
	printf '[pipeline]\nname = "fails"\n[stage.e]\nrun = "echo partial > e; [ -e good ]; echo made > e"\noutputs = ["e"]\n' >pawl.toml
	: >good
	"$PAWL" run -q
	rm good
	sed -i 's/partial/half/' pawl.toml
	cd ..
	cp -a seed work
	(cd work && PAWL_FAULT=any:1+:pass PAWL_FAULT_FILE=../fired "$PAWL" run -j1) || true
	n=$(($(wc -l <fired) / 2))
	[ "$n" -gt 100 ]
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
		[ "$(cat e)" = made ]
		[ -z "$(find .pawl/parked .pawl/tmp -type f)" ]
		cd ..
		n=$((n + 1))
	done
}
