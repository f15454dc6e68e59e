#!/usr/bin/env bats
# What a kill, an interruption, or somebody's hand in the middle of a run leaves behind, and what
# the next command makes of it.

load run

# `pawl run` in the background as $pid, until a stage of it has made the file given first.
start_until() {
	local file=$1
	shift
	rm -f "$file"
	"$PAWL" run "$@" >../said 2>&1 3>&- &
	pid=$!
	wait_until test -e "$file"
}

# The run in the background is killed by this signal.
end_by() {
	kill -"$1" "$pid"
	wait "$pid" || :
}

# A step of a command: until a file is there. The stage is killed while it waits, or told to go on.
wait_in_stage() {
	printf 'until [ -e %s ]; do sleep 0.01; done' "$1"
}

@test "a killed attempt of a stage with a persistent output leaves the good output beside it" {
	manifest <<-END
		[stage.s]
		run = """echo s >>../ran; cat in >> db; echo "half of \$(cat in)" > report; : > ../holding
		grep -q hold in && { $(wait_in_stage ../go); }
		grep -q fail in && exit 3
		cat db > report"""
		inputs = ["in"]
		outputs = [{ path = "db", persist = true }, "report"]
	END
	echo one >in
	ends 0
	has report one
	echo hold >in
	start_until ../holding
	has report 'half of hold'
	end_by KILL
	# Any command that takes the lock cleans up.
	run "$PAWL" clean --orphans
	[ "$status" -eq 0 ]
	has report one
	has db "$(printf 'one\nhold')"

	# Nor is it gone when the next command's attempt fails.
	start_until ../holding
	has report 'half of hold'
	end_by KILL
	echo fail >in
	ends 1
	ran s
	has report one
	ends 1
	has report one
	echo two >in
	ends 0
	ran s
	has report "$(cat db)"
	ends 0
	ran
}

@test "plan knows what a killed attempt left half done from what is somebody's" {
	manifest <<-END
		[stage.s]
		run = """echo half > new; mkdir -p dir; echo half > dir/one; echo half > old; : > ../holding
		$(wait_in_stage ../go)
		echo whole | tee new dir/one > old"""
		inputs = ["in"]
		outputs = ["new", "dir/", "old"]
	END
	echo one >in
	start_until ../holding
	has new half
	end_by KILL
	run "$PAWL" plan
	[ "$status" -eq 0 ]
	[[ "$output" != *"keep "* ]]
	run "$PAWL" plan --json
	[[ "$output" == *'"kept": []'* ]]
	# The run says the same.
	: >../go
	"$PAWL" run -q
	[ ! -e .pawl/kept ]
	has old whole

	# A file of pawl's own is parked under what is half done, and one of somebody.
	rm ../go
	echo two >in
	echo mine >new
	start_until ../holding
	has new half
	end_by KILL
	run "$PAWL" plan
	[[ "$output" == *"keep     'new'"* ]]
	[[ "$output" != *"keep     'old'"* ]]
	[[ "$output" != *"keep     'dir"* ]]
	: >../go
	"$PAWL" run -q
	has "$(find .pawl/kept -type f)" mine
	has new whole
}

# The stage's command puts a file where kept/ should be.
obstacle() {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo made > out; rm -rf .pawl/kept; [ ! -e ../hinder ] || echo x > .pawl/kept"
		outputs = ["out"]
	END
	: >../hinder
	echo mine >out
}

@test "what cannot be moved to kept/ stays parked: status 11, also of the last stage, and it is kept later" {
	obstacle
	ends 11
	ran s
	says "kept"
	has out made
	has "$(find .pawl/parked -type f -name out)" mine
	# While the obstacle is there nothing goes on, and nothing is lost.
	ends 11
	ran
	has out made
	has "$(find .pawl/parked -type f -name out)" mine
	rm .pawl/kept ../hinder
	ends 0
	ran
	has out made
	has "$(find .pawl/kept -type f -name out)" mine
	[ -z "$(find .pawl/parked -type f)" ]
	ends 0
	ran
}

@test "what cannot be moved to kept/ by a stage before others is not lost either" {
	obstacle
	cat >>pawl.toml <<-'END'
		[stage.t]
		run = "echo t >>../ran; cat out > t.out"
		inputs = ["out"]
		outputs = ["t.out"]
	END
	ends 11
	has "$(find .pawl/parked -type f -name out)" mine
	rm .pawl/kept ../hinder
	# Another manifest: that run is abandoned, what it parked is not.
	sed 's/echo t >>/echo u >>/' pawl.toml >new
	mv new pawl.toml
	ends 0
	ran u
	has t.out made
	has "$(find .pawl/kept -type f -name out)" mine
}

# c is ready while slow runs, which starts as soon as p's command has ended.
@test "what was written over a good output while others ran is not read under its name" {
	manifest <<-'END'
		[stage.p]
		run = "echo p >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
		priority = 9
		[stage.slow]
		run = """echo slow >>../ran
		until grep -q '"type":"attempt.finished".*"p"' "$PAWL_RUN_DIR/events.jsonl"; do sleep 0.01; done
		echo other > new; mv new out"""
		inputs = ["slow.in"]
		priority = 5
		[stage.c]
		run = "echo c >>../ran; sed 's/^/c of /' out > c.out"
		inputs = ["out"]
		outputs = ["c.out"]
	END
	echo good >in
	echo 1 >slow.in
	ends 0 -j1
	[ "$(cat ../ran)" = "$(printf 'p\nslow\nc')" ]
	has out good
	has c.out 'c of good'
	has "$(find .pawl/kept -type f -name 'out*')" other
	ends 0 -j1
	ran
	has out good
	has c.out 'c of good'
	# In place, and where the bytes that are wrong were good once.
	sed 's/echo other > new; mv new out/echo good > out/' pawl.toml >new
	mv new pawl.toml
	echo better >in
	ends 0 -j1
	ran p slow c
	has out better
	has c.out 'c of better'
	ends 0 -j1
	ran
}

# $1: where slow puts a file: among what p made, before c starts, or from c itself, while it runs.
strays() {
	manifest <<-END
		[stage.p]
		run = "echo p >>../ran; mkdir d; cp in d/f; echo k > d/k.o"
		inputs = ["in"]
		outputs = ["d/"]
		priority = 9
		[stage.slow]
		run = """echo slow >>../ran
		until grep -q '"type":"attempt.finished".*"p"' "\$PAWL_RUN_DIR/events.jsonl"; do sleep 0.01; done
		$1"""
		inputs = ["slow.in"]
		priority = 5
		[stage.c]
		run = "echo c >>../ran; cat d/* > c.out; $2"
		inputs = ["d/"]
		outputs = ["c.out"]
		[stage.g]
		run = "echo g >>../ran; cat d/*.o > g.out"
		inputs = ["d/*.o"]
		outputs = ["g.out"]
		[stage.o]
		run = "echo o >>../ran; cat d/f > o.out"
		inputs = ["d/f"]
		outputs = ["o.out"]
	END
	echo good >in
	echo 1 >slow.in
	: >../once
	ends 0 -j1
	[ "$(ls d)" = "$(printf 'f\nk.o')" ]
	has c.out "$(printf 'good\nk')"
	has g.out k
	has o.out good
	has "$(find .pawl/kept -type f -name "$3")" other
}

@test "a file that is put into a folder that a stage made is not read as a part of it" {
	strays 'echo other > d/x.o' '' x.o
	ran p slow c g o
	ends 0 -j1
	ran
}

@test "a file that a command puts into a folder that it reads is not a part of it" {
	strays : 'if [ -e ../once ]; then rm ../once; echo other > d/x; fi' x
	ran p slow c c g o
	ends 0 -j1
	ran
}

@test "names that folders and globs pass over may come into a folder that a stage made" {
	manifest <<-'END'
		[stage.p]
		run = "echo p >>../ran; mkdir d; echo 1 > d/f"
		outputs = ["d/"]
		[stage.c]
		run = "echo c >>../ran; mkdir d/__pycache__; echo 2 > d/__pycache__/f; cat d/f > c.out"
		inputs = ["d/"]
		outputs = ["c.out"]
	END
	ends 0
	ran p c
	has c.out 1
}

@test "a folder of a run without a record does not stop the next one" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	mkdir -p .pawl/runs/20991231T235959Z-ffff
	ends 0
	ran s
	mkdir -p .pawl/runs/20991231T235959Z-fffe/logs
	ends 0
	ran
	mkdir -p .pawl/runs/20991231T235959Z-ffff
	: >.pawl/runs/20991231T235959Z-ffff/events.jsonl
	echo 2 >in
	ends 0
	ran s
	has out 2
}

# The power failed: names of logs had reached the disk, the record had not.
@test "a folder of a run with logs and no record does not stop the next one" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	for record in none empty; do
		folder=.pawl/runs/20991231T235959Z-ffff
		mkdir -p "$folder/logs"
		echo said >"$folder/logs/s.s.1"
		[ "$record" = none ] || : >"$folder/events.jsonl"
		"$PAWL" verify
		echo "$record" >in
		ends 0
		ran s
		has out "$record"
		[ ! -e "$folder" ]
		"$PAWL" runs
	done
}

# The power failed: blocks of the record's end were lost, and parts of what came behind it were not.
@test "a run that has ended has ended also where lines behind its end are torn" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; cat in"
		inputs = ["in"]
		outputs = ["out"]
	END
	local tail last
	for tail in 'time"\0\0\0",\n' '{"seq":9,"time":"\0\0\0,"chain":"12"}\n' '\0\n{"seq":9,"type":"what"}\n' '\0\0'; do
		for last in 0 1; do
			echo "$tail$last" >in
			[ "$last" = 0 ] || sed -i 's/cat in"/false"/' pawl.toml
			ends "$last"
			ran s
			# shellcheck disable=SC2059 # it is a format
			printf "$tail" >>"$(find .pawl/runs -name events.jsonl | sort | tail -n 1)"
			ends "$last"
			# What was good is up to date, what failed is tried again.
			if [ "$last" = 0 ]; then ran; else ran s; fi
			[[ "$output" != *interrupted* ]]
			sed -i 's/false"/cat in"/' pawl.toml
		done
	done
}

# c2 learns only when q is done that it must run and so needs tmp, which p must make once more; c1
# reads what p made and appends to it meanwhile. Were p to run beside c1, it would end after it.
@test "a stage that must run again while one that reads from it ends unsettled" {
	manifest <<-'END'
		[stage.p]
		run = """echo p >>../ran
		until [ ! -e ../second ] || grep -q '"type":"attempt.finished".*"c1"' "$PAWL_RUN_DIR/events.jsonl"; do sleep 0.01; done
		echo 1 > o1; echo 2 > tmp"""
		outputs = ["o1", { path = "tmp", temp = true }]
		[stage.q]
		run = "echo q >>../ran; until [ -e ../c1-runs ]; do sleep 0.01; done; cat q.in > q.out"
		inputs = ["q.in"]
		outputs = ["q.out"]
		[stage.c1]
		run = """echo c1 >>../ran; : > ../c1-runs; cat o1 c1.in > c1.out
		[ -e ../once ] || exit 0
		rm ../once
		until grep -q '"type":"instance.reopened".*"p"' "$PAWL_RUN_DIR/events.jsonl"; do sleep 0.01; done
		echo more >> o1"""
		inputs = ["o1", "c1.in"]
		outputs = ["c1.out"]
		[stage.c2]
		run = "echo c2 >>../ran; cat tmp q.out > c2.out"
		inputs = ["tmp", "q.out"]
		outputs = ["c2.out"]
	END
	echo 1 >q.in
	echo 1 >c1.in
	ends 0 -j4
	ran p q c1 c2
	[ ! -e tmp ]
	echo 2 >q.in
	echo 2 >c1.in
	rm ../c1-runs
	: >../once
	: >../second
	ends 0 -j4
	[ ! -e ../once ]
	ran p q c1 c1 c2
	has o1 1
	has c1.out "$(printf '1\n2')"
	has c2.out "$(printf '2\n2')"
	[ ! -e tmp ]
	ends 0 -j4
	ran
}

@test "what is written by hand at an output after an interruption is kept, and named" {
	manifest <<-END
		[stage.s]
		run = "echo s >>../ran; echo half > out; : > ../holding; $(wait_in_stage ../go); echo made > out"
		outputs = ["out"]
	END
	start_until ../holding
	end_by TERM
	[ ! -e out ]
	echo mine >out
	: >../go
	ends 0
	ran s
	has out made
	says "'out'"
	says '.pawl/kept/'
	has "$(find .pawl/kept -type f -name out)" mine
	not grep -rqx mine .pawl/failed
	[ "$(events output.kept | wc -l)" -eq 1 ]
}

@test "many commands that cannot be started: each is told by its own name" {
	manifest <<-'END'
		[stage.s]
		matrix = { n = { from = 1, to = 300 } }
		run = ["./p{{n}}"]
	END
	for n in $(seq 300); do
		printf '#!/no/such/interpreter\n' >"p$n"
		chmod +x "p$n"
	done
	ends 11 -k -j300
	"$PAWL" events latest | perl -MJSON::PP -e '
		my (%id, %ended, %told);
		while (<STDIN>) {
			my $event = decode_json($_);
			my $name = $event->{instance} // "";
			if ($event->{type} eq "attempt.started") {
				die "$name started twice\n" if $id{$name};
				$id{$name} = $event->{attempt_id};
			} elsif ($event->{type} eq "attempt.finished") {
				my ($n) = $name =~ /=(\d+)$/ or die "whose? $_";
				die "not its own attempt: $_" if $event->{attempt_id} ne $id{$name};
				die "not its own reason: $_" if $event->{reason} !~ m{/p$n\x27};
				die "$name ended twice\n" if $ended{$name}++;
			}
		}
		my %ids = map { $_ => 1 } values %id;
		die scalar(keys %ended) . " of 300 ended\n" if keys %ended != 300 || keys %ids != 300;'
	not grep -q 'Sanitizer\|runtime error' <<<"$output"
}

# A run that is interrupted twice and continued; $1: what to give to `pawl run`.
interrupted_twice() {
	: >../ran
	rm -f ../go
	start_until ../holding "$@"
	end_by TERM
	start_until ../holding "$@"
	end_by KILL
	: >../go
	"$PAWL" run "$@"
	[ "$(find .pawl/runs -mindepth 1 -maxdepth 1 | wc -l)" -eq "$runs" ]
	[ "$(grep -cx a ../ran)" -eq 1 ]
	[ "$(grep -cx b ../ran)" -eq 3 ]
	has b.out 1
}

@test "what runs once in each run runs once in a run that was interrupted twice" {
	manifest <<-END
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = ["a.out"]
		cache = false
		[stage.b]
		run = "echo b >>../ran; : > ../holding; $(wait_in_stage ../go); cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
	END
	runs=1
	interrupted_twice
	ends 0
	ran a
}

@test "what is forced is forced once in a run that was interrupted twice" {
	manifest <<-END
		[stage.a]
		run = "echo a >>../ran; echo 1 > a.out"
		outputs = ["a.out"]
		[stage.b]
		run = "echo b >>../ran; : > ../holding; $(wait_in_stage ../go); cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
	END
	: >../go
	ends 0
	runs=2
	interrupted_twice --force
	ends 0
	ran
}

@test "a depfile may name what is no file: it is not read" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out; echo \"out: in /dev/null /dev/zero pipe $PWD/pipe\" > out.d"
		inputs = ["in"]
		outputs = ["out"]
		depfile = "out.d"
	END
	mkfifo pipe
	echo 1 >in
	ends 0
	ran s
	ends 0
	ran
	echo 2 >in
	ends 0
	ran s
	has out 2
	echo 1 >in
	ends 0
	ran
	has out 1
}

# A command beside attempts leaves a process of its own behind when pawl is killed: `sh ../beside`.
leaves_a_process() { # what `pawl run` ends with afterwards
	cat >../beside <<-'END'
		[ -e ../go ] || { sh -c 'echo $$ >../new; mv ../new ../held; until [ -e ../free ]; do sleep 0.01; done' & wait; }
	END
	rm -rf ../held ../go ../free .pawl out
	start_until ../held
	end_by KILL
	held=$(cat ../held)
	kill -0 "$held"
	touch ../go
	ends "$1" || {
		touch ../free
		return 1
	}
	# Whoever inherited it may not have taken notice yet.
	not grep -q '^State:.[^ZX]' "/proc/$held/status" 2>/dev/null || {
		touch ../free
		echo "it lives on"
		return 1
	}
}

@test "what a check, a 'recover' or a 'compensate' left alive when pawl was killed is ended" {
	manifest <<-'END'
		[stage.s]
		run = "echo s > out"
		outputs = ["out"]
		validate = { name = "beside", run = "sh ../beside" }
	END
	leaves_a_process 0
	manifest <<-'END'
		[stage.s]
		run = "[ -e ../go ]; echo s > out"
		outputs = ["out"]
		recover = "sh ../beside; touch ../go"
	END
	leaves_a_process 0
	manifest <<-'END'
		[stage.s]
		run = "echo s > out"
		outputs = ["out"]
		compensate = "sh ../beside"
		[stage.t]
		run = "cat out; exit 3"
		inputs = ["out"]
	END
	leaves_a_process 1
}
