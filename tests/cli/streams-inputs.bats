#!/usr/bin/env bats
# Streams, and what their commands read beside the items: a result counts only with what it was made.

load run

# A list of six; the third item waits for ../go.
gated() {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = "sh job.sh"
		inputs = ["job.sh"]
		stdout = "out"
		workers = 1
	END
	seq 6 >list
	cat >job.sh <<-'END'
		read -r x
		if [ "$x" = 3 ] && [ ! -e ../go ]; then
			touch ../at3
			while [ ! -e ../go ]; do sleep 0.01; done
		fi
		echo ran >>../calls
		echo old $x
	END
}

lines_of() {
	seq 6 | sed "s/^/$1 /" | cmp - out
}

@test "a script that is edited while items are worked leaves no result under its old key" {
	gated
	timeout 60 "$PAWL" run >../said 2>&1 &
	pid=$!
	wait_until test -e ../at3
	cp job.sh ../old.sh
	sed 's/old/new/' ../old.sh >../new.sh
	cp ../new.sh job.sh
	touch ../go
	wait "$pid"
	grep -q "input 'job.sh' changed while it ran" ../said
	lines_of new
	cp ../old.sh job.sh
	ends 0
	lines_of old
}

@test "a script that is edited before a kill leaves none either" {
	gated
	timeout 60 "$PAWL" run >../said 2>&1 &
	pid=$!
	wait_until test -e ../at3
	cp job.sh ../old.sh
	sed 's/old/new/' ../old.sh >../new.sh
	cp ../new.sh job.sh
	pkill -KILL -P "$pid"
	kill -KILL "$pid" 2>/dev/null || :
	wait "$pid" || :
	touch ../go
	ends 0
	lines_of new
	cp ../old.sh job.sh
	ends 0
	lines_of old
}

@test "--force works every item again" {
	gated
	touch ../go
	ends 0
	[ "$(wc -l <../calls)" -eq 6 ]
	run_pawl() { "$PAWL" run "$@" >../said 2>&1; }
	run_pawl
	[ "$(wc -l <../calls)" -eq 6 ]
	run_pawl --force
	[ "$(wc -l <../calls)" -eq 12 ]
	lines_of old
}

@test "who reads the lines that a command writes works ahead, and sees them all once" {
	manifest <<-'END'
		[stage.gen]
		run = "seq 40; while [ ! -e ../begun ]; do sleep 0.01; done; seq 41 80"
		stdout = "all"

		[stage.s]
		each = { stage = "gen" }
		run = "read -r x; touch ../begun; echo $x >>../calls; echo got $x"
		stdout = "out"
		queue = 10
	END
	timeout 60 "$PAWL" run >../said 2>&1
	seq 80 | sed 's/^/got /' | cmp - out
	[ "$(sort -n ../calls | uniq | wc -l)" -eq 80 ]
	[ "$(wc -l <../calls)" -eq 80 ]
}
