#!/usr/bin/env bats
# Snapshots of an attempt where calls fail: the run of one stage is disturbed at each of the calls from
# its first snapshot on. The one before stands, the command is told, and what comes of it are the bytes
# of a run that nothing disturbed.

load fault

# The stage saves each of three steps in parts; from where it began is in ../from.
make_seed() {
	mkdir seed
	cat >seed/pawl.toml <<-'END'
		[pipeline]
		name = "saves"
		[stage.s]
		run = '''
		d=$PAWL_CHECKPOINT_DIR
		n=$(ls "$d" | wc -l)
		echo "$n" >>../from
		while [ "$n" -lt 3 ]; do
			n=$((n + 1))
			echo "part $n" >"$d/$n"
			"$PAWL" checkpoint 2>>../refused || echo "$n $?" >>../answers
		done
		[ ! -e ../fail ] || exit 1
		cat "$d"/*
		'''
		stdout = "out"
		checkpoint = { every = "0s", required = true }
	END
	printf 'part 1\npart 2\npart 3\n' >whole
}

# The number of the first call from which on a snapshot may be taken, and of the last.
find_calls() {
	cp -a seed work
	(cd work && PAWL_FAULT=any:1+:pass PAWL_FAULT_FILE=../fired "$PAWL" run -q)
	first=$(grep -n ' bind$' fired | head -n 1 | cut -d: -f1)
	last=$(wc -l <fired)
	[ "$((last - first))" -gt 50 ]
}

begin() {
	rm -rf work fired from answers refused
	cp -a seed work
	cd work || return 1
}

# The next run ends well with the right bytes, and nothing is left.
settles() {
	"$PAWL" run >../said 2>&1 || { cat ../said; return 1; }
	cmp out ../whole
	"$PAWL" verify >../said 2>&1 || { cat ../said; return 1; }
	"$PAWL" plan --check >/dev/null
	# What a failing disk left to be removed lies there until the next command that changes anything.
	"$PAWL" gc >../said 2>&1 || { cat ../said; return 1; }
	[ -z "$(find .pawl/tmp -type f)" ]
	cd ..
}

@test "killed at each call while snapshots are taken" {
	make_seed
	find_calls
	for ((n = first; n <= last; n += 1 + RANDOM % 3)); do
		begin
		PAWL_FAULT="any:$n:kill" PAWL_FAULT_FILE=../fired "$PAWL" run >../said 2>&1 || :
		[ -e ../fired ] || { cd ..; continue; }
		echo "killed at call $n"
		settles
	done
}

# $1: what fails; $2: how; $3: from which call of it on.
fails_once() {
	local n status=0
	for ((n = $3; n < $3 + 400; n++)); do
		begin
		status=0
		PAWL_FAULT="$1:$n:$2" PAWL_FAULT_FILE=../fired "$PAWL" run >../said 2>&1 || status=$?
		if [ ! -e ../fired ]; then
			cd ..
			break
		fi
		echo "$1:$n:$2 ends with $status"
		[[ " 0 1 11 12 " == *" $status "* ]]
		# Who was told that it was not taken has the reason, and the stage went on.
		if [ "$status" -eq 0 ]; then
			cmp out ../whole
			[ ! -e ../answers ] || [ -z "$(grep -v ' 11$' ../answers)" ]
			[ ! -e ../answers ] || grep -q 'no checkpoint: ' ../refused
		fi
		settles
	done
	[ "$n" -gt "$3" ]
}

@test "no room for a snapshot: the command is told, and nothing is lost" {
	make_seed
	fails_once write ENOSPC 1
	fails_once pwrite ENOSPC 1
	fails_once rename EIO 1
}

@test "a disk that is full from some snapshot on leaves the one before" {
	make_seed
	: >fail
	cp -a seed work
	cd work
	# The third snapshot finds no room for its part, its tree or its record.
	for rule in write:0 pwrite:0; do
		kind=${rule%%:*}
		rm -rf .pawl ../from ../answers ../fired
		PAWL_FAULT="$kind:1+:pass" PAWL_FAULT_FILE=../fired "$PAWL" run >/dev/null 2>&1 || [ $? -eq 1 ]
		count=$(wc -l <../fired)
		for ((n = count; n > count - 12 && n > 0; n--)); do
			rm -rf .pawl ../from ../answers
			PAWL_FAULT="$kind:$n+:ENOSPC" "$PAWL" run >../said 2>&1 || :
			rm -f ../fail
			"$PAWL" run >../said 2>&1 || { cat ../said; return 1; }
			cmp out ../whole
			echo "$kind:$n+ from $(tr '\n' ' ' <../from)"
			# What was saved before is gone on from.
			[ ! -e ../answers ] || [ "$(tail -n 1 ../from)" -eq "$(($(head -n 1 ../answers | cut -d' ' -f1) - 1))" ] ||
				[ "$(tail -n 1 ../from)" -ge 1 ]
			: >../fail
			rm -f out
		done
	done
}

@test "what fails while a snapshot is brought back ends the attempt, and the next goes on from it" {
	make_seed
	: >fail
	"$PAWL" -C seed run >said 2>&1 || [ $? -eq 1 ]
	rm fail
	for what in read:EIO open:ENOMEM rename:EIO mkdir:ENOSPC pwrite:ENOSPC; do
		fails_once "${what%%:*}" "${what##*:}" 1
		[ "$(sort -u from | tr '\n' ' ')" = "3 " ]
	done
}
