#!/usr/bin/env bats
# What happens when a command fails: what still runs, what is kept, and the status.

load run

# a and b run side by side; a fails while b waits for it to have failed.
@test "what runs is let finish and kept, nothing new starts" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; while [ ! -e ../b-runs ]; do :; done; exit 3"
		[stage.b]
		run = "echo b >>../ran; : > ../b-runs; while kill -0 \"$(cat ../pid)\" 2>/dev/null; do :; done; echo 1 > b.out"
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; cat b.out > c.out"
		inputs = ["b.out"]
		outputs = ["c.out"]
	END
	sed 's|run = "echo a|run = "echo $$ >../pid; echo a|; s|cat ../pid|cat ../pid 2>/dev/null \|\| echo $$|' pawl.toml >new
	mv new pawl.toml
	ends 1 -j 2
	ran a b
	has b.out 1
	says 'failed'
	says 'exit 3'
	sed 's/exit 3/exit 0/' pawl.toml >new
	mv new pawl.toml
	ends 0 -j 2
	ran a c
}

@test "with -k all that does not depend on it runs" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; exit 1"
		outputs = ["a.out"]
		priority = 9
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out"
		inputs = ["a.out"]
		outputs = ["b.out"]
		[stage.c]
		run = "echo c >>../ran; echo 1 > c.out"
		outputs = ["c.out"]
		[stage.d]
		run = "echo d >>../ran; cat c.out > d.out"
		inputs = ["c.out"]
		outputs = ["d.out"]
	END
	ends 1 -j 1
	ran a
	ends 1 -j 1 -k
	ran a c d
	says blocked
	ends 1 -k
	ran a
	sed 's/^name = .*/&\nkeep_going = true/' pawl.toml >new
	mv new pawl.toml
	rm c.out d.out
	ends 1 -j 1
	ran a
	has d.out 1
}

@test "a failure that is ignored is a warning, and its outputs count as missing" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran; echo partial > a.out; exit 1"
		outputs = ["a.out"]
		on_failure = "ignore"
		[stage.b]
		run = "echo b >>../ran; cat a.out > b.out 2>/dev/null || echo none > b.out"
		inputs = [{ path = "a.out", optional = true }]
		outputs = ["b.out"]
	END
	ends 0
	ran a b
	has b.out none
	[ ! -e a.out ]
	says a
	ends 0
	ran a
	cat >>pawl.toml <<-'END'
		[stage.c]
		run = "echo c >>../ran; cat a.out > c.out"
		inputs = ["a.out"]
		outputs = ["c.out"]
	END
	ends 1
	ran a
	says a.out
}

@test "a stage that takes too long is ended: TERM, then KILL; status 7" {
	manifest <<-'END'
		[stage.s]
		run = "trap 'echo term >>../ran; exit 0' TERM; echo partial > out; while :; do sleep 0.01; done"
		outputs = ["out"]
		timeout = "1s"
	END
	ends 7
	ran term
	[ ! -e out ]
	says timeout
	manifest <<-'END'
		[stage.s]
		run = "trap 'echo term >>../ran' TERM; while :; do sleep 0.01; done"
		timeout = "1s"
		grace = "100ms"
	END
	ends 7
	ran term
}

@test "a run that takes too long is ended; status 7" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; while :; do sleep 0.01; done"
	END
	sed 's/^name = .*/&\ntimeout = "500ms"/' pawl.toml >new
	mv new pawl.toml
	ends 7
	ran s
}

@test "a program that cannot be executed is status 11" {
	manifest <<-'END'
		[stage.s]
		run = "no-such-program"
	END
	ends 11
	manifest <<-'END'
		[stage.s]
		run = "./data"
	END
	echo 'not a program' >data
	ends 11
	manifest <<-'END'
		[stage.s]
		run = ["./data"]
	END
	ends 11
	says data
	printf '#!/no/such/interpreter\n' >data
	chmod +x data
	ends 11
	manifest <<-'END'
		[stage.s]
		run = ["sh", "-c", "exit 127"]
	END
	ends 1
}

@test "other ends of a command are status 1" {
	manifest <<-'END'
		[stage.s]
		run = "kill -SEGV $$"
	END
	ends 1
	says signal
	manifest <<-'END'
		[stage.s]
		run = "kill -TERM $$"
	END
	ends 1
	manifest <<-'END'
		[stage.s]
		run = "exit 255"
	END
	ends 1
	says 'exit 255'
}

@test "of several failures the environment comes first, then the stage, then time" {
	manifest <<-'END'
		[stage.time]
		run = "while :; do sleep 0.01; done"
		timeout = "50ms"
		[stage.code]
		run = "exit 1"
		[stage.tool]
		run = "no-such-program"
	END
	ends 11 -k
	ends 11 -k -j 1
	ends 1 -k time code
	ends 7 -k time
}

@test "the failure shows the command, how it ended, and the end of its log" {
	manifest <<-'END'
		[stage.s]
		run = "seq 100; echo oh dear >&2; exit 4"
	END
	ends 1
	says 'exit 4'
	says 'seq 100'
	says 'oh dear'
	log=$(find .pawl/runs -path '*/logs/*' -type f)
	says "$log"
	[ "$(wc -l <"$log")" -eq 101 ]
}

@test "an error in the middle of a command, or of a pipe, is one" {
	manifest <<-'END'
		[stage.s]
		run = """
		false
		echo s >>../ran"""
	END
	ends 1
	ran
	manifest <<-'END'
		[stage.s]
		run = "echo $UNSET_THING; echo s >>../ran"
	END
	ends 1
	ran
	manifest <<-'END'
		[stage.s]
		shell = ["bash", "-eu", "-o", "pipefail", "-c"]
		run = "false | cat; echo s >>../ran"
	END
	ends 1
	ran
}

@test "what a command leaves running ends with it" {
	manifest <<-'END'
		[stage.s]
		run = "sleep 100 & echo $! > ../pid; echo 1 > out"
		outputs = ["out"]
	END
	ends 0
	not kill -0 "$(cat ../pid)"
}

@test "what left its group does not outlive the run" {
	manifest <<-'END'
		[stage.s]
		run = "setsid sh -c 'echo $$ > ../pid; exec sleep 100' & while [ ! -s ../pid ]; do :; done; echo 1 > out"
		outputs = ["out"]
	END
	ends 0
	not kill -0 "$(cat ../pid)"
}

@test "a command that keeps its log open in the background does not hold the run" {
	manifest <<-'END'
		[stage.s]
		run = "(sleep 100; echo late) & echo 1"
		stdout = "out"
	END
	ends 0
	has out 1
}
