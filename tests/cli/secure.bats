#!/usr/bin/env bats
# Secrets that are not shown, logs that do not grow for ever, a store that others cannot write, and
# links that lead nowhere.

load run
load root

teardown() {
	[ -z "${place:-}" ] || rm -rf "$place"
}

# Nothing below .pawl but the bytes of outputs holds this text, nor what pawl said.
hides() {
	not grep -rlF --exclude-dir=objects --exclude-dir=fresh -- "$1" .pawl
	case $output in
	*"$1"*)
		echo "it says: $1"
		return 1
		;;
	esac
	for command in status "status --json" "why s" "log s" events "report" "runs" "plan -v" list "check"; do
		# shellcheck disable=SC2086
		run "$PAWL" $command
		case $output in
		*"$1"*)
			echo "$command says: $1"
			return 1
			;;
		esac
	done
}

# The log of the only attempt.
log() {
	cat .pawl/runs/*/logs/*
}

# --- secrets

@test "a secret that a command prints is masked in its log, on the terminal and in what failed" {
	manifest <<-'END'
		[stage.s]
		run = "echo \"<$TOKEN>\"; echo \"to stderr: $TOKEN\" >&2; set -x; : \"$TOKEN\"; cat in; exit 3"
		inputs = ["in"]
		outputs = ["out"]
		secret_env = ["TOKEN"]
	END
	echo 1 >in
	export TOKEN='hush hush$x'
	ends 1 --output stream
	says '<***>'
	hides hush
	[ "$(log | head -n 2)" = "$(printf '<***>\nto stderr: ***')" ]
	ends 1 --output group
	hides hush
	ends 1 --force --result ../result.json
	hides hush
	not grep -q hush ../result.json
}

@test "a secret is masked wherever what is read of it is cut" {
	cat >one-by-one.pl <<-'END'
		$| = 1;
		for my $word ("before ", $ENV{TOKEN}, " between ", $ENV{TOKEN}, $ENV{TOKEN}, " after\n") {
			for my $byte (split //, $word) { syswrite STDOUT, $byte; select undef, undef, undef, 0.0005; }
		}
	END
	manifest <<-'END'
		[stage.s]
		run = "perl one-by-one.pl"
		secret_env = ["TOKEN"]
	END
	export TOKEN=abcabcabd-0123456789
	ends 0 --output stream
	says 'before *** between ****** after'
	hides abcabcabd
	[ "$(log)" = 'before *** between ****** after' ]
}

@test "secrets across every boundary of a large output" {
	manifest <<-'END'
		[stage.s]
		run = "perl -e 'print q(x) x $_, $ENV{TOKEN}, qq(\\n) for 1 .. 2000'"
		secret_env = ["TOKEN"]
	END
	export TOKEN=secret-of-twenty-six-bytes
	ends 0
	hides "$TOKEN"
	[ "$(log | grep -c 'x\*\*\*$')" -eq 2000 ]
	[ "$(log | wc -c)" -eq $((2000 * 2001 / 2 + 2000 * 4)) ]
}

@test "several secrets: one the beginning of another, one within another, one that overlaps" {
	manifest <<-'END'
		[stage.s]
		run = "echo $SHORT; echo $LONG; echo $WITHIN; echo 1tail-over; echo over-tail"
		secret_env = ["SHORT", "LONG", "WITHIN", "TAIL", "OVER"]
	END
	export SHORT=pass LONG=password1 WITHIN=word TAIL=1tail-o OVER=over-tail
	ends 0
	[ "$(log)" = "$(printf '***\n***\n***\n***ver\n***')" ]
	hides password1
	TAIL=1tail-o OVER=tail-over ends 0
	[ "$(cat "$(ls -d .pawl/runs/*/logs/* | tail -n1)" | sed -n 4p)" = '***' ]
}

@test "values of under four bytes are no secrets; lines of a long one are" {
	manifest <<-'END'
		[stage.s]
		run = "echo a yes b; echo c four d; echo 'line: second line of it'; echo short"
		secret_env = ["YES", "FOUR", "KEY"]
	END
	export YES=yes FOUR=four
	KEY=$(printf 'first line of it\nsecond line of it\nshort')
	export KEY
	ends 0
	[ "$(log)" = "$(printf 'a yes b\nc *** d\nline: ***\nshort')" ]
}

@test "a secret that is cut short by the end of the output is masked, too" {
	manifest <<-'END'
		[stage.s]
		run = "printf 'it is 0123456'"
		secret_env = ["TOKEN"]
	END
	TOKEN=0123456789 ends 0
	[ "$(log)" = 'it is ***' ]
}

@test "the secret of one stage is masked in the log of another" {
	manifest <<-'END'
		[stage.s]
		run = "echo $TOKEN"
		stdout = "token"
		secret_env = ["TOKEN"]
		[stage.t]
		run = "cat token"
		inputs = ["token"]
	END
	export TOKEN=hushhush
	ends 0
	has token hushhush
	hides hushhush
}

@test "a secret that a pattern of pass_env matches is passed as a secret" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; echo \"$MY_TOKEN $MY_COLOUR\" | tr a-z A-Z"
		outputs = []
		stdout = "out"
		pass_env = ["MY_*", "OUR_REGION"]
		secret_env = ["*_TOKEN", "OUR_*"]
	END
	export MY_TOKEN=hushhush MY_COLOUR=red OUR_REGION=north OUR_KEY=keykey
	ends 0
	ran s
	has out 'HUSHHUSH RED'
	hides hushhush
	hides keykey
	ends 0
	ran
	MY_TOKEN=other ends 0
	ran
	hides other
	MY_COLOUR=blue ends 0
	ran s
	OUR_REGION=south ends 0
	ran s
	OUR_KEY=lockpick ends 0
	ran
}

# --- logs

@test "a log is no longer than log_max: head, tail, and a line that says what is not there" {
	manifest <<-'END'
		[stage.s]
		run = "seq 100000"
		log_max = "4K"
	END
	ends 0
	log >../log
	[ "$(stat -c %s ../log)" -le $((4096 + 100)) ]
	[ "$(head -n 1 ../log)" = 1 ]
	[ "$(tail -n 1 ../log)" = 100000 ]
	[ "$(grep -c pawl ../log)" -eq 1 ]
	line=$(grep pawl ../log)
	[[ $line =~ ^"[pawl: log_max of 4096 bytes is reached: "([0-9]+)" bytes are left out here]"$ ]]
	# what is there and what is not is all there was, and an end of line before the line
	all=$(seq 100000 | wc -c)
	kept=$(grep -v pawl ../log | wc -c)
	[ $((kept + BASH_REMATCH[1])) -eq $((all + 1)) ] || [ $((kept + BASH_REMATCH[1])) -eq "$all" ]
	# lines of the tail are whole
	sed '1,/pawl/d' ../log | awk 'NR > 1 && $1 != last + 1 { exit 1 } { last = $1 }'
}

@test "a log of just log_max is whole" {
	manifest <<-'END'
		[stage.s]
		run = "head -c $(cat size) /dev/zero | tr '\\0' x"
		inputs = ["size"]
		log_max = "4K"
	END
	for size in 2048 2049 4095 4096; do
		rm -rf .pawl
		echo $size >size
		ends 0
		[ "$(log | tr -d x | wc -c)" -eq 0 ]
		[ "$(log | wc -c)" -eq $size ]
	done
	rm -rf .pawl
	echo 4097 >size
	ends 0
	log | grep -q 'log_max of 4096 bytes is reached: 1 bytes are left out here'
}

@test "a gigabyte of output takes no more memory than a little" {
	manifest <<-'END'
		[stage.s]
		run = """head -c ${BYTES} /dev/zero | tr '\\0' '\\n'
		grep VmHWM /proc/$PPID/status | tr -dc 0-9 >../high"""
		pass_env = ["BYTES"]
		secret_env = ["TOKEN?"]
		log_max = "64K"
	END
	# What the sanitizer keeps of freed memory and of frames that are gone is none of ours.
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=1:detect_stack_use_after_return=0"
	BYTES=1000 ends 0
	little=$(cat ../high)
	BYTES=1000000000 ends 0
	much=$(cat ../high)
	echo "$little KiB, $much KiB"
	[ "$much" -lt $((little + 8192)) ]
	[ "$(du -sk .pawl/runs | cut -f1)" -lt 1024 ]
}

@test "a secret across the places where a log is cut" {
	manifest <<-'END'
		[stage.s]
		run = "perl -e 'print qq($ENV{TOKEN}) x 1000'"
		secret_env = ["TOKEN"]
		log_max = "1K"
	END
	TOKEN=0123456789abc ends 0
	[ "$(log | tr -d '*' | grep -v pawl | wc -c)" -le 2 ]
}

@test "log_max is a size of a kilobyte at least" {
	manifest <<-'END'
		[stage.s]
		run = "true"
		log_max = "100B"
	END
	ends 3
	says "'log_max' of stage 's' is '100B', but must be 1K at least"
}

# --- who may write

# What others may write below a folder, but links, and outputs that lie there as they were.
writable() {
	find "$1" ! -type l -perm -002 ! -path '*/failed/*/*/*'
}

work_a_lot() {
	manifest <<-'END'
		[stage.a]
		run = "cat in > out; mkdir -p dir/sub; cp in dir/sub/f; echo text; grep -q good in"
		inputs = ["in"]
		outputs = ["out", "dir/"]
		[stage.b]
		run = "cat out"
		inputs = ["out"]
		stdout = "b/c/out"
	END
	echo good >in
	ends 0
	echo bad >in
	ends 1
	echo good again >in
	ends 0
	rm -r out b
	ends 0
	"$PAWL" clean
	ends 0
}

@test "what pawl makes is not for others to write, whatever the umask" {
	umask 000
	work_a_lot
	[ -z "$(writable .pawl)" ]
	rm -rf .pawl out dir b
	umask 022
	work_a_lot
	[ -z "$(find .pawl ! -type l -perm /022)" ]
	# what commands make is as they make it, and what is restored too
	umask 000
	rm -rf out b
	ends 0
	[ "$(stat -c %a out)" = 666 ]
	rm -rf .pawl b out
	ends 0
	[ "$(stat -c %a b/c/out)" = 666 ]
}

@test "a shared store is for others to write if its folder is" {
	umask 000
	manifest <<-'END'
		[stage.s]
		run = "echo 1 > out"
		outputs = ["out"]
	END
	ends 0
	rm -rf .pawl
	for store in made closed open; do
		[ $store = made ] || mkdir ../$store
		[ $store != closed ] || chmod 755 ../$store
		rm -rf .pawl out
		"$PAWL" --store ../$store run
		[ -z "$(writable .pawl)" ]
	done
	[ -z "$(writable ../made)" ]
	[ -z "$(writable ../closed)" ]
	[ "$(stat -c %a ../open/results)" = 666 ]
	[ "$(stat -c %a ../open/objects/?? | sort -u)" = 777 ]
}

# Of a plain user.
move_where_others_come() {
	place_for_others 777 w
	chown -R 65534 .
}

@test "a plain user runs, fails, restores and cleans" {
	manifest <<-'END'
		[stage.a]
		run = "cat in > out; mkdir dir; cp in dir/f; chmod 555 dir; grep -q good in"
		inputs = ["in"]
		outputs = ["out", "dir/"]
		[stage.b]
		run = "cat out dir/f"
		inputs = ["out", "dir/"]
		stdout = "b/out"
	END
	move_where_others_come
	umask 022
	echo good >in
	as_nobody "$PAWL" run
	as_nobody "$PAWL" plan --check
	echo bad >in
	run as_nobody "$PAWL" run
	[ "$status" -eq 1 ]
	has out good
	echo good >in
	chmod 755 dir
	rm -r out dir
	as_nobody "$PAWL" run
	has dir/f good
	echo mine >out
	as_nobody "$PAWL" run
	has "$(find .pawl/kept -name out)" mine
	as_nobody "$PAWL" clean
	[ ! -e out ]
	[ -z "$(find . ! -uid 65534 ! -name in ! -path '*/kept/*')" ]
}

@test "a store that two users share" {
	manifest <<-'END'
		[pipeline]
		name = "test"
		portable = true
		[stage.s]
		run = "echo s >>ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	sed -i '1,2d' pawl.toml
	move_where_others_come
	echo 1 >in
	umask 000
	mkdir -m 777 ../store
	as_nobody "$PAWL" --store ../store run
	mkdir ../v
	cp pawl.toml in ../v
	cd ../v
	"$PAWL" --store ../store run
	has out 1
	[ ! -e ran ]
	echo 2 >in
	"$PAWL" --store ../store run
	cd ../w
	echo 2 >in
	as_nobody "$PAWL" --store ../store run
	has out 2
	has ran s
}

# --- links

# A folder that must stay as it is.
outside() {
	mkdir -p "$1/sub"
	echo precious >"$1/out"
	echo precious >"$1/sub/out"
	chmod -R a+w "$1"
	find "$1" -exec stat -c '%n %F %s %i %Y' {} + | sort >"$1.before"
}

untouched() {
	find "$1" -exec stat -c '%n %F %s %i %Y' {} + | sort | diff "$1.before" -
	[ "$(cat "$1/out" "$1/sub/out")" = "$(printf 'precious\nprecious')" ]
}

links() {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; mkdir -p d sub; echo made > out; echo made > d/f; cat in > sub/out"
		inputs = ["in"]
		outputs = ["out", "d/", "sub/out"]
	END
	echo 1 >in
	outside ../outside
}

@test "a link at an output is not followed, before a run, after it, and when it is restored" {
	links
	ln -s ../outside/out out
	ln -s ../outside d
	ends 0
	untouched ../outside
	[ ! -L out ]
	[ ! -L d ]
	rm -r out d
	ln -s ../outside/out out
	ln -s ../outside d
	ends 0
	ran
	untouched ../outside
	has out made
	has d/f made
	rm -r out d
	ln -s ../outside/out out
	ln -s ../outside d
	"$PAWL" clean
	untouched ../outside
	echo 2 >in
	ends 0
	untouched ../outside
}

@test "a link at a parent of an output is not followed" {
	links
	mkdir sub
	ends 0
	for step in restore run clean; do
		rm -rf sub
		ln -s ../outside/sub sub
		case $step in
		restore) run "$PAWL" run ;;
		run) echo "$step" >in && run "$PAWL" run ;;
		clean) run "$PAWL" clean ;;
		esac
		echo "$output"
		untouched ../outside
	done
	rm sub
	ends 0
	has sub/out run
}

@test "a link that another stage plants between plan and start is not followed" {
	manifest <<-'END'
		[stage.first]
		run = "ln -s ../outside/out out; rm -rf sub d; ln -s ../outside/sub sub; ln -s ../outside d"
		inputs = ["in"]
		[stage.s]
		run = "echo s >>../ran; cat in > out; cat in > sub/out; mkdir -p d; cat in > d/f"
		inputs = ["in"]
		outputs = ["out", "sub/out", "d/"]
		needs = ["first"]
	END
	echo 1 >in
	outside ../outside
	run "$PAWL" run
	echo "$output"
	[ "$status" -eq 11 ]
	says "'sub'"
	untouched ../outside
	sed 's,rm -rf sub d; ln -s ../outside/sub sub; ,rm -rf d; ,' pawl.toml >new
	mv new pawl.toml
	rm -f sub out d
	ends 0
	untouched ../outside
	has out 1
	has d/f 1
}

@test "a link that the command itself leaves at its outputs is its output, and nothing is written through it" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; rm -rf out d; ln -s ../outside/out out; cat in >/dev/null; [ \"$(cat in)\" != bad ]"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	outside ../outside
	ends 0
	rm out
	ends 0
	[ -L out ]
	echo bad >in
	ends 1
	echo 2 >in
	ends 0
	"$PAWL" clean
	untouched ../outside
}

# $1: a name below .pawl that is a link to the outside.
planted() {
	rm -rf ".pawl/$1"
	ln -s ../../outside ".pawl/$1"
}

@test "links in .pawl lead nowhere: parked, kept, failed, runs, objects, fresh, tmp" {
	links
	ends 0
	cp -a .pawl ../seed
	for name in parked kept failed refused runs objects fresh; do
		for how in good bad kept restored cleaned; do
			echo "--- $name, $how"
			rm -rf .pawl out d sub
			cp -a ../seed .pawl
			ends 0
			planted $name
			case $how in
			good) echo "2 $name" >in ;;
			bad) echo 3 >in && rm -rf d && mkdir d && sed 's/> sub.out/> sub\/out; exit 1/' pawl.toml >../bad.toml && cp ../bad.toml pawl.toml ;;
			kept) echo mine >out && echo mine >d/f ;;
			restored) rm -r out d ;;
			cleaned) "$PAWL" clean || : ;;
			esac
			run "$PAWL" run
			echo "$output"
			untouched ../outside
			[ "$how" != kept ] || grep -rqx mine out .pawl/kept .pawl/parked
			links_again
		done
	done
}

links_again() {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; mkdir -p d sub; echo made > out; echo made > d/f; cat in > sub/out"
		inputs = ["in"]
		outputs = ["out", "d/", "sub/out"]
	END
	echo 1 >in
}

@test "links at the files of .pawl are not written through" {
	links
	ends 0
	cp -a .pawl ../seed
	for name in lock index index.log results made manifests format; do
		echo "--- $name"
		rm -rf .pawl
		cp -a ../seed .pawl
		rm -f ".pawl/$name"
		ln -s ../../outside/out ".pawl/$name"
		echo "$name" >in
		run "$PAWL" run
		echo "$output"
		untouched ../outside
	done
}
