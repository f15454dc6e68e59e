#!/usr/bin/env bats
# make's jobserver: pawl takes a token for each slot beyond its first, whatever way it ends none is
# missing, and its commands find a pool to take from. That jobs are never too many is seen by jobs
# that count themselves.

bats_require_minimum_version 1.5.0

load run

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID MAKEFLAGS MAKELEVEL MFLAGS
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	helper=$BATS_TEST_DIRNAME/jobserver.pl
	export helper PAWL
	# Jobs of all kinds are counted here.
	jobs=$BATS_TEST_TMPDIR/jobs
	export jobs
	mkdir "$jobs"
}

# A workspace with six jobs that count themselves; $1 folder, $2 how many are to run at once.
counting() {
	mkdir -p "$1"
	cat >"$1/pawl.toml" <<-END
		[pipeline]
		name = "$1"
		[stage.job]
		matrix = { n = [1, 2, 3, 4, 5, 6] }
		run = "perl $helper count $jobs $2; : {{n}}"
		cache = false
	END
}

# Two stages that are a make of five such jobs each.
counting_make() {
	manifest <<-'END'
		[stage.sub]
		matrix = { n = [1, 2] }
		run = "make --no-print-directory -f sub.mk; : {{n}}"
		cache = false
	END
	cat >sub.mk <<-END
		.RECIPEPREFIX = >
		all: 1 2 3 4 5
		1 2 3 4 5: FORCE
		> @perl $helper count $jobs $1
		FORCE:
	END
}

# So many ran at once, and never more.
most() {
	has "$jobs/most" "$1"
	has "$jobs/now" 0
}

# Runs pawl as a child of a jobserver of 3 tokens; all must be there at the end.
served() {
	expected=$1
	kind=$2
	shift 2
	run perl "$helper" serve "$kind" 3 ../tokens "$PAWL" "$@"
	printf '%s\n' "status $status" "$output"
	[ "$status" -eq "$expected" ] || return 1
	has ../tokens 'abc blocks yes'
}

# --- under a make

@test "several pawls under one make keep its -j together" {
	counting a 3
	counting b 3
	counting c 3
	printf '%s\n' '.RECIPEPREFIX = >' 'all: a b c' 'a b c: FORCE' '> +$(PAWL) -C $@ run' 'FORCE:' >Makefile
	run make -j3
	echo "$output"
	[ "$status" -eq 0 ]
	most 3
	not says INTERNAL
	not says warning
}

@test "alone under make -j4, pawl runs four, whatever the machine has" {
	counting . 4
	printf 'all:\n\t+$(PAWL) run\n' >Makefile
	run make -j4
	echo "$output"
	[ "$status" -eq 0 ]
	most 4
	not says INTERNAL
}

@test "without '+' in its recipe pawl says why make's -j does not bound it" {
	counting . 1
	printf 'all:\n\t$(PAWL) run\n' >Makefile
	run make -j4
	echo "$output"
	[ "$status" -eq 0 ]
	says "put '+' before the recipe line"
	# What is up to date anyway is not worth a word.
	printf '[stage.a]\nrun = "echo a"\nstdout = "a"\n' | manifest
	"$PAWL" run
	run make -j4
	not says "'+'"
}

@test "an own -j is obeyed, and said" {
	counting . 2
	served 0 PIPE run -j2
	says "-j is given: make's jobserver is not used"
	most 2
}

@test "make -n and make -q make nothing" {
	printf '[stage.a]\nrun = "echo a"\nstdout = "a"\n' | manifest
	printf 'all:\n\t+$(PAWL) run\n' >Makefile
	run make -n
	echo "$output"
	[ "$status" -eq 0 ]
	says "1 would run"
	[ ! -e a ]
	run make -q
	[ "$status" -ne 0 ]
	[ ! -e a ]
	make
	has a a
	run make -q
	echo "$output"
	[ "$status" -eq 0 ]
	# Of a make that has nothing to do with us they mean nothing.
	rm a
	MAKEFLAGS=n run "$PAWL" run
	has a a
}

# --- every way out

@test "all tokens are back after a good run, a failed one and one that never began" {
	counting . 4
	served 0 PIPE run
	most 4
	printf '[stage.bad]\nmatrix = { n = [1, 2, 3, 4, 5] }\nrun = "exit {{n}}"\n' | manifest
	served 1 PIPE run -k
	served 1 PIPE run
	served 2 PIPE run --no-such-option
	served 2 PIPE -f none.toml run
}

@test "all tokens are back after commands that were killed, or could not be started" {
	manifest <<-'END'
		[stage.killed]
		matrix = { n = [1, 2, 3, 4, 5] }
		run = "kill -9 $$; : {{n}}"
		on_failure = "ignore"
		[stage.no-program]
		matrix = { n = [1, 2, 3, 4] }
		run = ["./nothing", "{{n}}"]
		on_failure = "ignore"
	END
	echo nothing >nothing
	chmod +x nothing
	served 0 PIPE run -k
	says "neither a program of this machine nor a script"
}

@test "the same by a named pipe" {
	counting . 4
	served 0 "$PWD/fifo" run
	most 4
	printf '[stage.bad]\nmatrix = { n = [1, 2, 3, 4, 5] }\nrun = "exit {{n}}"\n' | manifest
	rm fifo
	served 1 "$PWD/fifo" run -k
}

@test "a named pipe that is not there is told and done without" {
	printf '[stage.a]\nrun = "echo a"\nstdout = "a"\n' | manifest
	MAKEFLAGS=" -j2 --jobserver-auth=fifo:$PWD/none" run "$PAWL" run
	echo "$output"
	[ "$status" -eq 0 ]
	says "the jobserver cannot be opened"
	has a a
}

# Four commands, one of them deaf, run when the signals come.
signalled() { # $1 status, $2 signals…
	local status=0
	expected=$1
	shift
	rm -rf ../up ../tokens ../tokens.pid .pawl
	mkdir ../up
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "signals"
		grace = "200ms"
		[stage.job]
		matrix = { n = [1, 2, 3, 4] }
		run = "[ {{n}} -ne 1 ] || trap '' TERM; : >../up/{{n}}; while :; do sleep 0.02; done"
		cache = false
	END
	perl "$helper" serve PIPE 3 ../tokens "$PAWL" run >../said 2>&1 &
	server=$!
	for n in 1 2 3 4; do wait_until test -e "../up/$n"; done
	pid=$(cat ../tokens.pid)
	# Stopped meanwhile, so that several come at once.
	kill -STOP "$pid"
	for signal in "$@"; do kill "-$signal" "$pid"; done
	kill -CONT "$pid"
	wait "$server" || status=$?
	cat ../said ../tokens
	[ "$status" -eq "$expected" ]
	has ../tokens 'abc blocks yes'
}

@test "all tokens are back after INT, TERM and HUP" {
	signalled 130 INT
	signalled 143 TERM
	signalled 129 HUP
}

@test "all tokens are back after a second and a third signal at once" {
	signalled 130 INT TERM
	# They are read in the order of their numbers.
	signalled 143 INT TERM HUP
	not grep -q "run .*, head" ../said
}

@test "all tokens are back when the record cannot be written any more" {
	manifest <<-'END'
		[stage.job]
		matrix = { n = { from = 1, to = 200, step = 1 } }
		run = ": {{n}}"
		cache = false
	END
	# A file may have 32 KiB: the record's end comes in the middle of the run.
	run perl "$helper" serve PIPE 3 ../tokens bash -c 'ulimit -f 32; exec "$@"' bash "$PAWL" run
	printf '%s\n' "status $status" "$output"
	[ "$status" -eq 11 ]
	says "done      job@n="
	says "'events.jsonl': cannot write"
	has ../tokens 'abc blocks yes'
}

# --- for commands

@test "a make in a stage runs in parallel, together never more than -j" {
	counting_make 4
	ends 0 -j4
	most 4
	not says warning
}

@test "make is told the same under make as by make" {
	counting_make 3
	printf 'all: a b\na:\n\t+$(PAWL) run\nb:\n\t+$(MAKE) -f sub.mk\n' >Makefile
	run make -j3
	echo "$output"
	[ "$status" -eq 0 ]
	most 3
	not says warning
	not says INTERNAL
}

@test "a pawl in a stage keeps the outer one's -j" {
	counting inner 3
	manifest <<-'END'
		[stage.outer]
		matrix = { n = [1, 2] }
		run = "cp -r inner inner{{n}} && \"$PAWL\" -C inner{{n}} run"
		cache = false
	END
	ends 0 -j3
	most 3
}

@test "tokens of a command that was killed are put back when nothing of it lives" {
	manifest <<-END
		[stage.thief]
		run = "perl $helper take 3"
		on_failure = "ignore"
		[stage.seen]
		run = "perl $helper tokens"
		needs = ["thief"]
		stdout = "seen"
	END
	ends 0 -j4
	has seen "3 of -j4"
}

@test "a command of several slots finds what it declared, no more" {
	manifest <<-END
		[stage.three]
		cpu = 3
		run = "perl $helper tokens"
		stdout = "three"
		[stage.all]
		cpu = "all"
		run = "perl $helper tokens"
		stdout = "all"
		needs = ["three"]
	END
	ends 0 -j5
	has three "2 of -j3"
	has all "4 of -j5"
	rm three all
	sed -i '2a jobserver = "fifo"' pawl.toml
	sed -i 's/tokens/tokens now/' pawl.toml
	ends 0 -j5
	has three "2 of -j3"
	has all "4 of -j5"
	# Nothing is left of the named ones.
	[ -z "$(find .pawl -type p)" ]
}

@test "jobserver = 'fifo' gives a named pipe, 'none' nothing, what the manifest sets wins" {
	manifest <<-END
		[stage.found]
		run = "perl $helper tokens; echo \$MAKEFLAGS"
		stdout = "found"
		[stage.own]
		run = "echo \$MAKEFLAGS"
		env = { MAKEFLAGS = "mine" }
		stdout = "own"
	END
	sed -i '2a jobserver = "fifo"' pawl.toml
	ends 0 -j3
	grep -q "^[12] of -j3$" found
	grep -q -- "--jobserver-auth=fifo:$(realpath .)/.pawl/runs/.*/jobserver" found
	has own mine
	sed -i 's/"fifo"/"none"/; s/^run = "perl.*/run = "echo ${MAKEFLAGS-none}"/' pawl.toml
	ends 0 -j3
	has found none
	sed -i 's/"none"/"both"/' pawl.toml
	ends 3
	says "one of pipe, fifo, none"
}

@test "a workspace whose name MAKEFLAGS cannot hold gets descriptors" {
	mkdir "../a b"
	cd "../a b"
	printf '[pipeline]\nname = "t"\njobserver = "fifo"\n[stage.a]\nrun = "perl %s tokens"\nstdout = "a"\n' \
		"$helper" >pawl.toml
	ends 0 -j3
	says "by descriptors instead"
	has a "2 of -j3"
}

@test "how many jobs there are is in no key" {
	printf '[stage.a]\nrun = "echo a"\nstdout = "a"\n' | manifest
	ends 0 -j2
	ends 0 -j3
	says "everything is up to date"
	sed -i '2a jobserver = "none"' pawl.toml
	ends 0
	says "everything is up to date"
}

@test "few descriptors allowed: lower numbers, or none" {
	manifest <<-END
		[stage.a]
		run = "perl $helper tokens"
		stdout = "a"
	END
	(ulimit -n 100 && "$PAWL" run -j3)
	has a "2 of -j3"
}

# --- ninja, which before 1.13 knows no jobserver

@test "ninja in a stage, and pawl under ninja" {
	command -v ninja || skip "there is no ninja"
	printf 'rule c\n  command = echo built >$out\nbuild made: c\n' >build.ninja
	manifest <<-'END'
		[stage.built]
		run = "ninja && cp made built"
		inputs = ["build.ninja"]
		outputs = ["built"]
	END
	printf 'rule c\n  command = $$PAWL run\nbuild built: c\n' >outer.ninja
	run ninja -f outer.ninja
	echo "$output"
	[ "$status" -eq 0 ]
	has built built
}
