#!/usr/bin/env bats
# Pause, resume, cancel, wait and --detach from other processes; a run whose process is gone; who
# asks at once; clients that mean harm. Commands of stages wait for files of the test, never for
# time.

bats_require_minimum_version 1.5.0
load run.bash

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	manifest <<-'END'
		grace = "10s"
		[params]
		n = 3
		list = ["a b", "c"]
		[stage.first]
		run = "echo first >>../ran; : >../first.up; until [ -e ../first.go ]; do sleep 0.01; done; echo {{n}} {{list}}"
		stdout = "first"
		[stage.second]
		inputs = ["first"]
		run = "echo second >>../ran; while [ -e ../hold ]; do sleep 0.01; done; cat first"
		stdout = "second"
	END
	touch ../ran
}

teardown() {
	touch ../first.go ../go
	rm -f ../hold
	[ ! -e ../pid ] || end_left "$(cat ../pid)"
}

# Starts a run in the background: its id is in $id, its process in ../pid.
detached() {
	id=$("$PAWL" run --detach "$@")
	[ -d ".pawl/runs/$id" ] || return 1
	"$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p' >../pid
}

state() {
	"$PAWL" status --json "$id" | sed -n 's/^ *"state": "\([a-z]*\)",$/\1/p' | head -n 1
}

state_is() {
	[ "$(state)" = "$1" ]
}

count_events() {
	"$PAWL" events "$id" | grep -c "\"type\":\"$1\"" || true
}

# A pawl command with the status expected; what it says is in $output.
does() {
	local expected=$1
	shift
	run "$PAWL" "$@"
	printf '%s\n' "--- pawl $*: status $status" "$output"
	[ "$status" -eq "$expected" ] || return 1
}

killed() {
	kill -9 "$(cat ../pid)"
	wait_until gone
}

gone() {
	! kill -0 "$(cat ../pid)" 2>/dev/null || grep -q '^State:	Z' "/proc/$(cat ../pid)/status"
}

# Sends bytes from stdin to the socket of the run and prints what comes back.
socket() {
	perl -e '
		use Socket;
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, pack_sockaddr_un($ARGV[0])) or die "connect: $!";
		local $SIG{ALRM} = sub { die "no answer\n" };
		local $SIG{PIPE} = "IGNORE";
		alarm 20;
		local $/;
		my $text = <STDIN>;
		syswrite($s, $text);
		shutdown($s, 1) if @ARGV > 1;
		print scalar <$s>;
	' ".pawl/runs/$id/control" "$@"
}

@test "a run in the background: id, status, output, end" {
	detached -p n=7
	[[ $id =~ ^[0-9]{8}T[0-9]{6}Z-[0-9a-f]{4}$ ]]
	wait_until [ -e ../first.up ]
	state_is running
	touch ../first.go
	does 0 wait "$id"
	says "run $id is completed"
	has second "7 a b c"
	grep -q "2 of 2 up to date" ".pawl/runs/$id/output"
	[ ! -e ".pawl/runs/$id/control" ]
	# The workspace is free once `wait` has returned.
	does 0 run
	does 0 wait "$id"
}

@test "what cannot begin in the background is told as without" {
	does 2 run --detach nosuch
	says "nosuch"
	detached
	does 9 run --detach
	touch ../first.go
	does 0 wait "$id"
	does 0 run --detach
	says "everything is up to date"
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	echo "[" >>pawl.toml
	does 3 run --detach
	says "pawl.toml"
}

@test "wait ends as the run did" {
	manifest <<-'END'
		[stage.a]
		run = "until [ -e ../go ]; do sleep 0.01; done; exit 4"
	END
	detached
	touch ../go
	does 1 wait "$id"
	says "run $id is failed"
}

@test "pause lets what runs end, and nothing else starts until resume" {
	detached
	wait_until [ -e ../first.up ]
	does 0 pause --no-wait "$id"
	says "run $id is pausing"
	state_is pausing
	"$PAWL" pause "$id" >../paused &
	does 0 pause --no-wait "$id"
	touch ../first.go
	wait $!
	grep -q "run $id is paused" ../paused
	state_is paused
	has first "3 a b c"
	ran first
	does 0 pause "$id"
	[ "$(count_events run.pausing)" -eq 1 ]
	"$PAWL" status "$id" | grep -q "paused     by "
	touch ../hold
	does 0 resume "$id"
	does 0 resume "$id"
	rm ../hold
	does 0 wait "$id"
	ran first second
	[ "$(count_events run.continued)" -eq 1 ]
	events run.pausing | grep -q "\"uid\":$(id -u),"
	events run.pausing | grep -q "\"user\":\"$(id -un)\""
	does 2 pause "$id"
	says "it is over"
	does 2 resume "$id"
	does 2 cancel "$id"
}

@test "a run that comes to its end while it pauses is not paused" {
	manifest <<-'END'
		[stage.a]
		run = ": >../first.up; until [ -e ../first.go ]; do sleep 0.01; done"
	END
	detached
	wait_until [ -e ../first.up ]
	"$PAWL" pause "$id" 2>../said &
	wait_until state_is pausing
	touch ../first.go
	! wait $! || return 1
	grep -q "was not paused: it is completed" ../said
	does 0 wait "$id"
}

@test "on_pause: freeze and stop, and no such time counts" {
	manifest <<-'END'
		grace = "10s"
		[stage.freeze]
		run = "echo freeze >>../ran; : >../freeze.up; until [ -e ../go ]; do : >../beat; sleep 0.01; done; echo f"
		stdout = "f"
		on_pause = "freeze"
		[stage.stop]
		run = "echo stop >>../ran; trap '\"$PAWL\" stopping >../why; exit 1' TERM; : >../stop.up; until [ -e ../go ]; do sleep 0.01; done; echo s"
		stdout = "s"
		on_pause = "stop"
	END
	detached -j 2
	wait_until [ -e ../freeze.up ]
	wait_until [ -e ../stop.up ]
	does 0 pause "$id"
	grep -Eq '^pause ([1-9]|10)$' ../why
	[ ! -e s ]
	frozen=$("$PAWL" status "$id" | grep -c '  running    freeze')
	[ "$frozen" -eq 1 ]
	rm -f ../beat
	"$PAWL" status "$id" | grep -q "1 ready"
	[ ! -e ../beat ]
	does 0 resume "$id"
	wait_until [ -e ../beat ]
	touch ../go
	does 0 wait "$id"
	has f f
	has s s
	ran freeze stop stop
	"$PAWL" events "$id" | grep '"type":"attempt.finished"' | grep -q '"cause":"paused"'
}

@test "pause --now freezes all, also what a pause before let end" {
	detached
	wait_until [ -e ../first.up ]
	does 0 pause --no-wait "$id"
	does 0 pause --now "$id"
	says "run $id is paused"
	touch ../first.go
	state_is paused
	[ "$(count_events run.pausing)" -eq 2 ]
	does 0 resume "$id"
	does 0 wait "$id"
	ran first second
}

@test "cancel: TERM, grace, status 8, and why is on record" {
	manifest <<-'END'
		grace = "10s"
		[stage.a]
		run = "trap '\"$PAWL\" stopping >../why; exit 1' TERM; \"$PAWL\" stopping || echo \"$?\" >../before; : >../first.up; while :; do sleep 0.01; done"
		stdout = "a"
		[stage.b]
		inputs = ["a"]
		run = "cat a"
	END
	detached
	wait_until [ -e ../first.up ]
	has ../before 1
	does 0 cancel --reason "wrong data" "$id"
	says "run $id is cancelled"
	grep -Eq '^cancel ([1-9]|10)$' ../why
	gone
	does 8 wait "$id"
	state_is cancelled
	events run.cancelling | grep -q '"reason":"wrong data"'
	grep -q "cancelled by $(id -un): wrong data" ".pawl/runs/$id/output"
	grep -q '"state": *"cancelled"' ".pawl/runs/$id/result.json"
	does 0 cancel "$id"
	does 2 resume "$id"
	[ "$(count_events run.cancelling)" -eq 1 ]
	[ ! -e a ]
}

@test "cancel --now kills what does not listen, also after a cancel that waits for it" {
	manifest <<-'END'
		grace = "1h"
		[stage.a]
		run = "trap '' TERM; : >../first.up; while :; do sleep 0.01; done"
	END
	detached
	wait_until [ -e ../first.up ]
	"$PAWL" cancel "$id" >../one &
	wait_until eval '[ "$(count_events run.cancelling)" -eq 1 ]'
	does 2 pause "$id"
	says "it is being cancelled"
	does 2 resume "$id"
	does 0 cancel --now "$id"
	wait $!
	grep -q "run $id is cancelled" ../one
	does 8 wait "$id"
}

@test "a paused run is cancelled; what is frozen goes on to end" {
	manifest <<-'END'
		grace = "20s"
		[stage.a]
		run = "trap ': >../term; exit 1' TERM; : >../first.up; while :; do sleep 0.01; done"
		[stage.b]
		run = "true"
		needs = ["a"]
	END
	detached
	wait_until [ -e ../first.up ]
	does 0 pause --now "$id"
	does 0 cancel "$id"
	[ -e ../term ]
	does 8 wait "$id"
}

@test "a run that only waits for a retry is paused, goes on and is cancelled" {
	manifest <<-'END'
		[stage.a]
		run = ": >../first.up; exit 1"
		retry = { max = 3, delay = "1h", max_delay = "1h", jitter = false }
	END
	detached
	wait_until eval '[ "$(count_events retry)" -eq 1 ]'
	does 0 pause "$id"
	says "run $id is paused"
	does 0 resume "$id"
	does 0 cancel "$id"
	does 8 wait "$id"
}

@test "Ctrl-C ends a paused run, which is interrupted and resumed" {
	detached
	wait_until [ -e ../first.up ]
	does 0 pause --now "$id"
	kill -INT "$(cat ../pid)"
	wait_until gone
	state_is interrupted
	run "$PAWL" wait "$id"
	[ "$status" -eq 130 ]
	touch ../first.go
	does 0 resume "$id"
	ran first first second
	state_is completed
}

@test "killed while it pauses, and while it is paused: resume goes on with what it began with" {
	detached -p n=9 -k -j 3 --label who=me --result ../result.json second
	wait_until [ -e ../first.up ]
	does 0 pause --no-wait "$id"
	killed
	state_is interrupted
	does 2 pause "$id"
	says "nothing of it runs"
	touch ../first.go
	does 0 resume "$id"
	says "run $id was interrupted"
	has second "9 a b c"
	has ../result.json "$(cat ".pawl/runs/$id/result.json")"
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 1 ]
	rm -f first second ../first.*
	detached -p n=5 --force
	wait_until [ -e ../first.up ]
	does 0 pause --no-wait "$id"
	touch ../first.go
	does 0 pause "$id"
	killed
	: >../ran
	does 0 resume "$id"
	ran second
	has second "5 a b c"
	does 2 resume "$id"
	says "it is over"
}

@test "resume with a changed manifest refuses; --as-recorded uses the old one" {
	detached
	wait_until [ -e ../first.up ]
	killed
	cp pawl.toml ../old.toml
	sed -i 's/cat first/cat first; echo new/' pawl.toml
	touch ../first.go
	does 3 resume "$id"
	says "--as-recorded"
	says "'pawl run' uses it as it is"
	does 0 resume --as-recorded "$id"
	has second "3 a b c"
	# What the old manifest made says nothing of the new one.
	does 6 plan --check
	ends 0
	ran second
	has second "3 a b c
new"
	does 0 verify
	cp ../old.toml pawl.toml
	does 0 run
}

@test "resume --as-recorded finds the manifest in a shared store" {
	sed -i 's|^grace|store = "../store"\ngrace|' pawl.toml
	detached
	wait_until [ -e ../first.up ]
	killed
	sed -i 's/cat first/cat first; echo new/' pawl.toml
	touch ../first.go
	does 0 resume --as-recorded "$id"
	has second "3 a b c"
}

@test "a run whose process is gone is cancelled in its record" {
	detached
	wait_until [ -e ../first.up ]
	killed
	does 0 cancel --reason "not needed" "$id"
	says "run $id is cancelled"
	state_is cancelled
	events run.cancelling | grep -q '"reason":"not needed"'
	does 0 cancel "$id"
	does 8 wait "$id"
	does 2 resume "$id"
	does 0 verify
	touch ../first.go
	does 0 run
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq 2 ]
}

@test "two at once: one wins, the other is told" {
	detached
	wait_until [ -e ../first.up ]
	killed
	"$PAWL" resume "$id" >../one 2>&1 &
	one=$!
	wait_until eval '[ "$(count_events attempt.started)" -eq 2 ]'
	does 9 run
	does 0 resume "$id"
	says "run $id is running"
	does 0 pause --no-wait "$id"
	does 0 cancel "$id"
	! wait "$one" || return 1
	grep -q "^cancelled:" ../one
	for i in 1 2 3 4 5 6; do
		"$PAWL" cancel "$id" >"../said$i" 2>&1 &
	done
	wait
	for i in 1 2 3 4 5 6; do grep -q "is cancelled" "../said$i"; done
	[ "$(count_events run.cancelling)" -eq 1 ]
}

@test "two who cancel a dead run at once: it is cancelled once" {
	detached
	wait_until [ -e ../first.up ]
	killed
	for i in 1 2 3; do
		{ "$PAWL" cancel "$id" || echo "status $?"; } >"../said$i" 2>&1 &
	done
	wait
	cat ../said?
	grep -q "is cancelled" ../said?
	[ "$(count_events run.cancelling)" -eq 1 ]
	[ "$(count_events run.cancelled)" -eq 1 ]
}

@test "clients that mean harm do not disturb the run" {
	detached
	wait_until [ -e ../first.up ]
	[[ $(echo garbage | socket) == *'"verdict":"refused"'*'"reason":"no JSON'* ]]
	[[ $(echo '{"pawl":9,"ask":"cancel"}' | socket) == *'"verdict":"refused"'*version* ]]
	[[ $(echo '{"pawl":1,"ask":"explode"}' | socket) == *'"verdict":"refused"'* ]]
	[[ $(echo '{"pawl":1,"ask":"stopping","attempt":"x"}' | socket) == *'"verdict":"refused"'* ]]
	[[ $(head -c 5000 /dev/zero | tr '\0' x | socket) == *"too long"* ]]
	[[ $(head -c 3000 /dev/urandom | tr '\n' x | socket half) == "" ]]
	# One connection is one request, whatever follows.
	[ "$(yes '{"pawl":1,"ask":"state"}' | head -n 100 | socket | wc -l)" -eq 1 ]
	# Many say nothing, many go away at once, many ask in vain.
	perl -e '
		use Socket;
		my ($path, $pid) = @ARGV;
		$SIG{PIPE} = "IGNORE";
		sub one {
			socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
			connect($s, pack_sockaddr_un($path)) or die "connect: $!";
			return $s;
		}
		my @silent = map { one() } 1 .. 200;
		for my $i (1 .. 3000) {
			my $s = one();
			syswrite($s, $i % 3 == 0 ? "" : $i % 3 == 1 ? "x\n" : qq({"pawl":1,"ask":"resume"}\n));
		}
		syswrite($_, qq({"pawl":1)) for @silent;
		my $open = () = glob("/proc/$pid/fd/*");
		die "$open descriptors are open" if $open > 100;
		system($ENV{PAWL}, "pause", "--no-wait", $ARGV[2]) == 0 or die;
	' ".pawl/runs/$id/control" "$(cat ../pid)" "$id"
	state_is pausing
	does 0 resume "$id"
	touch ../first.go
	does 0 wait "$id"
	has second "3 a b c"
	does 0 verify
}

@test "a silent client is dropped, and waits for nobody" {
	detached
	wait_until [ -e ../first.up ]
	perl -e '
		use Socket;
		socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die;
		connect($s, pack_sockaddr_un($ARGV[0])) or die;
		$SIG{ALRM} = sub { exit 1 };
		alarm 30;
		exit(sysread($s, my $byte, 1) == 0 ? 0 : 1);
	' ".pawl/runs/$id/control"
	touch ../first.go
	does 0 wait "$id"
}

@test "a stale socket, a deep workspace, and a folder where no socket can be" {
	deep=$(printf 'd%.0s' $(seq 120))
	mkdir -p "$deep/$deep"
	cp pawl.toml "$deep/$deep/"
	cd "$deep/$deep"
	sed -i 's|\.\./|../../../|g' pawl.toml
	id=$("$PAWL" run --detach)
	"$PAWL" events "$id" | sed -n '1s/.*"pid":\([0-9]*\).*/\1/p' >../pid
	does 0 pause --now "$id"
	killed
	[ -S ".pawl/runs/$id/control" ]
	touch ../../../first.go
	does 0 resume "$id"
	[ ! -e ".pawl/runs/$id/control" ]
}

@test "'stopping' outside of a stage is a mistake" {
	does 2 stopping
	PAWL_RUN_DIR=/nonexistent PAWL_ATTEMPT_ID=x run "$PAWL" stopping
	[ "$status" -eq 1 ]
}

@test "stopping says timeout" {
	manifest <<-'END'
		grace = "10s"
		[stage.a]
		run = "trap '\"$PAWL\" stopping >../why; exit 1' TERM; while :; do sleep 0.01; done"
		timeout = "500ms"
	END
	does 7 run
	grep -Eq '^timeout ([1-9]|10)$' ../why
}

@test "Ctrl-Z and going on leave a run as it was" {
	detached
	wait_until [ -e ../first.up ]
	kill -STOP "$(cat ../pid)"
	wait_until grep -q '^State:	T' "/proc/$(cat ../pid)/status"
	kill -CONT "$(cat ../pid)"
	state_is running
	does 0 pause --now "$id"
	kill -STOP "$(cat ../pid)"
	kill -CONT "$(cat ../pid)"
	state_is paused
	touch ../first.go
	does 0 resume "$id"
	does 0 wait "$id"
}

@test "mistakes in on_pause have their place" {
	manifest <<-'END'
		[stage.a]
		run = "true"
		on_pause = "sleep"
	END
	does 3 check
	says 'must be "finish", "freeze" or "stop"'
	says "pawl.toml:5:12"
}
