#!/usr/bin/env bats
# Faults and kills in a run whose outputs are mount points, which cannot be renamed (tests/fault/Pipeline.pm).

load fault

@test "outputs that are mount points: an error, no room" {
	each_call_mounted EIO mounted 0.15 all
	each_call_mounted ENOSPC mounted 0.15 close fsync mkdir open pwrite rename symlink write
}

@test "outputs that are mount points: killed" {
	each_call_mounted kill mounted 0.4 any
	each_call_mounted kill,torn mounted 0.3 chmod fsync rename symlink unlink utimens write
}
