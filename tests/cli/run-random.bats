#!/usr/bin/env bats
# Pipelines that are changed at random between runs: what is there afterwards is what an empty
# folder gives. See random-runs.pl; these seeds found faults once.

load run

random() {
	run perl "$BATS_TEST_DIRNAME/random-runs.pl" "$@"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "random changes, seed 103" {
	random 103 16
}

@test "random changes, seed 104" {
	random 104 18
}

@test "random changes, seed 124" {
	random 124 14
}

@test "random changes with depfiles, seed 507" {
	random 507 12 file dep dep folder stdout matrix
}
