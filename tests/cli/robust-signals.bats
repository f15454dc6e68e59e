#!/usr/bin/env bats
# INT, TERM and HUP: what runs gets TERM, grace, KILL; pawl cleans up and dies of the signal.

bats_require_minimum_version 1.5.0

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	manifest 200ms
}

manifest() { # $1 grace
	cat >pawl.toml <<-END
		[pipeline]
		name = "signals"
		grace = "$1"
		[stage.a]
		run = "echo a"
		stdout = "a"
		[stage.polite]
		inputs = ["a"]
		run = "trap ': > ../term; exit 1' TERM; echo part > b; : > ../up; while :; do sleep 0.02; done"
		outputs = ["b"]
		[stage.deaf]
		inputs = ["a"]
		run = "trap '' TERM INT HUP; echo \$\$ > ../pid; echo part > c; : > ../up2; while :; do sleep 0.05; done"
		outputs = ["c"]
	END
}

wait_for() {
	local tries=0
	until [ -e "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || return 1
		sleep 0.01
	done
}

# Runs pawl with the signals at their defaults, until both commands run.
start() {
	rm -f ../up ../up2 ../term ../pid
	perl -e '$SIG{$_} = "DEFAULT" for "INT", "HUP"; exec @ARGV' "$PAWL" run -j4 >../said 2>&1 &
	pid=$!
	wait_for ../up
	wait_for ../up2
}

expect_end() { # $1 status
	local status=0
	wait "$pid" || status=$?
	cat ../said
	[ "$status" -eq "$1" ]
	! grep -q '^State:	[^ZX]' "/proc/$(cat ../pid)/status" 2>/dev/null
}

expect_clean() {
	[ -e ../term ]
	[ ! -e b ]
	[ ! -e c ]
	[ "$(cat a)" = a ]
	"$PAWL" status | grep interrupted
}

@test "INT, TERM and HUP end a run cleanly, with the signal as status" {
	start
	kill -INT "$pid"
	expect_end 130
	expect_clean
	start
	kill -TERM "$pid"
	expect_end 143
	expect_clean
	start
	kill -HUP "$pid"
	expect_end 129
	expect_clean
	[ "$(ls .pawl/runs | wc -l)" -eq 1 ]
	[ "$(grep -c '"attempt.started".*"instance":"a"' .pawl/runs/*/events.jsonl)" -eq 1 ]
}

@test "a second signal kills at once" {
	manifest 60s
	start
	kill -INT "$pid"
	wait_for ../term
	kill -INT "$pid"
	expect_end 130
	expect_clean
}

@test "a third one leaves at once, and the next run cleans up" {
	manifest 60s
	start
	# All three are there when it looks.
	kill -STOP "$pid"
	kill -INT "$pid"
	kill -TERM "$pid"
	kill -HUP "$pid"
	kill -CONT "$pid"
	wait "$pid" || status=$?
	[ "$status" -ge 129 ]
	sed -i 's/while :; do sleep 0.0[25]; done/exit 0/' pawl.toml
	run "$PAWL" run
	[ "$status" -eq 0 ]
	[ -z "$(find .pawl/tmp -mindepth 1)" ]
}

@test "a signal that was ignored at the start stays ignored" {
	rm -f ../up ../up2 ../term ../pid
	sh -c 'trap "" HUP; exec "$PAWL" run -j4' >../said 2>&1 &
	pid=$!
	wait_for ../up
	wait_for ../up2
	kill -HUP "$pid"
	[ ! -e ../term ]
	kill -TERM "$pid"
	expect_end 143
	expect_clean
	! grep -q '"signal":1,' .pawl/runs/*/events.jsonl
}

@test "a reader of the progress that goes away does not end the run" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "pipe"
		[stage.a]
		matrix = { n = { from = 1, to = 30 } }
		run = "echo {{n}}"
		stdout = "{{n}}"
	END
	{ "$PAWL" run -v 2>&1 || true; } | head -c1
	[ "$(cat 30)" = 30 ]
	"$PAWL" plan --check
}

@test "a second run is told who works here; with --wait it waits" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "lock"
		[stage.a]
		run = ": > ../up; while [ ! -e ../go ]; do sleep 0.02; done; echo a"
		stdout = "a"
	END
	"$PAWL" run >../said 2>&1 &
	pid=$!
	wait_for ../up
	run "$PAWL" run
	[ "$status" -eq 9 ]
	[[ $output =~ "'.pawl/lock': held by process $pid on ".*", pawl run, run "[0-9TZ]*-[0-9a-f]*", since 20"[0-9].*Z$ ]]
	"$PAWL" status | grep running
	"$PAWL" run --wait >../waited 2>&1 &
	waiting=$!
	until grep -q 'held by' ../waited; do
		kill -0 "$waiting"
		sleep 0.01
	done
	: >../go
	wait "$pid"
	wait "$waiting"
	[ "$(tail -n1 ../waited)" = "everything is up to date (1 instance)" ]
	[ "$(grep -c 'held by.*: waiting$' ../waited)" -eq 1 ]
}

@test "a run inside a stage of the same workspace is refused" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "inside"
		[stage.a]
		run = "cd ..; $PAWL -C work run --wait || echo $? > status"
	END
	"$PAWL" run
	[ "$(cat ../status)" -eq 2 ]
}

@test "a lock whose holder was killed a moment ago is waited for" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "lock"
		[stage.a]
		run = "echo a"
	END
	"$PAWL" run
	# The child of a pawl that is no more: the same lock, for a moment longer.
	cat >../hold.pl <<-'END'
		use Fcntl;
		defined(my $gone = fork) or die;
		exit 0 if $gone == 0;
		waitpid $gone, 0;
		open(my $lock, '+<', '.pawl/lock') or die;
		my $line = <$lock>;
		$line =~ s/^pawl-lock 1 \d+/pawl-lock 1 $gone/ or die;
		my $range = pack('s s x4 q q l x4', F_WRLCK, 0, 1 << 62, 1, 0);
		fcntl($lock, 37, $range) or die;
		truncate($lock, 0); seek($lock, 0, 0); print $lock $line; $lock->flush;
		open(my $ready, '>', '../ready') or die; close $ready;
		select undef, undef, undef, $ARGV[0];
	END
	perl -MIO::Handle ../hold.pl 0.5 &
	wait_for ../ready
	"$PAWL" run
	wait
	rm ../ready
	perl -MIO::Handle ../hold.pl 30 &
	holder=$!
	wait_for ../ready
	run "$PAWL" run
	[ "$status" -eq 9 ]
	kill "$holder"
}
