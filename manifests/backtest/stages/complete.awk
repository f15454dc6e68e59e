# Arguments: the indexes that should be there, then the summary. Fails when one of them is not.

BEGIN {
	FS = ","
	for (i = 1; i < ARGC; i++)
		if (ARGV[i] !~ /\//) {
			index_name[++indexes] = ARGV[i]
			delete ARGV[i]
		}
}

FNR > 1 { present[$1] = 1 }

END {
	for (i = 1; i <= indexes; i++)
		if (!(index_name[i] in present)) {
			print "no result for " index_name[i] > "/dev/stderr"
			missing++
		}
	if (missing)
		exit 1
	print indexes " of " indexes " indexes have a result"
}
