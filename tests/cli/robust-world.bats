#!/usr/bin/env bats
# A bad world: damaged records, full disks, places that cannot be written, odd names. Never a wrong
# skip, never a crash: right work, or an error that says what is wrong.

load root

setup() {
	: "${PAWL:?is the binary under test}"
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return 1
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "world"
		[stage.a]
		run = "echo a; head -c 1000000 /dev/zero"
		stdout = "a"
		[stage.b]
		inputs = ["a"]
		run = "mkdir -p b; head -c 1 a > b/1; head -c 1 a > b/2"
		outputs = ["b/"]
		[stage.c]
		inputs = ["b/"]
		run = "cat b/*; [ ! -e hold ] || { : > holding; sleep 60; }"
		stdout = "c"
	END
}

teardown() {
	[ -z "${place:-}" ] || rm -rf "$place"
	unmount_small
}

# A workspace with a finished run and one that was killed.
make_damaged_seed() {
	local tries=0
	"$PAWL" run -q
	: >hold
	"$PAWL" run --force=c >said 2>&1 &
	pid=$!
	until [ -e holding ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ]
		sleep 0.01
	done
	kill -KILL "$pid"
	wait "$pid" || true
	rm hold holding said
	cp -a . ../seed
}

damage() { # $1 how, $2 file
	local size
	size=$(stat -c %s "$2")
	case $1 in
	empty) : >"$2" ;;
	garbage) echo garbage >"$2" ;;
	half) truncate -s $((size / 2)) "$2" ;;
	torn) truncate -s -1 "$2" ;;
	more) echo xxxx >>"$2" ;;
	flip) perl -0pi -e 'substr($_, length($_) / 3, 1) ^= "\x10"' "$2" ;;
	flip-late) perl -0pi -e 'substr($_, length($_) * 4 / 5, 1) ^= "\x10"' "$2" ;;
	gone) rm "$2" ;;
	esac
}

# Either it works, and rightly, or the status says who must act; and what reads does not crash.
expect_sane() {
	local status=0
	"$PAWL" run >../said 2>&1 || status=$?
	cat ../said
	case $status in
	0)
		[ "$(cat b/1 b/2 c)" = aaaa ]
		"$PAWL" plan --check
		;;
	11 | 12) grep -E "^pawl: .*'(\.pawl|results|made|events)" ../said ;;
	*) return 1 ;;
	esac
	status=0
	"$PAWL" status >../said 2>&1 || status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 11 ] || [ "$status" -eq 12 ]
}

@test "damaged records: right work or a clear error" {
	make_damaged_seed
	local file how
	for file in index results made format runs; do
		for how in empty garbage half torn more flip flip-late gone; do
			cd ..
			rm -rf work
			cp -a seed work
			cd work
			echo "$how: $file"
			case $file in
			runs) damage "$how" "$(find .pawl/runs -name events.jsonl | sort | tail -n1)" ;;
			*) damage "$how" ".pawl/$file" ;;
			esac
			expect_sane
		done
	done
}

@test "a workspace of another format is not touched" {
	"$PAWL" run -q
	sed -i 's/pawl 1/pawl 2/' .pawl/format
	cp -a .pawl ../before
	rm c
	run "$PAWL" run
	[ "$status" -eq 11 ]
	[[ $output == *"'.pawl/format': format 2 is not known to this version"* ]]
	diff -r .pawl ../before
}

@test "a workspace that cannot be written, and one of somebody else" {
	place_for_others 755 .
	run as_nobody "$PAWL" run
	[ "$status" -eq 11 ]
	[[ $output == *"'.pawl': cannot make this folder in the workspace"*"Permission denied"* ]]
	"$PAWL" run -q
	run as_nobody "$PAWL" run
	[ "$status" -eq 11 ]
	[[ $output == *"'.pawl/lock': cannot open the lock file: Permission denied"* ]]
	as_nobody "$PAWL" plan --check
}

@test "no room in .pawl, then room" {
	mount_small .pawl 500k
	run "$PAWL" run
	[ "$status" -eq 11 ]
	[[ $output == *"No space left on device"* ]]
	[ ! -e a ]
	mount -o remount,size=20m .pawl
	"$PAWL" run
	"$PAWL" plan --check
	[ -z "$(find .pawl/tmp .pawl/parked -mindepth 1 2>/dev/null)" ]
}

@test "no room at all, then room" {
	cp pawl.toml ..
	mount_small . 400k
	cd "$PWD"
	cp ../pawl.toml .
	head -c 1000000 /dev/zero >fill || true
	run "$PAWL" run
	[ "$status" -eq 11 ]
	[[ $output == *"No space left on device"* ]]
	rm fill
	mount -o remount,size=20m .
	"$PAWL" run
	[ "$(cat .pawl/.gitignore)" = '*' ]
	"$PAWL" plan --check
	cd ..
}

@test "standard streams that are closed, and an empty environment" {
	"$PAWL" run -q <&- >&-
	[ -e c ]
	run "$PAWL" list >/dev/null
	"$PAWL" list >/dev/full 2>/dev/null && return 1
	rm a
	env -i "$PAWL" run
	env -i HOME= "$PAWL" plan --check
}

@test "no /proc" {
	as_root
	unshare -m true 2>/dev/null || skip "cannot unshare"
	! grep -q __asan_init "$PAWL" || skip "the sanitizer itself needs /proc, even for its options"
	unshare -m sh -c 'mount -t tmpfs none /proc && exec "$PAWL" run'
	"$PAWL" plan --check
}

@test "a folder that may not be written is replaced, its neighbour is not touched" {
	place_for_others 755 .
	chown -R 65534 .
	as_nobody "$PAWL" run -q
	chmod 555 b
	rm b/1
	run as_nobody "$PAWL" run
	[ "$status" -eq 0 ]
	[ -e b/1 ]
}

@test "a folder's list of members that cannot be read is not taken for an empty one" {
	place_for_others 755 .
	chown -R 65534 .
	as_nobody "$PAWL" run -q
	sed -i 's/cat b/cat  b/' pawl.toml
	list=$(grep -rl '^pawl tree' .pawl/objects)
	chmod 000 "$list"
	run as_nobody "$PAWL" run
	echo "$output"
	[ "$status" -eq 11 ]
	[[ $output == *"pawl: object '"*"cannot be opened: Permission denied"* ]]
	[[ $output != *"no file"* ]]
	chmod 444 "$list"
	as_nobody "$PAWL" run
	[ "$(cat c)" = aa ]
	as_nobody "$PAWL" plan --check
}

# A folder that is ours and may not be written cannot be renamed to another parent as it is.
@test "an output folder that may not be written is put aside, comes back and is replaced" {
	place_for_others 755 .
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "closed"
		[stage.b]
		inputs = ["in"]
		run = "mkdir -p b/s; cat in > b/1; cat in > b/s/2; chmod 555 b/s b; ! grep -q fail in"
		outputs = ["b/"]
	END
	echo one >in
	chown -R 65534 .
	as_nobody "$PAWL" run -q
	[ "$(stat -c %a b b/s | tr '\n' ' ')" = "555 555 " ]
	echo fail >in
	run as_nobody "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(cat b/1 b/s/2)" = "$(printf 'one\none')" ]
	[ "$(stat -c %a b b/s | tr '\n' ' ')" = "555 555 " ]
	echo two >in
	as_nobody "$PAWL" run -q
	[ "$(cat b/1 b/s/2)" = "$(printf 'two\ntwo')" ]
	# As the store has it: modes are those of the umask.
	echo one >in
	as_nobody "$PAWL" run -q
	[ "$(cat b/1 b/s/2)" = "$(printf 'one\none')" ]
	as_nobody "$PAWL" plan --check
	[ -z "$(find .pawl/parked .pawl/tmp -mindepth 1 2>/dev/null)" ]
}

# Mount points cannot be renamed, and what is in them cannot be renamed out of them.
@test "an output folder that is a mount point" {
	as_root
	mount_small b 1m
	sed -i 's/mkdir -p b;/mkdir -p b; [ ! -e fail ];/' pawl.toml
	"$PAWL" run -q
	"$PAWL" plan --check
	# Somebody's file in it, then one that is lost: all of it comes from the store.
	echo mine >b/3
	rm b/1
	"$PAWL" run
	[ "$(cat b/1 b/2)" = aa ]
	[ ! -e b/3 ]
	[ "$(cat .pawl/kept/*/b/3)" = mine ]
	mountpoint -q b
	# Put aside for a command that fails.
	sed -i 's/head -c 1 a > b.2/head -c 2 a > b\/2/' pawl.toml
	: >fail
	run "$PAWL" run
	[ "$status" -eq 1 ]
	[ "$(cat b/1 b/2)" = aa ]
	rm fail
	"$PAWL" run
	[ "$(cat b/1 b/2)" = "$(printf 'aa\n')" ]
	"$PAWL" plan --check
	[ -z "$(find .pawl/parked .pawl/tmp -mindepth 1 2>/dev/null)" ]
}

@test "a workspace on an overlay: what is below it cannot be renamed" {
	as_root
	unshare -m sh -c 'mkdir l u w m && mount -t tmpfs none u && mkdir u/u u/w &&
		mount -t overlay -o lowerdir=l,upperdir=u/u,workdir=u/w none m' 2>/dev/null || skip "cannot mount an overlay"
	mkdir ../lower
	cp pawl.toml ../lower
	(cd ../lower && "$PAWL" run -q)
	rm ../lower/b/1
	export lower=$PWD/../lower
	unshare -m sh -ec '
		mount -t tmpfs none u && mkdir u/u u/w
		mount -t overlay -o "lowerdir=$lower,upperdir=u/u,workdir=u/w" none m
		cd m
		"$PAWL" run
		test "$(cat b/1 b/2 c)" = aaaa
		sed -i "s/head -c 1 a > b.2/false/" pawl.toml
		! "$PAWL" run
		test "$(cat b/1 b/2 c)" = aaaa
		sed -i "s/false/head -c 2 a > b\/2/" pawl.toml
		"$PAWL" run
		test "$(cat b/1 b/2)" = "$(printf "aa\n")"
		"$PAWL" plan --check'
}

@test "a disk that is nearly full is told at once" {
	as_root
	unshare -m sh -c 'mkdir full && mount -t tmpfs none full' 2>/dev/null || skip "cannot mount"
	cat >disk.toml <<-'END'
		[pipeline]
		name = "disk"
		[stage.wait]
		run = "until grep -q '\"about\":\"disk\"' .pawl/runs/*/events.jsonl; do sleep 0.01; done"
	END
	unshare -m sh -ec '
		mount -t tmpfs -o size=16m none full
		cp disk.toml full/pawl.toml
		cd full
		head -c 15600k /dev/zero >filler
		timeout 60 "$PAWL" run >../said 2>&1'
	grep -q "^warning .* of the disk of .* is free" said
}

@test "paths with line breaks, quotes, dashes and bytes that are no text" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "paths"
		[stage.a]
		matrix = { n = ["-dash", "new\nline", "quo\"te'", "sp ace", "\\b", "$(x)"] }
		run = ["sh", "-c", "printf %s hi > \"$1\"", "x", "{{outputs}}"]
		outputs = ["o/{{n}}"]
		[stage.b]
		inputs = ["o/*"]
		run = "cat {{inputs}}"
		stdout = "-out"
	END
	mkdir o
	printf hi >"$(printf 'o/\377\376')"
	"$PAWL" run
	[ "$(cat ./-out)" = hihihihihihihi ]
	"$PAWL" plan --check
	rm -rf o/-dash o/new*
	"$PAWL" run
	"$PAWL" plan --check
}

@test "more jobs than there are descriptors for" {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "jobs"
		[stage.a]
		matrix = { n = { from = 1, to = 60 } }
		run = "sleep 0.05; echo {{n}}"
		stdout = "o/{{n}}"
	END
	(ulimit -n 64 && "$PAWL" run -j 60)
	"$PAWL" run --force -j 10000
}
