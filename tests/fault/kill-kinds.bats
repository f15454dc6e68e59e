#!/usr/bin/env bats
# pawl is killed before its n-th call of a kind, or in the middle of it (torn: half is written): each
# append to the record, the results, what was made and the index, each rename of an object, of a
# parked output, of a result in its place. The next run goes on, with nothing lost.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	here=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return 1
}

@test "killed before and after each rename, unlink and folder" {
	perl "$here/each-call.pl" kill,torn bad 6 rename unlink mkdir syncfs
}

@test "killed before each write, and in the middle of it" {
	perl "$here/each-call.pl" kill,torn bad 6 write pwrite splice ficlone truncate
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

@test "killed at random calls" {
	perl "$here/each-call.pl" kill bad 8 any
}
