#!/usr/bin/env bats
# Streams whose items fail: what a worker says instead of an answer, and a breaker that opens and closes.

load run

@test "a worker in sh fails an item, or asks for another try, on PAWL_STATUS_FD" {
	manifest <<-'END'
		[stage.s]
		each = { lines = "list" }
		mode = "worker"
		queue = 1
		run = '''
		while IFS= read -r x; do
			case $x in
			bad) echo "fail is bad" >&$PAWL_STATUS_FD ;;
			busy) if [ -e ../tried ]; then echo good; else : >../tried; echo "retry later" >&$PAWL_STATUS_FD; fi ;;
			*) echo "<$x>" ;;
			esac
		done
		'''
		stdout = "out"
		retry = { max = 1, delay = "1ms" }
		dead_letter = "dead"
	END
	printf '%s\n' one bad busy two >list
	ends 0
	[ "$(paste -sd ' ' out)" = "<one> good <two>" ]
	"$PAWL" events latest | grep -q '"metrics":{"dead":1,"filtered":0,"items":4,"repeated":0,"retried":1}'
	[ "$(cat dead)" = '{"item":"bad","reason":"is bad","cause":"exit","attempts":1}' ]
}

@test "a breaker that fails items while it is open lets a probe through, and the others wait for it" {
	manifest <<-'END'
		[breaker.b]
		min_calls = 2
		open_for = "100ms"
		when_open = "fail"

		[stage.s]
		each = { lines = "list" }
		run = 'cat; [ -e ../up ]'
		stdout = "out"
		workers = 2
		breaker = "b"
	END
	seq 20 >list
	ends 1
	says "breaker   b is open"
	touch ../up
	again() {
		[ -e out ] || {
			"$PAWL" run >../said 2>&1 || grep -q "circuit breaker is open" ../said || return 2
			false
		}
	}
	wait_until again
	grep -q "b lets one through" ../said
	[ "$(paste -sd ' ' out)" = "$(seq 20 | paste -sd ' ' -)" ]
}

@test "a stage that acts on the outside does nothing for a producer that may still fail" {
	manifest <<-'END'
		[stage.acts]
		each = { stage = "lines" }
		run = ": >>../acted"

		[stage.lines]
		run = "echo 1; until [ -e ../ahead ]; do sleep 0.01; done; exit 3"
		stdout = "list"

		[stage.ahead]
		each = { stage = "lines" }
		run = "cat; : >../ahead"
		stdout = "out"
	END
	ends 1
	says "failed    lines: exit 3"
	[ ! -e ../acted ]
}
