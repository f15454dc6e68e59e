#!/usr/bin/env bats
# What a command finds: variables, standard input, folders.

load run

# Names of variables in a file as `env -0` gives it.
names() {
	tr '\0' '\n' <"$1" | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p' | LC_ALL=C sort | paste -sd ' '
}

# The value of a variable in such a file.
value() {
	tr '\0' '\n' <"$1" | sed -n "s/^$2=//p"
}

@test "the environment is exactly what the manual says" {
	manifest <<-'END'
		[stage.s]
		run = ["env", "-0"]
		stdout = "out"
		cpu = 2
		memory = "5M"
		matrix = { n = [7] }
	END
	run env -i PATH="$PATH" HOME=/home/x USER=u LOGNAME=l TMPDIR=/tmp LANG=xx_YY FOO=bar \
		LC_CTYPE=zz MAKEFLAGS=-j "$PAWL" run -j 4
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(names out)" = "HOME LC_ALL LOGNAME MAKEFLAGS PATH PAWL PAWL_ATTEMPT PAWL_ATTEMPT_ID PAWL_CPUS PAWL_INSTANCE PAWL_MAX_ATTEMPTS PAWL_MEMORY PAWL_RUN_DIR PAWL_RUN_ID PAWL_STAGE TMPDIR TRACEPARENT TZ USER" ]
	[ "$(value out HOME)" = /home/x ]
	[ "$(value out LC_ALL)" = C.UTF-8 ]
	[ "$(value out TZ)" = UTC ]
	[ "$(value out MAKEFLAGS)" = ' -j2 --jobserver-auth=44,45' ]
	[ "$(value out PAWL_STAGE)" = s ]
	[ "$(value out PAWL_INSTANCE)" = s@n=7 ]
	[ "$(value out PAWL_ATTEMPT)" = 1 ]
	[ "$(value out PAWL_MAX_ATTEMPTS)" = 1 ]
	[ "$(value out PAWL_CPUS)" = 2 ]
	[ "$(value out PAWL_MEMORY)" = 5242880 ]
	[ -x "$(value out PAWL)" ]
	id=$(value out PAWL_RUN_ID)
	[ -d ".pawl/runs/$id" ]
	[ "$(value out PAWL_RUN_DIR)" = "$PWD/.pawl/runs/$id" ]
	value out TRACEPARENT | grep -Eq '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$'
}

@test "the trace is that of a valid TRACEPARENT outside" {
	manifest <<-'END'
		[stage.s]
		run = "echo $TRACEPARENT > out"
		outputs = ["out"]
	END
	export TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
	ends 0
	grep -q '^00-0af7651916cd43dd8448eb211c80319c-' out
	not grep -q b7ad6b7169203331 out
	rm -r .pawl out
	TRACEPARENT=00-00000000000000000000000000000000-b7ad6b7169203331-01 ends 0
	not grep -q 00000000000000000000000000000000 out
	grep -Eq '^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$' out
}

@test "the stage's own variables come on top" {
	manifest <<-'END'
		[params]
		p = "a b"
		[stage.s]
		run = "env -0"
		stdout = "out"
		env = { A = "x={{p}}", TZ = "Europe/Berlin", EMPTY = "", HOME = "/nowhere" }
		pass_env = ["ONE", "MANY_*", "GONE?"]
		secret_env = ["TOKEN", "NO_TOKEN?"]
	END
	ONE=1 MANY_A=2 MANY_B='3 4' TOKEN=hush OTHER=5 ends 0
	[ "$(value out A)" = 'x=a b' ]
	[ "$(value out TZ)" = Europe/Berlin ]
	[ "$(value out HOME)" = /nowhere ]
	[ "$(value out ONE)$(value out MANY_A)$(value out MANY_B)" = '123 4' ]
	[ "$(value out TOKEN)" = hush ]
	case " $(names out) " in
	*' OTHER '* | *' GONE '* | *' NO_TOKEN '*) false ;;
	*' EMPTY '*) ;;
	*) false ;;
	esac
	# a secret is in no record
	not grep -r --include='*' -l hush .pawl --exclude-dir=objects --exclude-dir=fresh
}

@test "a variable that is not set is status 11, before anything runs" {
	manifest <<-'END'
		[stage.a]
		run = "echo a >>../ran"
		[stage.s]
		run = "echo s >>../ran"
		pass_env = ["NOT_SET_HERE"]
	END
	ends 11
	ran
	says NOT_SET_HERE
	sed 's/pass_env/secret_env/' pawl.toml >new
	mv new pawl.toml
	ends 11
	ran
	says NOT_SET_HERE
	NOT_SET_HERE= ends 0
	ran a s
	sed 's/NOT_SET_HERE/NOT_SET_HERE?/' pawl.toml >new
	mv new pawl.toml
	ends 0
}

@test "standard input is empty, the folder is the workspace or 'dir'" {
	mkdir -p sub/dir
	manifest <<-'END'
		[stage.s]
		run = "[ -z \"$(cat)\" ]; pwd > ../pwd"
		[stage.d]
		run = "pwd > ../../../pwd-d; echo 1 > ../../out"
		dir = "sub/dir"
		outputs = ["out"]
	END
	echo something | ends 0
	has ../pwd "$PWD"
	has ../pwd-d "$PWD/sub/dir"
	has out 1
}

@test "limits, mask and signals are those pawl was started with" {
	manifest <<-'END'
		[stage.s]
		run = "umask > umask; ulimit -n > files; grep -E '^Sig(Blk|Ign)' /proc/self/status > signals"
		outputs = ["umask", "files", "signals"]
	END
	(
		umask 027
		ulimit -Sn 333
		# whoever started us may ignore some signals himself
		trap '' USR2
		grep -E '^Sig(Blk|Ign)' /proc/self/status >../expected
		ends 0
	)
	has umask 0027
	has files 333
	has signals "$(cat ../expected)"
	grep -q 'SigIgn:.*8..$' signals
}

@test "a command has no descriptors but its own three" {
	manifest <<-'END'
		[stage.s]
		run = ["sh", "-c", "for f in /proc/$$/fd/*; do readlink \"$f\" || :; done > ../fds; ls /proc/$$/fd | sort -n | paste -sd ' ' > ../numbers"]
	END
	ends 0
	cat ../fds ../numbers
	not grep -q -e objects -e events.jsonl -e results -e index ../fds
}

@test "a run inside a stage of the same workspace is status 2" {
	manifest <<-'END'
		[stage.s]
		run = "code=0; \"$PAWL\" run other || code=$?; echo $code > ../code"
		[stage.other]
		run = "echo other >>../ran"
	END
	ends 0 s
	ran
	has ../code 2
}

@test "-j, pools, cpu and memory bound what runs at once" {
	manifest <<-'END'
		[pool.db]
		slots = 1
		[defaults]
		run2 = 1
		[stage.s]
		matrix = { n = [1, 2, 3, 4] }
		run = "mkdir ../lock; echo {{n}} >>../ran; sleep 0.02; rmdir ../lock"
		pool = "db"
	END
	sed '/defaults/d; /run2/d' pawl.toml >new
	mv new pawl.toml
	ends 0 -j 4
	ran 1 2 3 4
	sed '/pool/d; /slots/d' pawl.toml >plain
	cp plain pawl.toml
	ends 0 -j 1
	ran 1 2 3 4
	{ cat plain; echo 'cpu = "all"'; } >pawl.toml
	ends 0 -j 4
	{ cat plain; echo 'cpu = 3'; } >pawl.toml
	ends 0 -j 4
	{ cat plain; echo 'cpu = 99'; } >pawl.toml
	ends 0 -j 4
	{ cat plain; echo 'memory = "900G"'; } >pawl.toml
	ends 0 -j 4
	ran 1 2 3 4
	# and what is not bound does run at once
	manifest <<-'END'
		[stage.s]
		matrix = { n = [1, 2] }
		run = "mkdir ../at-{{n}}; i=0; while [ ! -d ../at-1 ] || [ ! -d ../at-2 ]; do sleep 0.01; i=$((i + 1)); [ $i -lt 1000 ]; done"
	END
	ends 0 -j 2
}

@test "larger priority first" {
	manifest <<-'END'
		[stage.low]
		run = "echo low >>../ran"
		[stage.high]
		run = "echo high >>../ran"
		priority = 5
		[stage.least]
		run = "echo least >>../ran"
		priority = -5
	END
	ends 0 -j 1
	has ../ran "$(printf 'high\nlow\nleast')"
}

@test "a stage with tty = true runs where there is no terminal" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo text"
		tty = true
	END
	: >../ran
	run setsid -w "$PAWL" run
	echo "$output"
	[ "$status" -eq 0 ]
	ran s
}
