# Comes first in a worker: what it answers. An item that fails is answered on PAWL_STATUS_FD instead:
# `fail` for good, `retry` for now.

BEGIN { FS = "\t" }

function answer(text) {
	print text
	fflush()
}

function say(word, reason,    to) {
	to = "cat >&" ENVIRON["PAWL_STATUS_FD"]
	print word " " reason | to
	close(to)
}

function fail(reason) { say("fail", reason) }

function retry(reason) { say("retry", reason) }
