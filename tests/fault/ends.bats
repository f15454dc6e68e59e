#!/usr/bin/env bats
# Faults and kills in runs that come to another end than a good or a failed one (tests/fault/Pipeline.pm): a
# stage is ended by its timeout, pawl is told to end in the middle.

load fault

@test "a stage that is ended by its timeout: an error, no room" {
	each_call EIO late 0.15 all
	each_call ENOSPC late 0.15 close mkdir open pwrite rename write
	each_call EINTR,short late 0.1 close epoll_wait kill open poll read wait write
}

@test "a stage that is ended by its timeout: killed" {
	each_call kill late 0.4 any
	each_call torn late 0.2 pwrite rename unlink write
}

@test "a run that is interrupted: an error, no room" {
	each_call EIO INT 0.15 all
	each_call ENOSPC TERM 0.15 close mkdir open pwrite rename write
	each_call EINTR,short TERM 0.1 close epoll_wait kill open poll read wait write
}

@test "a run that is interrupted: killed" {
	each_call kill INT 0.4 any
	each_call torn TERM 0.2 pwrite rename unlink write
}
