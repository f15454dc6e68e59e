#!/usr/bin/env bats
# pawl is killed at many of the system calls of a run whose variant fails and falls back, and of one that
# tries the variant again by force. Whatever the moment: the next run ends well, goes on with the own command
# where the variant's failure is on record, and never takes the result of one for that of the other.

load fault

make_variant() {
	mkdir seed
	cat >seed/pawl.toml <<-'END'
		[pipeline]
		name = "varies"
		[flags]
		new = true
		[stage.s]
		run = "echo own >>../ran; echo own > s"
		outputs = ["s"]
		variant.v = { flag = "new", fallback = true, run = "echo new >>../ran; echo new > s; exit $(cat ../mood)" }
		[stage.after]
		inputs = ["s"]
		run = "cp s after"
		outputs = ["after"]
	END
	echo 3 >mood
}

# Kills `pawl run ARGS` in a copy of `seed` at every STEP-th call, then calls CHECK.
kill_each() { # $1 STEP  $2 CHECK, ARGS
	local n=$1 step=$1 check=$2 status
	shift 2
	while :; do
		rm -rf work fired ran
		cp -a seed work
		cd work
		status=0
		PAWL_FAULT="any:$n:kill" PAWL_FAULT_FILE=../fired "$PAWL" run -j1 "$@" >../said 2>&1 || status=$?
		[ -e ../fired ] || break
		echo "killed at call $n"
		[ "$status" -eq 137 ]
		left=$(cat .pawl/runs/*/events.jsonl 2>/dev/null | grep -c '"type":"variant.left"' || true)
		: >../ran
		"$check"
		[ -z "$(find .pawl/parked .pawl/tmp -type f)" ]
		cd ..
		n=$((n + step))
	done
	cd ..
	[ "$n" -gt 100 ]
}

# What is there is what the last line says it is.
check_first() {
	"$PAWL" run -j1 >../said 2>&1
	cat ../said ../ran
	[ "$(cat s after | sort -u)" = own ]
	grep -q "^fallback  1 instance of 's'" ../said
	if [ "$left" -ne 0 ] && grep -q new ../ran; then return 1; fi
	"$PAWL" run -j1 >../said 2>&1
	grep -q "everything is up to date" ../said
	grep -q "^fallback  1 instance of 's'" ../said
	"$PAWL" verify
}

@test "killed anywhere, a variant that fails is followed by the own command" {
	make_variant
	kill_each 7 check_first
}

check_forced() {
	"$PAWL" run -j1 >../said 2>&1
	cat ../said
	[ "$(cat s)" = "$(cat after)" ]
	case $(cat s) in
	new) ! grep -q "^fallback" ../said || return 1 ;;
	own) grep -q "^fallback  1 instance of 's'" ../said ;;
	*) return 1 ;;
	esac
}

@test "killed anywhere while the variant is tried again, its result and the one in its place are told apart" {
	make_variant
	"$PAWL" -C seed run -q
	echo 0 >mood
	kill_each 11 check_forced --force=s
}
