#!/usr/bin/env bats
# pawl is killed before its n-th call of a kind, or in the middle of it (torn: half is written): each
# append to the record, the results, what was made and the index, each rename of an object, of a
# parked output, of a result in its place. The next run goes on, with nothing lost.

load fault

@test "killed before and after each rename, unlink and folder" {
	each_call kill,torn bad 0.4 rename unlink mkdir syncfs
}

@test "killed before each write, and in the middle of it" {
	each_call kill,torn bad 0.4 write pwrite splice ficlone truncate
}
