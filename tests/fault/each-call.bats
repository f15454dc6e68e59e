#!/usr/bin/env bats
# The n-th call of each kind fails, for many n, over a pipeline that takes every way (tests/fault/Pipeline.pm).
# The status says who must act, nothing that was good is gone, and the next run ends as if nothing
# had been. The short version takes calls from all over the run, of each kind that there is;
# FAULT_LONG=1 takes every n (`make fault-long`).

load fault

@test "an input or output error" {
	each_call EIO good 0.5 all
}

@test "no room, no quota, in a pipeline where a stage fails" {
	each_call ENOSPC,EDQUOT bad 0.3 close ficlone mkdir open pwrite rename splice syncfs truncate write
}

@test "no descriptors, no memory" {
	each_call EMFILE,ENOMEM good 0.2 epoll_create epoll_ctl eventfd fcntl getdents mmap open pipe \
		pread read signalfd splice stat timerfd_create
}

@test "interruptions and short transfers change nothing" {
	each_call EINTR,short good 0.2 close epoll_wait ficlone fcntl getdents lock open poll pread pwrite read \
		rename splice stat wait write
}

@test "a rename into another file system" {
	each_call EXDEV good 1 rename
}

@test "a disk that stays full" {
	each_call ENOSPC+ bad 0.4 mkdir open pwrite rename write
}
