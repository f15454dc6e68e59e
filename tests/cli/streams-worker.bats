#!/usr/bin/env bats
# Streams with mode = "worker": processes that live long and answer each line with a line. mawk reads
# its input in blocks, so the workers here are loops of the shell.

load run

# A stage `s` over the lines of `list`; what is done with each line $x is $1, more keys come from
# stdin. Every line that a worker reads goes to ../ran.
worker() {
	manifest <<-END
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		run = 'echo up >>../up; while IFS= read -r x; do echo "\$x" >>../ran; $1; done'
		stdout = "out"
		dead_letter = "dead"
		$(cat)
	END
}

has_words() {
	if [ "$(paste -sd ' ' "$1")" != "$2" ]; then
		echo "$1 is not '$2' but '$(paste -sd ' ' "$1")'"
		return 1
	fi
}

# How many workers were started.
started() {
	[ "$(wc -l <../up)" -eq "$1" ] || {
		echo "$(wc -l <../up) workers were started, not $1"
		return 1
	}
}

@test "a worker answers each line with a line, in the items' order" {
	worker 'echo "<$x>"' <<<'workers = 3'
	seq 1000 >list
	ends 0
	seq -f '<%.0f>' 1000 >expected
	cmp out expected
	not test -s dead
	[ "$(sort -u ../ran | wc -l)" -eq 1000 ]
	[ "$(wc -l <../up)" -le 3 ]
	echo 1001 >>list
	ends 0
	ran 1001
}

@test "an item of any bytes goes to a worker as it is; one with a NUL byte too" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		workers = 1
		run = ["perl", "-e", '$| = 1; while (<STDIN>) { chomp; print unpack("H*", $_), "\n" }']
		stdout = "out"
	END
	printf 'a\0b\n\n\r\n\303\244\377\nlast' >list
	ends 0
	has out "610062

0d
c3a4ff
6c617374"
}

@test "an empty line as an answer is a result" {
	worker 'echo' <<<'workers = 1'
	seq 3 >list
	ends 0
	[ "$(wc -l <out)" -eq 3 ]
}

@test "fail TEXT: dead for good, whatever retry says" {
	worker 'if [ "$x" = 2 ]; then echo "fail no such thing" >&$PAWL_STATUS_FD; else echo "<$x>"; fi' \
		<<<'retry = { max = 3, delay = "0s" }'
	seq 4 >list
	ends 0
	has_words out "<1> <3> <4>"
	has dead '{"item":"2","reason":"no such thing","cause":"exit","attempts":1}'
	# It lives on.
	[ "$(wc -l <../up)" -le 2 ] || cat ../up
}

@test "retry TEXT: again, as often as retry.max says, whatever its causes" {
	worker 'if [ "$x" = 2 ] && [ "$(grep -cx 2 ../ran)" -lt 4 ]; then echo "retry busy" >&$PAWL_STATUS_FD; else echo "<$x>"; fi' \
		<<<'retry = { max = 5, delay = "0s", on = ["timeout"] }'
	seq 3 >list
	ends 0
	has_words out "<1> <2> <3>"
	not test -s dead
	rm -rf .pawl
	sed -i 's/max = 5/max = 1/' pawl.toml
	ends 0
	has dead '{"item":"2","reason":"busy","cause":"transient","attempts":2}'
	# Who may have no dead item is told to try later, and then it goes well.
	rm -rf .pawl ../ran
	sed -i '/dead_letter/d' pawl.toml
	ends 10
	says "the first, '2': busy"
	sed -i 's/max = 1/max = 3/' pawl.toml
	ends 0
	has_words out "<1> <2> <3>"
}

@test "a word that is none, and one without a reason" {
	worker 'echo "$x" >&$PAWL_STATUS_FD' <<<'workers = 1'
	printf '%s\n' fail retry 'failed x' >list
	ends 0
	grep -q '"item":"fail","reason":"the worker gave no reason","cause":"exit","attempts":1' dead
	grep -q '"item":"retry","reason":"the worker gave no reason"' dead
	grep -q "\"item\":\"failed x\",\"reason\":\"the worker said neither 'fail TEXT' nor 'retry TEXT'" dead
}

@test "a worker that answers twice: never a wrong result" {
	worker 'case $x in 7) printf "7\n77\n" ;; *) echo "<$x>" ;; esac' <<<'workers = 2'
	seq 20 >list
	for _ in 1 2 3; do
		run timeout 60 "$PAWL" run
		if [ "$status" -eq 0 ]; then
			# It had that item alone.
			seq -f '<%.0f>' 20 | grep -vx '<7>' >expected
			cmp out expected
			has dead '{"item":"7","reason":"the worker answered more than once","cause":"output","attempts":1}'
			return
		fi
		# Its second answer passed for that of another item, until one was left over.
		[ "$status" -eq 1 ]
		says "wrote what nobody asked for"
		not test -e out
	done
}

@test "an answer and a word for one item are too many" {
	worker 'case $x in 2) echo "fail no" >&$PAWL_STATUS_FD; echo "<$x>" ;; *) echo "<$x>" ;; esac' <<<'workers = 1'
	seq 2 >list
	run timeout 60 "$PAWL" run
	# What is read first decides which of them is the one too many.
	if [ "$status" -eq 0 ]; then
		has_words out "<1>"
		grep -q '"reason":"the worker answered more than once"' dead
	else
		[ "$status" -eq 1 ]
		says "wrote what nobody asked for"
	fi
}

@test "a worker that speaks unasked: what answers what cannot be told, and the stage fails" {
	worker 'echo "<$x>"' <<<'workers = 1'
	seq 300 >list
	sed -i 's/echo up/echo hello; echo up/' pawl.toml
	run timeout 60 "$PAWL" run
	[ "$status" -eq 1 ]
	says "wrote what nobody asked for"
	not test -e out
	# At its end too.
	sed -i "s/echo hello; //; s/; done'/; done; echo 300 items'/" pawl.toml
	run timeout 60 "$PAWL" run
	[ "$status" -eq 1 ]
	says "wrote what nobody asked for"
	not test -e out
}

@test "a worker that does not answer: the timeout is for each item" {
	worker 'case $x in 5) exec sleep 600 ;; *) echo "<$x>" ;; esac' <<-'END'
		timeout = "500ms"
		workers = 2
	END
	seq 9 >list
	ends 0
	has_words out "<1> <2> <3> <4> <6> <7> <8> <9>"
	has dead '{"item":"5","reason":"it took longer than its timeout","cause":"timeout","attempts":1}'
	echo 'max_dead = 0' >>pawl.toml
	sed -i 's/<\$x>/[$x]/' pawl.toml
	ends 7
}

@test "a worker that dies is started again, and only its item suffers" {
	worker 'case $x in 5) kill -9 $$ ;; 6) exit 3 ;; 7) exit 0 ;; *) echo "<$x>" ;; esac' <<<'workers = 1'
	seq 9 >list
	ends 0
	has_words out "<1> <2> <3> <4> <8> <9>"
	has dead '{"item":"5","reason":"the worker ended without an answer: killed by signal 9 (Killed)","cause":"signal","attempts":1}
{"item":"6","reason":"the worker ended without an answer: exit 3","cause":"exit","attempts":1}
{"item":"7","reason":"the worker ended without an answer","cause":"output","attempts":1}'
}

@test "a worker that ends after each answer gives all of them" {
	worker 'echo "<$x>"; exit 0' <<<'workers = 2'
	seq 20 >list
	ends 0
	seq -f '<%.0f>' 20 >expected
	cmp out expected
	not test -s dead
}

@test "a worker that dies at once each time: every item is dead, and it ends" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		run = 'exit 3'
		stdout = "out"
		dead_letter = "dead"
	END
	seq 50 >list
	ends 0
	[ "$(grep -c '"cause":"exit"' dead)" -eq 50 ]
	echo 'max_dead = "50%"' >>pawl.toml
	ends 1
}

@test "a dead worker's item is tried again where retry says so" {
	worker 'if [ "$(grep -cx "$x" ../ran)" -lt 3 ]; then exit 75; fi; echo "<$x>"' <<-'END'
		workers = 1
		retry = { max = 4, delay = "0s", exit_codes = [75] }
	END
	seq 2 >list
	ends 0
	has_words out "<1> <2>"
}

@test "a worker that reads or answers no more, and stays, is ended after its grace" {
	worker 'case $x in 2) exec >&-; exec sleep 600 ;; 3*) exec <&-; exec sleep 600 ;; *) echo "<$x>" ;; esac' <<-'END'
		workers = 1
		grace = "100ms"
	END
	{
		printf '%s\n' 1 2
		head -c 300000 /dev/zero | tr '\0' 3
		printf '\n%s\n' 4
	} >list
	run timeout 30 "$PAWL" run
	[ "$status" -eq 0 ]
	has_words out "<1> <4>"
	[ "$(grep -c 'ended without an answer' dead)" -eq 2 ]
}

@test "what is written half is no answer" {
	worker 'case $x in 2) printf 2; exit 0 ;; *) echo "<$x>" ;; esac' <<<'workers = 1'
	seq 3 >list
	ends 0
	has_words out "<1> <3>"
	grep -q '"item":"2","reason":"the worker ended without an answer"' dead
}

@test "a worker with all of its input ends by itself; one that does not is ended" {
	worker 'echo "<$x>"' <<<'grace = "200ms"'
	sed -i 's/; done/; done; exec sleep 600/' pawl.toml
	seq 3 >list
	timeout 60 "$PAWL" run
	has_words out "<1> <2> <3>"
}

@test "one large item: a worker takes it while it answers" {
	worker 'echo "${#x}"' <<<'workers = 1'
	{
		echo 1
		head -c 3000000 /dev/zero | tr '\0' x
		echo
		echo 22
	} >list
	timeout 60 "$PAWL" run
	has_words out "1 3000000 2"
}

@test "workers that cannot be started: 11" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		run = ["no-such-program"]
		stdout = "out"
	END
	seq 3 >list
	ends 11
}

@test "with a stage that acts outside no item is handed out twice" {
	worker 'case $x in 5) exit 3 ;; *) echo "<$x>" ;; esac' <<-'END'
		workers = 1
		cache = false
	END
	seq 300 >list
	ends 0
	[ "$(wc -l <../ran)" -eq 300 ]
	[ "$(wc -l <out)" -eq 299 ]
}
