# Goes over the whole grid by sweep.awk, and when it is told to end keeps what is done so far.
# Arguments: the files of awk and its variables.
#
# TERM goes to awk as well, which ends with it: the shell waits for that, then saves.
told=
trap 'told=1' TERM
mkdir -p sweep
awk "$@"
status=$?
if [ -n "$told" ]; then
	"$PAWL" checkpoint
	exit 1
fi
exit "$status"
