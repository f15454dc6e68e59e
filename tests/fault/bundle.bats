#!/usr/bin/env bats
# pawl is killed at its n-th system call while it restores, exports or imports, for many n. Nothing
# is lost, nothing half-made counts, and the same command again ends as if nothing had happened.

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	cd "$BATS_TEST_TMPDIR" || return 1
	mkdir seed
	cd seed || return 1
	workspace
	"$PAWL" run -q
	first=$(echo .pawl/runs/*)
	first=${first##*/}
	"$PAWL" run -q -p v=2
	cd ..
}

workspace() {
	cat >pawl.toml <<-'END'
		[pipeline]
		name = "fault"
		portable = true
		[params]
		v = "1"
		[stage.a]
		run = "echo a {{v}} >a; echo b {{v}} >b; echo ran >>../ran"
		outputs = ["a", "b"]
		[stage.d]
		run = "mkdir -p d/s; cat a b >d/1; cat a >d/s/x; chmod +x d/s/x; ln -s s/x d/l; echo ran >>../ran"
		inputs = ["a", "b"]
		outputs = ["d/"]
	END
}

content() {
	cat a b d/1 d/s/x d/l | xargs
}

# Runs pawl with these arguments in a copy of the folder $1, killed at call $2. False: it ended.
killed_in() {
	local status=0
	rm -rf work fired
	cp -a "$1" work
	cd work
	n=$2
	shift 2
	PAWL_FAULT="any:$n:kill" PAWL_FAULT_FILE=../fired "$PAWL" "$@" >../said 2>&1 || status=$?
	[ -e ../fired ] || return 1
	echo "killed at call $n"
	[ "$status" -eq 137 ]
}

@test "restore, where somebody's files lie" {
	echo mine >seed/a
	echo mine >seed/d/mine
	n=1
	while killed_in seed "$n" restore --force "$first"; do
		# Both files are somewhere, whole.
		[ "$(find . -name 'a*' -path '*a*' -type f -exec grep -lx mine {} + | wc -l)" -eq 1 ]
		[ "$(find . -name 'mine*' -type f -exec cat {} +)" = mine ]
		"$PAWL" restore --force "$first" >../said 2>&1
		[ "$(content)" = "a 1 b 1 a 1 b 1 a 1 a 1" ]
		[ "$(cat .pawl/kept/*/a .pawl/kept/*/d/mine)" = "mine
mine" ]
		[ -z "$(find .pawl/tmp -mindepth 1)" ]
		[ -z "$(find . -name '.pawl-*')" ]
		"$PAWL" verify >../said 2>&1 || {
			cat ../said
			return 1
		}
		: >../ran
		"$PAWL" run -q -p v=2
		[ ! -s ../ran ]
		[ "$(content)" = "a 2 b 2 a 2 b 2 a 2 a 2" ]
		cd ..
		n=$((n + 3))
	done
	[ "$n" -gt 60 ]
}

@test "restore --to: what is there is whole, and comes to its end" {
	n=1
	while killed_in seed "$n" restore --to ../to "$first"; do
		for name in a b d/1 d/s/x; do
			[ ! -e "../to/$name" ] || [ -s "../to/$name" ]
		done
		[ ! -e ../to/d ] || [ "$(readlink ../to/d/l)" = s/x ]
		"$PAWL" restore --to ../to "$first"
		(cd ../to && [ "$(content)" = "a 1 b 1 a 1 b 1 a 1 a 1" ])
		cd ..
		rm -rf to
		n=$((n + 5))
	done
	[ "$n" -gt 40 ]
}

@test "export: no file, or all of it" {
	(cd seed && "$PAWL" export -q ../whole.tar latest)
	n=1
	while killed_in seed "$n" export ../x.tar latest; do
		[ ! -e ../x.tar ] || cmp ../x.tar ../whole.tar
		"$PAWL" export -q ../x.tar latest
		cmp ../x.tar ../whole.tar
		cd ..
		rm -f x.tar
		n=$((n + 9))
	done
	[ "$n" -gt 40 ]
}

@test "import: nothing, or what counts" {
	(cd seed && "$PAWL" export -q ../x.tar latest)
	mkdir there
	(cd there && workspace && "$PAWL" run -q a && rm -f a b)
	n=1
	while killed_in there "$n" import ../x.tar; do
		"$PAWL" verify >../said 2>&1 || {
			cat ../said
			return 1
		}
		# A run that is there is all there.
		"$PAWL" runs >../said
		for run in .pawl/runs/*; do
			"$PAWL" events "${run##*/}" >/dev/null
		done
		"$PAWL" import ../x.tar >../said
		[ ! -e .pawl/tmp/import ]
		: >../ran
		"$PAWL" run -q -p v=2
		[ ! -s ../ran ]
		[ "$(content)" = "a 2 b 2 a 2 b 2 a 2 a 2" ]
		cd ..
		n=$((n + 7))
	done
	[ "$n" -gt 60 ]
}
