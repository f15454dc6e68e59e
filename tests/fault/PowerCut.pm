# What a disk may hold when the power fails. Only what was there when the last successful syncfs
# began is sure: the picture. Of all that was done since, any part may be there or not, whatever
# the order: a new file whole, empty, cut, with other bytes in it or not at all; a file that was
# written to with any of its old and new blocks; a file that was removed or replaced. What a rename
# is, is kept: a file or folder lies under its old name or its new one, never under both or none. What pawl
# syncs by itself before it goes on is there as it is: the list of effects.
#
#   take_picture(TREE, PICTURE)   a folder `files` numbered by inode, and `list`
#   cut_power(TREE, PICTURE)      makes TREE, which nobody writes to any more, what a disk may hold
#   lose_writes(TREE, PICTURE)    the disk failed and the machine goes on: names are as they were, bytes
#                                 of any file that was written to may be lost as in a power cut
package PowerCut;
use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);

our @EXPORT = qw(take_picture cut_power lose_writes);

my %SYNCED = ('.pawl/effects' => 1);

sub chance { rand() < $_[0] }

sub read_bytes {
	my ($path) = @_;
	open my $in, '<:raw', $path or return undef;
	local $/;
	return scalar(<$in>) // '';
}

sub write_bytes {
	my ($path, $bytes, $mode) = @_;
	unlink $path;
	open my $out, '>:raw', $path or die "$path: $!";
	print $out $bytes;
	close $out or die "$path: $!";
	chmod $mode & 07777, $path;
}

# Path to { ino, type, mode, bytes }. What is no file, folder or link (the control socket) is left out.
sub look {
	my ($top) = @_;
	my %found;
	my @todo = ('');
	while (@todo) {
		my $folder = shift @todo;
		opendir my $dir, "$top/$folder" or next;
		for my $name (readdir $dir) {
			next if $name eq '.' || $name eq '..';
			my $path = $folder eq '' ? $name : "$folder/$name";
			my ($ino, $mode) = (lstat "$top/$path")[1, 2] or next;
			my %entry = (ino => $ino, mode => $mode);
			if (-l _) { @entry{qw(type bytes)} = ('l', readlink "$top/$path") }
			elsif (-d _) { $entry{type} = 'd'; push @todo, $path }
			elsif (-f _) { @entry{qw(type bytes)} = ('f', read_bytes("$top/$path")) }
			next unless $entry{type} && ($entry{type} eq 'd' || defined $entry{bytes});
			$found{$path} = \%entry;
		}
	}
	return \%found;
}

sub take_picture {
	my ($top, $picture) = @_;
	my $found = look($top);
	system('rm', '-rf', $picture);
	make_path("$picture/files");
	open my $list, '>', "$picture/list" or die "$picture: $!";
	for my $path (sort keys %$found) {
		my $entry = $found->{$path};
		printf $list "%s %d %o %s\n", @$entry{qw(type ino mode)}, $path;
		write_bytes("$picture/files/$entry->{ino}", $entry->{bytes}, 0600) if $entry->{type} ne 'd';
	}
	close $list or die "$picture: $!";
}

sub read_picture {
	my ($picture) = @_;
	my %found;
	open my $list, '<', "$picture/list" or return {};
	while (<$list>) {
		my ($type, $ino, $mode, $path) = /^(.) (\d+) (\d+) (.*)$/ or die "$picture: $_";
		$found{$path} = { type => $type, ino => $ino, mode => oct $mode };
		$found{$path}{bytes} = read_bytes("$picture/files/$ino") if $type ne 'd';
	}
	return \%found;
}

# Bytes of a file that was written to since: by blocks, old, new, or nothing that was ever written.
sub mix {
	my ($old, $new) = @_;
	return $new if $old eq $new || chance(0.3);
	return $old if chance(0.3);
	my $block = 256;
	my $long = length($old) > length($new) ? $old : $new;
	my $size = chance(0.5) ? length $new : chance(0.5) ? length $old : int rand(1 + length $long);
	my $bytes = '';
	for (my $at = 0; $at < $size; $at += $block) {
		my ($a, $b) = map { $at < length $_ ? substr($_, $at, $block) : '' } $old, $new;
		my $part = $a eq $b ? $a : chance(0.4) ? $b : chance(0.5) && $a ne '' ? $a : "\0" x $block;
		# What was on the disk before and was not touched is there.
		my $same = 0;
		$same++ while $same < length $a && $same < length $b && substr($a, $same, 1) eq substr($b, $same, 1);
		substr($part, 0, $same) = substr($a, 0, $same) if $same;
		$part .= "\0" x ($block - length $part) if $at + $block < $size;
		$bytes .= $part;
	}
	return substr($bytes, 0, $size);
}

sub garble {
	my ($bytes) = @_;
	my $way = rand;
	return $bytes if $way < 0.4;
	return '' if $way < 0.6;
	return "\0" x length $bytes if $way < 0.7;
	return mix('', $bytes);
}

# Paths whose fate is one: two names of one file or folder, and all below a folder that moved.
sub groups {
	my ($old, $new) = @_;
	my %up;
	my $top;
	$top = sub {
		my ($path) = @_;
		$path = $up{$path} while defined $up{$path} && $up{$path} ne $path;
		return $path;
	};
	my $join = sub { my ($a, $b) = map { $top->($_) } @_; $up{$a} = $b if $a ne $b };
	my %now = map { $new->{$_}{ino} . $new->{$_}{type} => $_ } keys %$new;
	for my $path (keys %$old) {
		my $other = $now{ $old->{$path}{ino} . $old->{$path}{type} };
		next if !defined $other || $other eq $path;
		$join->($path, $other);
		next if $old->{$path}{type} ne 'd';
		$join->($_, $path) for grep { index($_, "$path/") == 0 || index($_, "$other/") == 0 } keys %$old, keys %$new;
	}
	return $top;
}

sub cut_power {
	my ($tree, $picture) = @_;
	my ($old, $new) = (read_picture($picture), look($tree));
	my $group = groups($old, $new);
	my %durable = map { $old->{$_}{ino} . $old->{$_}{type} => $old->{$_} } keys %$old;
	my (%lost, %disk);
	my %all = (%$old, %$new);
	for my $path (sort keys %all) {
		if ($SYNCED{$path}) {
			$disk{$path} = $new->{$path} if $new->{$path};
			next;
		}
		my $which = $group->($path);
		$lost{$which} = chance(0.4) unless exists $lost{$which};
		my $entry = $lost{$which} ? $old->{$path} : $new->{$path};
		if (!$entry) {
			next;
		}
		my %is = %$entry;
		my $was = $durable{ $is{ino} . $is{type} };
		if (!$was) {
			# A new name that did not reach the disk; folders come with what is in them.
			next if chance(0.3) && $is{type} ne 'd';
			$is{bytes} = garble($is{bytes}) if $is{type} eq 'f';
		} elsif ($is{type} eq 'f' && exists $new->{$path} && $new->{$path}{ino} == $is{ino}) {
			$is{bytes} = mix($was->{bytes}, $new->{$path}{bytes});
		}
		$disk{$path} = \%is;
	}
	build($tree, \%disk, $new);
}

# In place: whoever has the file open goes on with it.
sub write_over {
	my ($path, $bytes, $mode) = @_;
	chmod 0600, $path;
	open my $out, '+<:raw', $path or die "$path: $!";
	print $out $bytes;
	truncate $out, length $bytes or die "$path: $!";
	close $out or die "$path: $!";
	chmod $mode & 07777, $path;
}

sub lose_writes {
	my ($tree, $picture) = @_;
	my ($old, $new) = (read_picture($picture), look($tree));
	my %durable = map { $_->{ino} => $_->{bytes} } grep { $_->{type} eq 'f' } values %$old;
	for my $path (sort keys %$new) {
		my ($bytes, $was) = ($new->{$path}{bytes}, $durable{ $new->{$path}{ino} });
		next if $new->{$path}{type} ne 'f' || $SYNCED{$path} || defined $was && $was eq $bytes;
		my $is = defined $was ? mix($was, $bytes) : garble($bytes);
		write_over("$tree/$path", $is, $new->{$path}{mode}) if $is ne $bytes;
	}
}

# The tree as it is to be. A file that is as it was stays, with its times.
sub build {
	my ($tree, $disk, $new) = @_;
	for my $path (sort { length $b <=> length $a } keys %$new) {
		my ($is, $was) = ($disk->{$path}, $new->{$path});
		next if $is && $is->{type} eq $was->{type} && ($is->{type} eq 'd' || $is->{bytes} eq $was->{bytes});
		$was->{type} eq 'd' ? rmdir "$tree/$path" : unlink "$tree/$path";
	}
	for my $path (sort keys %$disk) {
		my $is = $disk->{$path};
		my $parent = "$tree/$path";
		$parent =~ s{/[^/]*$}{};
		unlink $parent if -l $parent || -f $parent;
		make_path($parent) unless -d $parent;
		if ($is->{type} eq 'd') { make_path("$tree/$path") unless -d "$tree/$path" }
		elsif (-l "$tree/$path" || -e "$tree/$path") { next }
		elsif ($is->{type} eq 'l') { symlink $is->{bytes}, "$tree/$path" or die "$path: $!" }
		else { write_bytes("$tree/$path", $is->{bytes}, $is->{mode}) }
	}
}

1;
