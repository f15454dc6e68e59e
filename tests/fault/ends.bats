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

@test "what was undone, or is to be, cannot be recorded: no more than one call, and the next run goes on" {
	local n
	mkdir w
	cd w || return 1
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "fault"
		[stage.a]
		run = "echo a >>../world; echo a >a"
		outputs = ["a"]
		compensate = "echo undo >>../world"
		[stage.z]
		needs = ["a"]
		run = "[ -e ../good ]"
	END
	for n in 1 2 3 4 5 6; do
		rm -rf .pawl a ../world ../good ../fired
		touch ../world
		run env PAWL_FAULT="fdatasync:$n+:EIO" PAWL_FAULT_FILE=../fired timeout 20 "$PAWL" run -q
		printf '%s\n' "fault $n: status $status" "$output"
		[ -e ../fired ] || break
		[ "$status" -eq 11 ] || [ "$status" -eq 13 ]
		[ "$(grep -c undo ../world)" -le 1 ]
		touch ../good
		timeout 20 "$PAWL" run -q
		[ "$(tail -n 1 ../world)" = a ]
	done
	[ "$n" -gt 3 ] && [ ! -e ../fired ]
}
