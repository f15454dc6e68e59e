#!/usr/bin/env bats
# Faults and kills in the processes that work the items of a chain of streams, and in the run that started
# them. Whatever the moment: never a wrong success, the next run ends as if nothing had been, and `verify`
# finds nothing.

load fault

make_chain() {
	mkdir seed
	seq 12 >seed/list
	cat >seed/pawl.toml <<-'END'
		[pipeline]
		name = "chain"
		[defaults]
		secret_env = ["PAWL_FAULT?", "PAWL_FAULT_FILE?", "PAWL_FAULT_COMMAND?"]
		retry = 1
		[stage.p]
		each = { lines = "list" }
		run = "IFS= read -r x; echo p$x >>../ran; echo $x"
		stdout = "p.out"
		[stage.c]
		each = { stage = "p" }
		mode = "worker"
		workers = 1
		run = "while IFS= read -r x; do echo c$x >>../ran; case $x in 7) echo 'fail seven' >&$PAWL_STATUS_FD ;; *) echo [$x] ;; esac; done"
		stdout = "c.out"
		dead_letter = "dead"
	END
	sed -i '/^retry/d' seed/pawl.toml
	seq 12 >p.expected
	seq 12 | grep -vx 7 | sed 's/.*/[&]/' >c.expected
	echo '{"item":"7","reason":"seven","cause":"exit","attempts":1}' >dead.expected
}

is_whole() {
	cmp p.out ../p.expected
	cmp c.out ../c.expected
	cmp dead ../dead.expected
}

# A run of a copy of `seed` with the fault FAULT:n for each STEP-th n, in processes of COMMAND.
each_fault() { # $1 COMMAND  $2 CALL  $3 WHAT  $4 STEP
	local n=1 status
	while :; do
		rm -rf work fired ran
		cp -a seed work
		cd work
		status=0
		PAWL_FAULT="$2:$n:$3" PAWL_FAULT_FILE=$PWD/../fired PAWL_FAULT_COMMAND=$1 \
			timeout 60 "$PAWL" run -j1 >../said 2>&1 || status=$?
		[ -e ../fired ] || break
		echo "$1 $2:$n:$3: status $status"
		[ "$status" -ne 124 ]
		if [ "$status" -eq 0 ]; then
			is_whole
		fi
		timeout 60 "$PAWL" run -j1 >../said 2>&1 || { cat ../said; return 1; }
		is_whole
		[ -z "$(find .pawl -path "*/parked/*" -type f -o -path "*/tmp/*" -type f)" ]
		# Once ahead and once in turn by each run, and once more in each where it came with others.
		awk '++n[$0] > 8 { exit 1 }' ../ran
		"$PAWL" verify
		cd ..
		n=$((n + $4))
	done
	cd ..
	[ "$n" -gt 1 ]
}

@test "what works the items is killed, at any call" {
	make_chain
	each_fault stream any kill 11
}

@test "pawl is killed while streams run, at any call" {
	make_chain
	each_fault run any kill 41
}

@test "calls of what works the items fail" {
	make_chain
	each_fault stream write EIO 3
	each_fault stream write ENOSPC 3
	each_fault stream read EIO 3
	each_fault stream open EMFILE 2
	each_fault stream pipe EMFILE 3
	each_fault stream epoll_ctl ENOMEM 3
}

@test "interruptions and short transfers change nothing" {
	make_chain
	each_fault stream write short 2
	each_fault stream read EINTR 3
	each_fault stream epoll_wait EINTR 4
	each_fault stream open EINTR 3
}
