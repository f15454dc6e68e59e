#!/usr/bin/env bats
# Streams that read each other's items: stages chained by each = { stage = … } work at the same time,
# a slow one holds back a fast one, and what was worked ahead is only ever what is known of items.
# Commands wait for files of the test, never for time.

load run

setup() {
	unset PAWL_RUN_DIR PAWL_RUN_ID
	mkdir "$BATS_TEST_TMPDIR/w"
	cd "$BATS_TEST_TMPDIR/w" || return 1
	touch ../ran
}

teardown() {
	touch ../go ../free
	[ ! -e ../pid ] || kill -9 "$(cat ../pid)" 2>/dev/null || true
}

# The producer p of a chain, over `list`; its consumer c has more keys from stdin. $1 and $2 are what
# their commands do with an item $x.
chain() {
	manifest <<-END
		[stage.p]
		each = { lines = "list" }
		run = 'IFS= read -r x; echo "p\$x" >>../ran; $1; echo "\$x"'
		stdout = "p.out"
		workers = 1
		[stage.c]
		each = { stage = "p" }
		run = 'IFS= read -r x; echo "c\$x" >>../ran; $2; echo "<\$x>"'
		stdout = "c.out"
		workers = 1
		$(cat)
	END
}

has_words() {
	if [ "$(paste -sd ' ' "$1")" != "$2" ]; then
		echo "$1 is not '$2' but '$(paste -sd ' ' "$1")'"
		return 1
	fi
}

# How many items of a stage have begun.
begun() {
	grep -c "^$1" ../ran || :
}

has_begun() {
	[ "$(begun "$1")" -ge "$2" ]
}

@test "a consumer has begun before its producer ends" {
	chain 'if [ "$x" = 3 ]; then until grep -q c1 ../ran; do sleep 0.01; done; fi' : </dev/null
	seq 3 >list
	run timeout 60 "$PAWL" run
	[ "$status" -eq 0 ]
	ran p1 p2 p3 c1 c2 c3
	has_words c.out "<1> <2> <3>"
	# Ahead is only worked; the order is that of the producer's output.
	stands 2
	echo 4 >>list
	ends 0
	ran p4 c4
	has_words c.out "<1> <2> <3> <4>"
}

@test "three stages in a row work at the same time" {
	chain 'if [ "$x" = 3 ]; then until grep -q d ../ran; do sleep 0.01; done; fi' : <<-'END'
		[stage.d]
		each = { stage = "c" }
		run = 'IFS= read -r x; echo "d$x" >>../ran; echo "($x)"'
		stdout = "d.out"
	END
	seq 3 >list
	run timeout 60 "$PAWL" run
	[ "$status" -eq 0 ]
	has_words d.out "(<1>) (<2>) (<3>)"
	ran p1 p2 p3 c1 c2 c3 'd<1>' 'd<2>' 'd<3>'
}

@test "workers in a row work at the same time" {
	manifest <<-'END'
		[stage.p]
		each = { lines = "list" }
		mode = "worker"
		workers = 1
		run = 'while IFS= read -r x; do if [ "$x" = 3 ]; then until [ -e ../began ]; do sleep 0.01; done; fi; echo "$x"; done'
		stdout = "p.out"
		[stage.c]
		each = { stage = "p" }
		mode = "worker"
		run = 'while IFS= read -r x; do : >../began; echo "<$x>"; done'
		stdout = "c.out"
	END
	# A worker that waits holds what it was handed with it: the first is handed alone.
	printf '%s\n' 1 3 >list
	run timeout 60 "$PAWL" run
	[ "$status" -eq 0 ]
	has_words c.out "<1> <3>"
}

@test "a held consumer holds back its producer, item by item" {
	chain : 'until [ -e "../go$x" ] || [ -e ../free ]; do sleep 0.01; done' <<<'queue = 10'
	seq 100 >list
	timeout 120 "$PAWL" run >../said 2>&1 3>&- &
	echo $! >../pid
	# The first of ten is being worked; the eleventh has been made and waits for a place.
	wait_until has_begun p 11
	wait_until has_begun c 1
	for i in 1 2 3 4 5; do
		[ "$(begun p)" -eq $((10 + i)) ]
		[ "$(begun c)" -eq "$i" ]
		# One is taken: exactly one more goes in.
		touch "../go$i"
		wait_until has_begun c $((i + 1))
		wait_until has_begun p $((11 + i))
	done
	[ "$(begun p)" -eq 16 ]
	touch ../free
	wait "$(cat ../pid)"
	[ "$(wc -l <c.out)" -eq 100 ]
	[ "$(begun p)" -eq 100 ]
	[ "$(begun c)" -eq 100 ]
}

@test "a producer that makes several items of one, and a queue of one" {
	chain 'echo "$x.a"; echo "$x.b"' : <<<'queue = 1'
	seq 5 >list
	ends 0
	has_words c.out "<1.a> <1.b> <1> <2.a> <2.b> <2> <3.a> <3.b> <3> <4.a> <4.b> <4> <5.a> <5.b> <5>"
	[ "$(begun c)" -eq 15 ]
}

@test "what a producer filters does not reach its consumer" {
	chain 'case $x in [246]) exit 0 ;; esac' : </dev/null
	seq 7 >list
	ends 0
	has_words c.out "<1> <3> <5> <7>"
	ran p1 p2 p3 p4 p5 p6 p7 c1 c3 c5 c7
}

@test "a producer that fails: what its consumer has worked ahead is known" {
	chain 'if [ "$x" = 3 ]; then until grep -q c2 ../ran; do sleep 0.01; done; exit 1; fi' : </dev/null
	seq 3 >list
	ends 1
	[ "$(begun c)" -eq 2 ]
	not test -e c.out
	echo 4 >list
	cp list list.old
	printf '%s\n' 1 2 4 >list
	ends 0
	ran p4 c4
	has_words c.out "<1> <2> <4>"
}

@test "an item that fails ahead is tried again in the stage's own time" {
	chain 'if [ "$x" = 3 ]; then until grep -q c2 ../ran; do sleep 0.01; done; fi' \
		'[ "$x" != 2 ] || [ "$(grep -c c2 ../ran)" -ge 2 ] || exit 1' </dev/null
	seq 3 >list
	ends 0
	has_words c.out "<1> <2> <3>"
	ran p1 p2 p3 c1 c2 c2 c3
}

@test "cache = false: takes nothing early, and works all anew" {
	chain : : <<<'cache = false'
	seq 4 >list
	ends 0
	has ../ran "p1
p2
p3
p4
c1
c2
c3
c4"
	ends 0
	ran c1 c2 c3 c4
}

@test "compensate: takes nothing early; each attempt works all anew" {
	chain : '[ "$x" != 3 ] || [ -e ../go ] || exit 1' <<<"compensate = 'echo undo >>../ran'"
	seq 4 >list
	ends 1
	[ "$(head -n 4 ../ran | paste -sd ' ')" = "p1 p2 p3 p4" ]
	grep -qx undo ../ran
	touch ../go
	ends 0
	grep -v undo ../ran >../worked
	[ "$(paste -sd ' ' ../worked)" = "c1 c2 c3 c4" ]
}

@test "a consumer with another input that is made later waits for it" {
	chain : 'cat extra' <<-'END'
		inputs = ["extra"]
		[stage.extra]
		inputs = ["p.out"]
		run = "echo extra >>../ran; echo e"
		stdout = "extra"
	END
	seq 2 >list
	ends 0
	has_words c.out "e <1> e <2>"
	ran p1 p2 extra c1 c2
}

@test "two consumers of one producer" {
	chain : : <<-'END'
		[stage.d]
		each = { stage = "p" }
		run = 'IFS= read -r x; echo "d$x" >>../ran; echo "($x)"'
		stdout = "d.out"
	END
	seq 50 >list
	ends 0
	[ "$(begun p) $(begun c) $(begun d)" = "50 50 50" ]
	seq -f '<%.0f>' 50 >expected
	cmp c.out expected
	seq -f '(%.0f)' 50 >expected
	cmp d.out expected
}

@test "a plain command as the producer" {
	manifest <<-'END'
		[stage.p]
		run = "seq 3"
		stdout = "p.out"
		[stage.c]
		each = { stage = "p" }
		run = 'IFS= read -r x; echo "c$x" >>../ran; echo "<$x>"'
		stdout = "c.out"
	END
	ends 0
	has_words c.out "<1> <2> <3>"
	ran c1 c2 c3
}

@test "a target that is the producer alone works nothing ahead" {
	chain : : </dev/null
	seq 3 >list
	ends 0 p
	ran p1 p2 p3
}

# --- breakers ---

@test "a breaker opens and closes with items, and none is lost" {
	chain : '[ -e ../up ] || exit 1' <<-'END'
		dead_letter = "dead"
		breaker = "api"
		retry = { max = 20, delay = "30ms", jitter = false, backoff = "constant", on = ["exit"] }
		[breaker.api]
		min_calls = 2
		open_for = "50ms"
	END
	seq 6 >list
	timeout 60 "$PAWL" run >../said 2>&1 3>&- &
	echo $! >../pid
	wait_until opened
	touch ../up
	wait "$(cat ../pid)"
	has_words c.out "<1> <2> <3> <4> <5> <6>"
	not test -s dead
	events breaker.half_opened | grep -q '"breaker":"api"'
	events breaker.closed | grep -q '"breaker":"api"'
}

opened() {
	[ -n "$(events breaker.opened 2>/dev/null)" ]
}

@test "when_open = fail: items meet an open breaker, 10" {
	chain : 'exit 1' <<-'END'
		breaker = "api"
		dead_letter = "dead"
		[breaker.api]
		min_calls = 2
		open_for = "1h"
		when_open = "fail"
	END
	seq 6 >list
	ends 0
	[ "$(grep -c '"cause":"exit"' dead)" -eq 2 ]
	[ "$(grep -c '"cause":"breaker"' dead)" -eq 4 ]
	events breaker.opened | grep -q 'too many items'
	# The breaker stays open for the next run, whose new item meets it.
	echo 7 >list
	sed -i '/^dead_letter/d' pawl.toml
	ends 10
	says "breaker"
	[ "$(begun c)" -eq 0 ]
}
