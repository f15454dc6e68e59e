#!/usr/bin/env bats
# The n-th call of each kind fails, for many n, over a pipeline that takes every way (tests/fault/Pipeline.pm).
# The status says who must act, nothing that was good is gone, and the next run ends as if nothing
# had been. FAULT_LONG=1 takes every n (`make fault-long`).

setup() {
	: "${PAWL:?is the binary under test, built with V=fault}"
	unset PAWL_RUN_DIR PAWL_RUN_ID PAWL_FAULT PAWL_FAULT_FILE
	here=$BATS_TEST_DIRNAME
	cd "$BATS_TEST_TMPDIR" || return 1
}

each_call() {
	perl "$here/each-call.pl" "$@"
}

@test "an input or output error" {
	each_call EIO good 3 access chdir clone close epoll_create epoll_ctl epoll_wait eventfd fcntl ficlone flock \
		getaffinity getdents getrandom ioctl kill lock madvise mkdir mmap munmap open pipe poll prctl \
		pread pwrite read readlink rename seek signalfd splice stat statfs syncfs timerfd_create \
		timerfd_set truncate unlink wait write
}

@test "no room, no quota, in a pipeline where a stage fails" {
	each_call ENOSPC,EDQUOT bad 3 close ficlone mkdir open pwrite rename splice syncfs truncate write
}

@test "no descriptors, no memory" {
	each_call EMFILE,ENOMEM good 2 clone epoll_create epoll_ctl eventfd fcntl getdents mmap open pipe \
		pread read signalfd splice stat timerfd_create
}

@test "interruptions and short transfers change nothing" {
	each_call EINTR,short good 2 close epoll_wait ficlone fcntl getdents lock open poll pread pwrite read \
		rename splice stat wait write
}

@test "a rename into another file system" {
	each_call EXDEV good 8 rename
}

@test "a disk that stays full" {
	each_call ENOSPC+ bad 5 mkdir open pwrite rename write
}
