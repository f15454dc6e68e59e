#!/usr/bin/env bats
# Simple commands are started without their shell; nobody can tell. Each test runs one command
# twelve times: the first ones go through the shell, the last ones do not where the shell is one
# that pawl knows.

load run

# The command of the stage, from stdin as it stands in a TOML literal string.
stage() {
	manifest <<-END
		[stage.s]
		matrix = { n = { from = 10, to = 21 } }
		cache = false
		run = '''$(cat)'''
	END
}

# `status`, `cause`, `reason`, `exit_code`, `signal` and what was printed, of an instance.
end_of() {
	"$PAWL" events | grep '"attempt.finished"' | grep "\"instance\":\"s@n=$1\"" |
		grep -Eo '"(cause|reason|exit|signal|state)":("[^"]*"|[0-9-]+)'
	cat .pawl/runs/*/logs/s@n="$1".* 2>/dev/null || echo "(printed nothing)"
}

# All instances ended in the same way, and this was in it.
all_end() {
	"$PAWL" run -k -j 2 >../out 2>&1 || true
	end_of 10 >../first
	for n in 11 15 18 20 21; do
		end_of $n >../other
		diff ../first ../other
	done
	for text; do
		grep -qF -- "$text" ../first || {
			cat ../first
			return 1
		}
	done
	rm -rf .pawl
}

@test "a program that is missing, cannot be executed, or is a folder" {
	mkdir folder
	echo 'echo hello' >plain
	echo missing | stage
	all_end '"exit":127' 'missing: not found' '"cause":"not-found"'
	echo ./missing a | stage
	all_end '"exit":127' './missing: not found'
	echo ./plain | stage
	all_end '"exit":126' 'ermission denied'
	echo ./folder | stage
	all_end '"exit":126'
}

@test "a script without a first line is run by the shell" {
	printf 'echo "$0" "$@"\n' >script
	chmod +x script
	echo "./script a 'b  c' \"d\"" | stage
	all_end './script a b  c d'
}

@test "a script that names its shell sees how it was called" {
	printf '#!/bin/sh\necho "$0" "$@"\nexit 3\n' >script
	chmod +x script
	echo "./script a 'b  c' \"d\" e\\ f" | stage
	all_end './script a b  c d e f' '"exit":3'
}

@test "a command that a signal kills" {
	for signal in KILL SEGV TERM INT PIPE USR1; do
		printf '#!/bin/sh\necho before\nulimit -c 0\nkill -%s $$\n' $signal >dies
		chmod +x dies
		echo ./dies | stage
		all_end before
	done
}

@test "the environment is the shell's" {
	printf '#!/bin/sh\ntr "\\000" "\\n" </proc/$$/environ | sed "s/^\\(PAWL_INSTANCE\\|PAWL_ATTEMPT_ID\\|TRACEPARENT\\)=.*/\\1/"\n' >show
	chmod +x show
	echo ./show | stage
	all_end "PWD=$PWD" PAWL_STAGE=s
	mkdir sub
	ln -s sub link
	cp show sub/
	{
		echo ./show
	} | stage
	sed -i 's/^run/dir = "link"\nrun/' pawl.toml
	all_end "PWD=$PWD/sub"
	echo ./show | stage
	sed -i 's/^run/env = { IFS = "x", A = "1", PWD = "\/tmp", ENV = "\/dev\/null" }\nrun/' pawl.toml
	all_end A=1
}

@test "commands without a shell lead their process group, others do not" {
	case $(readlink -f /bin/sh) in
	*/dash) leads=yes ;;
	*) leads=no ;;
	esac
	echo "cut -d ' ' -f 1,5 /proc/self/stat" | stage
	ends 0 -j 1
	read -r pid group <.pawl/runs/"$(ls .pawl/runs)"/logs/s@n=10.*
	[ "$leads" = no ] || [ "$pid" != "$group" ]
	read -r pid group <.pawl/runs/"$(ls .pawl/runs)"/logs/s@n=21.*
	[ "$leads" = no ] || [ "$pid" = "$group" ]
}

@test "the way of starting is in no key" {
	manifest <<-'END'
		[stage.s]
		matrix = { n = { from = 10, to = 21 } }
		outputs = ["out/{{n}}"]
		inputs = ["in"]
		run = "cp {{inputs}} {{outputs}}"
	END
	echo a >in
	ends 0 -j 1
	says "12 ran"
	rm -r out
	ends 0 -j 1
	says "12 restored"
	ends 0 -j 1 's@n=21' --force
	says "1 ran"
	ends 0
	says "everything is up to date (12 instances)"
}

@test "what comes to PATH, and goes from it, during a run is seen" {
	mkdir -p first second
	printf '#!/bin/sh\necho second\n' >second/tool
	printf '#!/bin/sh\necho first\n' >tool
	chmod +x second/tool tool
	manifest <<-'END'
		[stage.early]
		matrix = { n = { from = 10, to = 21 } }
		run = "tool"
		[stage.comes]
		needs = ["early"]
		run = "cp tool first/"
		[stage.late]
		needs = ["comes"]
		run = "tool"
		[stage.goes]
		needs = ["late"]
		run = ["rm", "first/tool", "second/tool"]
		[stage.never]
		needs = ["goes"]
		run = "tool"
	END
	PATH=$PWD/first:$PWD/second:$PATH run "$PAWL" run -k -j 1
	[ "$status" -ne 0 ]
	[ "$(cat .pawl/runs/*/logs/early@n=21.*)" = second ]
	[ "$(cat .pawl/runs/*/logs/late.*)" = first ]
	grep 'tool: not found' .pawl/runs/*/logs/never.*
	"$PAWL" events | grep '"attempt.finished"' | grep '"instance":"never"' | grep '"exit":127'
}
