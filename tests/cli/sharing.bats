#!/usr/bin/env bats
# Many at once: workspaces in one store, runs in one workspace, processes in one command.

load run

# A workspace $1 with a number of its own; all share ../store.
workspace_in_store() {
	mkdir "../$1"
	cat >"../$1/pawl.toml" <<-'END'
		[pipeline]
		name = "test"
		store = "../store"
		portable = true
		[stage.same]
		matrix = { n = { from = 1, to = 20 } }
		run = "echo same{{n}} >>ran; seq {{n}} 400 > same/{{n}}"
		outputs = ["same/{{n}}"]
		[stage.own]
		run = "echo own >>ran; cat in same/* > own"
		inputs = ["in", "same/*"]
		outputs = ["own"]
		[stage.tree]
		run = "echo tree >>ran; mkdir tree; cp same/* own tree"
		inputs = ["same/*", "own"]
		outputs = ["tree/"]
	END
	echo "$1" >"../$1/in"
}

# All workspaces at once; each must end well.
all_at_once() {
	for n in $(seq 20); do
		(
			cd "../w$n" || exit 1
			"$PAWL" run -j 2 >said 2>&1 3>&-
			echo $? >status
		) &
	done
	wait
	for n in $(seq 20); do
		[ "$(cat "../w$n/status")" = 0 ] || {
			cat "../w$n/said"
			return 1
		}
	done
}

all_are_right() {
	seq 1 400 >../first
	for n in $(seq 20); do
		cmp "../w$n/same/1" ../first
		[ "$(head -n 1 "../w$n/own")" = "$1$n" ]
		cmp "../w$n/own" "../w$n/tree/own"
		[ "$(ls "../w$n/tree" | wc -l)" -eq 21 ]
	done
	all_whole ../store
}

@test "twenty workspaces in one store at once, same keys and different" {
	for n in $(seq 20); do workspace_in_store "w$n"; done
	all_at_once
	all_are_right w
	# A workspace that comes later needs nobody's work again but its own.
	workspace_in_store w21
	(cd ../w21 && "$PAWL" run)
	sort ../w21/ran | diff - <(printf 'own\ntree\n')
	# And at once again: what is there is found, what is gone comes back, what is new is made.
	for n in $(seq 20); do
		rm "../w$n/ran"
		rm -r "../w$n/same"
		echo "new$n" >"../w$n/in"
	done
	all_at_once
	all_are_right new
	for n in $(seq 20); do
		sort "../w$n/ran" | diff - <(printf 'own\ntree\n')
	done
}

# In the background, once ../go is there: its status goes to ../statuses, what it said to a file.
at_once() { # $1: name, rest: a command of pawl
	local name=$1
	shift
	(
		status=0
		until [ -e ../go ]; do sleep 0.02; done
		"$PAWL" "$@" >"../said.$name" 2>&1 3>&- || status=$?
		echo "$1 $status" >>../statuses
	) &
}

# In each workspace: two runs, a collection, a look at all that is stored, a plan.
hundred_at_once() {
	: >../statuses
	rm -f ../go
	for n in $(seq 20); do
		cd "../w$n" || return 1
		at_once "run.$n" run --wait -q -j 2
		at_once "again.$n" run --wait -q -j 2
		at_once "gc.$n" gc --wait --keep-runs 1 --max-size 0B
		at_once "verify.$n" verify --store ../store
		at_once "plan.$n" plan --check
	done
	: >../go
	wait
	# One gc at a time; a plan before the run has something to do.
	if LC_ALL=C sort ../statuses | uniq -c | grep -vE ' (run|gc|verify|plan) 0$| gc 9$| plan 6$'; then
		tail -n 3 ../said.*
		return 1
	fi
	[ "$(wc -l <../statuses)" -eq 100 ]
	grep -q '^gc 0$' ../statuses
}

@test "a hundred processes in twenty workspaces of one store, collections among them" {
	for n in $(seq 20); do workspace_in_store "w$n"; done
	sed -i 's/to = 20/to = 3/' ../w*/pawl.toml
	for n in $(seq 20); do "$PAWL" -C "../w$n" run -q & done
	wait
	for n in $(seq 20); do echo "2 w$n" >"../w$n/in"; done
	hundred_at_once
	for n in $(seq 20); do
		cd "../w$n"
		"$PAWL" plan --check >/dev/null
		[ "$(head -n 1 own)" = "2 w$n" ]
		rm -rf ran own tree same
		"$PAWL" run -q
		[ ! -e ran ]
		[ "$(head -n 1 own)" = "2 w$n" ]
		cmp own tree/own
	done
	"$PAWL" gc --keep-runs 1
	run "$PAWL" verify
	echo "$output"
	[[ $output == *": no damage" ]]
	[ "${#lines[@]}" -eq 1 ]
	# Every object is there once, and nothing is left of those who wrote them.
	[ -z "$(find ../store/objects ../store/fresh -type f ! -name lock ! -name salt -printf '%P\n' | sed 's,/,,' | grep -oE '[0-9a-f]{64}$' | sort | uniq -d)" ]
	[ -z "$(ls ../store/tmp)" ]
}

@test "a hundred runs in one workspace at once: the work is done once, the others are told" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; until [ -e ../go ]; do sleep 0.01; done; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	: >../ran
	mkdir ../ended
	for n in $(seq 100); do
		(
			status=0
			"$PAWL" run >"../said.$n" 2>&1 3>&- || status=$?
			echo $status >"../ended/$n"
		) &
	done
	# One holds the workspace until all others have been told so.
	tries=0
	until [ "$(find ../ended -type f | wc -l)" -ge 99 ]; do
		tries=$((tries + 1))
		[ $tries -lt 6000 ]
		sleep 0.01
	done
	: >../go
	wait
	cat ../ended/* | sort | uniq -c
	grep -h . ../said.* | grep -v 'held by' || :
	[ "$(cat ../ended/* | sort | uniq -c | tr -s ' ' | paste -sd ,)" = ' 1 0, 99 9' ]
	sort ../said.* | sed 's/[0-9][0-9]*/N/g' | uniq -c
	[ "$(cat ../said.* | grep -c "'.pawl/lock': held by process [0-9]* on .*, pawl run.*, since 20[0-9-]*T[0-9:.]*Z")" -eq 99 ]
	[ "$(wc -l <../ran)" -eq 1 ]
	has out 1
	ends 0
	ran
}

@test "fifty runs in one workspace that wait: the work is done once, all end well" {
	manifest <<-'END'
		[stage.s]
		run = "echo s >>../ran; cat in > out"
		inputs = ["in"]
		outputs = ["out"]
	END
	echo 1 >in
	: >../ran
	mkdir ../ended
	for n in $(seq 50); do
		(
			status=0
			"$PAWL" run --wait >/dev/null 2>&1 3>&- || status=$?
			echo $status >"../ended/$n"
		) &
	done
	wait
	[ "$(cat ../ended/* | sort | uniq -c | tr -s ' ')" = ' 50 0' ]
	[ "$(wc -l <../ran)" -eq 1 ]
}

@test "a hundred processes in one command, and a hundred that outlive it" {
	manifest <<-'END'
		[stage.s]
		run = """echo s >>../ran; mkdir d
		for i in $(seq 100); do (echo line $i of process; echo $i > d/$i) & done; wait
		for i in $(seq 100); do sleep 600 & echo $! >> ../left; done"""
		outputs = ["d/"]
	END
	ends 0
	ran s
	[ "$(ls d | wc -l)" -eq 100 ]
	[ "$("$PAWL" log s | grep -cx 'line [0-9]* of process')" -eq 100 ]
	[ "$(wc -l <../left)" -eq 100 ]
	while read -r pid; do
		not kill -0 "$pid" 2>/dev/null
	done <../left
}

@test "two workspaces that lie at one path, one after the other, are two" {
	mkdir ../one ../two
	for name in one two; do
		cat >"../$name/pawl.toml" <<-'END'
			[pipeline]
			name = "test"
			store = "../store"
			[stage.s]
			run = "echo s >>../ran; cat in >out"
			inputs = ["in"]
			outputs = ["out"]
		END
		echo "$name" >"../$name/in"
	done
	for name in one two; do
		mv "../$name" ../here
		(cd ../here && "$PAWL" run -q)
		mv ../here "../$name"
	done
	# What one does not know is what the other needs.
	mv ../two ../here
	(cd ../here && "$PAWL" gc --keep-runs 1)
	mv ../here ../two
	: >../ran
	for name in one two; do
		mv "../$name" ../here
		(cd ../here && rm out && "$PAWL" run -q && has out "$name" && "$PAWL" plan --check)
		mv ../here "../$name"
	done
	[ ! -s ../ran ]
	[ "$(find ../store/roots -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 2 ]
}
