#!/usr/bin/env bats
# Streams: what a stage with `each` gives, item by item. Workers that live long are in
# streams-worker.bats, chains in streams-chain.bats, kills and pauses in streams-control.bats.

load run

# A stage `s` over the lines of `list`, one process for each item; the command is in $1, more keys
# come from stdin. The command has the item in $x, and says that it ran.
lines() {
	manifest <<-END
		[stage.s]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "\$x" >>../ran; $1'
		stdout = "out"
		$(cat)
	END
}

# Lines of a file, joined by blanks.
words() {
	paste -sd ' ' "$1"
}

has_words() {
	if [ "$(words "$1")" != "$2" ]; then
		echo "$1 is not '$2' but '$(words "$1")'"
		return 1
	fi
}

@test "each line is an item, and the results stand in the items' order" {
	# The first is the last to end.
	lines 'if [ "$x" = 1 ]; then until [ -e ../late ]; do sleep 0.01; done; fi; [ "$x" != 9 ] || : >../late; echo "<$x>"' <<<'workers = 4'
	seq 9 >list
	ends 0
	ran 1 2 3 4 5 6 7 8 9
	has_words out "<1> <2> <3> <4> <5> <6> <7> <8> <9>"
	stands 1
}

@test "each file is an item: its content on the standard input, its name in PAWL_ITEM" {
	manifest <<-'END'
		[stage.s]
		each = { files = "in/*" }
		run = 'echo "$PAWL_ITEM" >>../ran; echo "$PAWL_ITEM has $(wc -c | tr -d " ")"'
		stdout = "out"
	END
	mkdir in
	printf 'one\ntwo\n' >in/a
	: >in/b
	printf 'x' >in/c
	ends 0
	ran in/a in/b in/c
	has out "in/a has 8
in/b has 0
in/c has 1"
	stands 1
	printf 'y' >in/d
	echo >>in/a
	ends 0
	ran in/a in/d
	has out "in/a has 9
in/b has 0
in/c has 1
in/d has 1"
	rm in/c
	ends 0
	ran ""
	has_words out "in/a has 9 in/b has 0 in/d has 1"
}

@test "files of equal bytes are one item with dedupe" {
	manifest <<-'END'
		[stage.s]
		each = { files = "in/*" }
		run = 'echo "$PAWL_ITEM" >>../ran; cat'
		stdout = "out"
		workers = 1
	END
	mkdir in
	echo same >in/a
	echo same >in/b
	ends 0
	ran in/a in/b
	has_words out "same same"
	echo 'dedupe = true' >>pawl.toml
	ends 0
	ran in/a
	has_words out same
}

@test "equal items are worked once; dedupe says how often the result is written" {
	lines 'echo "<$x>"' <<<'dedupe = false'
	printf '%s\n' a b a a c b >list
	ends 0
	ran a b c
	has_words out "<a> <b> <a> <a> <c> <b>"
	sed -i 's/dedupe = false/dedupe = true/' pawl.toml
	ends 0
	# How often it is written changes nothing of what an item gives.
	ran ""
	has_words out "<a> <b> <c>"
}

@test "no result is a filtered item, several lines are a result" {
	lines 'case $x in [02468]) ;; 3) printf "3\n33\n333\n" ;; *) printf "%s" "$x" ;; esac' </dev/null
	seq 0 6 >list
	ends 0
	has_words out "1 3 33 333 5"
}

@test "what an item writes to its standard error is in the log of the stage" {
	lines 'echo "about $x" >&2; echo "$x"' </dev/null
	seq 3 >list
	ends 0
	"$PAWL" log s >../log
	for i in 1 2 3; do grep -qx "about $i" ../log; done
}

@test "an item may leave its input unread, and its result may be large" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'exec 0</dev/null; head -c 3000000 /dev/zero | tr "\0" x; echo'
		stdout = "out"
	END
	head -c 200000 /dev/zero | tr '\0' y >list
	printf '\nb\n' >>list
	timeout 60 "$PAWL" run
	[ "$(wc -c <out)" -eq 6000002 ]
}

@test "a second run works new items only, an edited command all of them" {
	lines 'echo "<$x>"' </dev/null
	seq 4 >list
	ends 0
	printf '%s\n' 7 4 3 2 8 >list
	ends 0
	ran 7 8
	has_words out "<7> <4> <3> <2> <8>"
	seq 4 >list
	ends 0
	ran ""
	has_words out "<1> <2> <3> <4>"
	sed -i 's/<\$x>/[$x]/' pawl.toml
	ends 0
	ran 1 2 3 4
	has_words out "[1] [2] [3] [4]"
	# And back: what was known still is.
	sed -i 's/\[\$x\]/<$x>/' pawl.toml
	echo 5 >>list
	ends 0
	ran 5
}

@test "an edited script of inputs works all again, how items are worked does not" {
	lines 'sh say.sh "$x"' <<<'inputs = ["say.sh"]'
	echo 'echo "<$1>"' >say.sh
	seq 3 >list
	ends 0
	ran 1 2 3
	cat >>pawl.toml <<-'END'
		workers = 2
		queue = 2
		timeout = "1m"
		retry = { max = 3 }
		dead_letter = "dead"
		max_dead = 2
	END
	echo 4 >>list
	ends 0
	ran 4
	echo 'echo "{$1}"' >say.sh
	ends 0
	ran 1 2 3 4
	has_words out "{1} {2} {3} {4}"
}

# --- items that fail ---

@test "an item that fails is dead: by default the stage fails, and says which was the first" {
	lines 'test "$x" != 2 || exit 3; echo "$x"' <<<'workers = 1'
	seq 3 >list
	ends 1
	says " is dead; the first"
	says ": exit 3"
	# What was good is known, what was dead is tried again.
	ends 1
	grep -qx 2 ../ran
	not grep -qx 1 ../ran
	sed -i '/^2$/d' list
	ends 0
	has_words out "1 3"
}

@test "dead letters: item, reason, cause and attempts, in the items' order" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "$x" >>../ran; case $x in e*) exit "${x#e}" ;; k) kill -9 $$ ;; t) exec sleep 600 ;; esac; echo "$x"'
		stdout = "out"
		timeout = "1s"
		retry = { max = 1, delay = "0s", on = ["exit"] }
		dead_letter = "dead"
	END
	printf '%s\n' a e7 k t b 'e"9' >list
	sed -i 's/"\${x#e}"/$(echo "${x#e}" | tr -dc 0-9)/' pawl.toml
	ends 0
	has_words out "a b"
	has dead '{"item":"e7","reason":"exit 7","cause":"exit","attempts":2}
{"item":"k","reason":"killed by signal 9 (Killed)","cause":"signal","attempts":1}
{"item":"t","reason":"it took longer than its timeout","cause":"timeout","attempts":1}
{"item":"e\"9","reason":"exit 9","cause":"exit","attempts":2}'
	# The stage ended well with them: they stay dead.
	stands 1
	echo c >>list
	ends 0
	ran c
	[ "$(wc -l <dead)" -eq 4 ]
}

@test "no dead item: an empty file of dead letters" {
	lines 'echo "$x"' <<<'dead_letter = "dead"'
	seq 3 >list
	ends 0
	test -e dead
	not test -s dead
}

@test "max_dead as a number" {
	lines 'test "$x" -gt 2 || exit 1; echo "$x"' <<-'END'
		dead_letter = "dead"
		max_dead = 2
	END
	seq 4 >list
	ends 0
	[ "$(wc -l <dead)" -eq 2 ]
	sed -i 's/max_dead = 2/max_dead = 1/' pawl.toml
	ends 1
	says "are dead, more than 1; the first"
}

@test "max_dead as a share is judged at the end, and exactly" {
	lines 'test "$x" -gt 1 || exit 1; echo "$x"' <<-'END'
		dead_letter = "dead"
		max_dead = "25%"
	END
	seq 4 >list
	ends 0
	has_words out "2 3 4"
	seq 3 >list
	ends 1
	says "1 of 3 items is dead, more than 25%; the first"
}

@test "a dead item that stands in the list twice counts twice, with dedupe once" {
	lines 'test "$x" != 1 || exit 1; echo "$x"' <<-'END'
		max_dead = 1
		dead_letter = "dead"
	END
	printf '%s\n' 1 2 1 >list
	ends 1
	says "2 of 3 items are dead"
	echo 'dedupe = true' >>pawl.toml
	ends 0
	[ "$(wc -l <dead)" -eq 1 ]
}

@test "exit_codes: a listed one is retried and may pass, 10; another is for good, 1" {
	lines 'case $x in e*) exit "${x#e}" ;; esac; echo "$x"' <<<'retry = { max = 2, delay = "0s", exit_codes = [75] }'
	printf '%s\n' a e75 >list
	ends 10
	ran a e75 e75 e75
	says "exit 75"
	printf '%s\n' a e74 >list
	ends 1
	ran e74
	ends 1 --no-retry
	ran e74
}

@test "an item that fails for a while is tried again until it is good" {
	lines 'test "$(grep -cx "$x" ../ran)" -ge "$x" || exit 75; echo "$x"' <<<'retry = { max = 3, delay = "1ms", jitter = false }'
	seq 3 >list
	ends 0
	ran 1 2 2 3 3 3
	has_words out "1 2 3"
}

@test "the timeout is for each item: 7" {
	lines 'test "$x" != 2 || exec sleep 600; echo "$x"' <<-'END'
		timeout = "500ms"
		grace = "100ms"
	END
	seq 3 >list
	ends 7
	says "timeout"
	sed -i 's/500ms"/500ms"\nretry = { max = 1, delay = "0s", on = ["timeout"] }/' pawl.toml
	ends 7
	ran 2 2
}

@test "a command that is not there: 11" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = ["no-such-program"]
		stdout = "out"
		[stage.t]
		each = { lines = "list" }
		run = "no-such-program"
		stdout = "out2"
	END
	seq 3 >list
	ends 11 s
	ends 11 t
}

# --- items of every kind ---

@test "an empty line, NUL bytes, CR, a last line without its end" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'od -An -tx1 >$PAWL_RUN_DIR/tmp.$$; tr -d " \n" <$PAWL_RUN_DIR/tmp.$$; echo; rm $PAWL_RUN_DIR/tmp.$$'
		stdout = "out"
	END
	printf 'a\0b\n\n\r\nx\r\nlast' >list
	ends 0
	# An item is a line: its end belongs to it, and the last one gets one.
	has out "6100620a
0a
0d0a
780d0a
6c6173740a"
}

@test "an empty list: an empty output" {
	lines 'echo "$x"' </dev/null
	: >list
	ends 0
	ran ""
	test -e out
	not test -s out
	stands 1
}

@test "an item of 100 MB, and one of 1 KiB behind it" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'wc -c'
		stdout = "out"
	END
	{
		head -c 104857600 /dev/zero
		echo
		head -c 1024 /dev/zero
	} >list
	timeout 60 "$PAWL" run
	has_words out "104857601 1025"
}

@test "a result of more than 64 MiB is the failure of its item" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'read -r n; head -c "$n" /dev/zero'
		stdout = "out"
		dead_letter = "dead"
	END
	printf '%s\n' 10 70000000 20 >list
	timeout 60 "$PAWL" run
	[ "$(wc -c <out)" -eq 32 ]
	grep -q '"item":"70000000","reason":".*larger.*","cause":"output"' dead
}

@test "a list that is not there, and one that another stage makes" {
	lines 'echo "$x"' </dev/null
	ends 3
	says "list"
	cat >>pawl.toml <<-'END'
		[stage.make]
		run = "seq 3; echo make >>../ran"
		stdout = "list"
	END
	ends 0
	ran make 1 2 3
	has_words out "1 2 3"
	sed -i 's/seq 3/seq 4/' pawl.toml
	ends 0
	ran make 4
	stands 2
}

@test "a list that changes while it is read: unsettled, nothing lost" {
	lines 'echo "$x"; echo more >>list' <<<'workers = 1'
	echo 1 >list
	ends 10
	says "list"
	sed -i 's/; echo more >>list//' pawl.toml
	ends 0
	[ "$(wc -l <out)" -eq "$(wc -l <list)" ]
}

# --- with other keys ---

@test "a stage without stdout: its items are worked for what they do" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "$x" >>../ran'
	END
	seq 3 >list
	ends 0
	ran 1 2 3
	stands 1
	echo 4 >>list
	ends 0
	ran 4
}

@test "axes: each instance has its own items and its own log of them" {
	manifest <<-'END'
		[stage.s]
		matrix = { m = [1, 2] }
		each = { lines = "list{{m}}" }
		run = 'IFS= read -r x; echo {{m}}"$x" >>../ran; echo {{m}}"$x"'
		stdout = "out{{m}}"
		[stage.t]
		matrix = { m = [1, 2] }
		each = { stage = "s" }
		run = 'IFS= read -r x; echo "t$x" >>../ran; echo "t$x"'
		stdout = "t{{m}}"
		[stage.all]
		each = { stage = "t" }
		run = 'IFS= read -r x; echo "all$x" >>../ran; echo "$x"'
		stdout = "all"
	END
	seq 2 >list1
	seq 3 >list2
	ends 0
	ran 11 12 21 22 23 t11 t12 t21 t22 t23 allt11 allt12 allt21 allt22 allt23
	has_words t1 "t11 t12"
	has_words t2 "t21 t22 t23"
	has_words all "t11 t12 t21 t22 t23"
	echo 3 >>list1
	ends 0
	ran 13 t13 allt13
	has_words all "t11 t12 t13 t21 t22 t23"
	stands 5
}

@test "cache = false: each run works all items anew" {
	lines 'echo "$x"' <<<'cache = false'
	seq 3 >list
	ends 0
	ran 1 2 3
	ends 0
	ran 1 2 3
}

@test "dir, env and inputs are those of the stage" {
	lines 'echo "$x $V $(cat note) $PAWL_STAGE"' <<-'END'
		inputs = ["sub/note"]
		env = { V = "v" }
		dir = "sub"
	END
	sed -i 's|\.\./ran|../../ran|' pawl.toml
	mkdir sub
	echo hello >sub/note
	seq 2 >list
	ends 0
	has out "1 v hello s
2 v hello s"
}
