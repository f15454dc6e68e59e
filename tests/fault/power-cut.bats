#!/usr/bin/env bats
# The power fails: pawl ends at some call, and of all that was not synced any part is lost or garbled
# (tests/fault/PowerCut.pm). The seed is printed; POWER_SEED=n repeats one.

load fault

@test "the power fails at any call" {
	power_cut 1 15 any kill
}

@test "the power fails around a sync, and after what follows it" {
	power_cut 2 5 syncfs kill
	power_cut 3 5 syncfs torn
	power_cut 4 6 rename torn
}

@test "the power fails in the middle of a write" {
	power_cut 5 5 write torn
	power_cut 6 5 pwrite torn
}

@test "a sync fails, and what was written is lost" {
	power_cut 7 10 syncfs EIO
}
