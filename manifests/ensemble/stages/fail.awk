# Comes first in a stage that the parameter 'fail' may name: with -v fail=true it fails when all is read.

END {
	if (fail == "true") {
		print "told to fail by the parameter 'fail'" > "/dev/stderr"
		exit 1
	}
}
