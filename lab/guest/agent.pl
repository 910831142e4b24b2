#!/usr/bin/perl
# The command agent of a lab node, and its process 1: runs scripts for the lab, reaps everything.
#
# One request a connection: a header line with lengths in bytes, then that many bytes.
#   RUN <script> <input>         run with bash; frames of output, then the exit code
#   SPAWN <script> <logfile>     start in its own session, answer its pid at once
#   WRITE <path> <text> <mode>   replace a file (mode in octal), flushed to the disk
#   READ <path>                  the file's bytes
#   TALK <socket> <request>      sends the request to a Unix socket; its answer until it closes
# Reply: 'O <n>' or 'E <n>' and n bytes (standard output, standard error), at last 'X <code>'.
# A RUN whose connection closes early is killed with its whole session.
use strict;
use warnings;
use Socket;
use IO::Handle;
use POSIX ();
use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use Errno qw(EAGAIN EINTR);

use constant { CHUNK_BYTES => 65536, OUTPUT_BYTES_MAX => 1 << 20, REQUEST_BYTES_MAX => 64 << 20 };

my ($address, $port) = @ARGV;
my %clients;   # by file number of the connection
my %by_pid;    # clients whose script is running
$SIG{PIPE} = 'IGNORE';
$SIG{INT} = 'IGNORE';

pipe(my $wake_read, my $wake_write) or die "pipe: $!";
nonblocking($_) for $wake_read, $wake_write;
$SIG{CHLD} = sub { syswrite($wake_write, 'c') };

socket(my $listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
bind($listener, sockaddr_in($port, inet_aton($address))) or die "bind $address:$port: $!";
listen($listener, 64) or die "listen: $!";
nonblocking($listener);
syswrite(STDOUT, "tandem-lab: ready\n");

sub nonblocking { fcntl($_[0], F_SETFL, fcntl($_[0], F_GETFL, 0) | O_NONBLOCK) }

sub frame { my ($client, $kind, $bytes) = @_;
  $client->{out} .= "$kind " . length($bytes) . "\n$bytes" if length $bytes }

sub finish { my ($client, $code) = @_; $client->{out} .= "X $code\n"; $client->{done} = 1 }

# Forks a session leader with the given three files that becomes bash running the script.
sub start { my ($script, $in, $out, $err) = @_;
  my $pid = fork;
  return $pid if !defined $pid || $pid;
  POSIX::setsid();
  POSIX::dup2(fileno($in), 0); POSIX::dup2(fileno($out), 1); POSIX::dup2(fileno($err), 2);
  $SIG{$_} = 'DEFAULT' for qw(PIPE INT CHLD);
  exec('/bin/bash', '-c', $script) or POSIX::_exit(127);
}

sub run { my ($client, $script, $input) = @_;
  open(my $in, '+>', undef) or return finish($client, 126);
  syswrite($in, $input) if length $input;
  sysseek($in, 0, 0);
  pipe(my $out_read, my $out_write); pipe(my $err_read, my $err_write);
  my $pid = start($script, $in, $out_write, $err_write);
  if (!defined $pid) { frame($client, 'E', "fork: $!\n"); return finish($client, 126) }
  nonblocking($_) for $out_read, $err_read;
  $client->{pid} = $pid;
  $client->{pipes} = { O => $out_read, E => $err_read };
  $by_pid{$pid} = $client;
}

sub spawn { my ($client, $script, $log) = @_;
  open(my $in, '<', '/dev/null');
  if (!open(my $out, '>>', $log)) { frame($client, 'E', "$log: $!\n"); finish($client, 1) }
  else {
    my $pid = start($script, $in, $out, $out);
    frame($client, 'O', $pid // '');
    finish($client, defined $pid ? 0 : 126);
  }
}

sub replace_file { my ($client, $path, $text, $mode) = @_;
  my $temporary = "$path.lab-new";
  my $file;
  my $written = open($file, '>', $temporary)
    && chmod(oct $mode, $temporary)
    && (!length $text || (syswrite($file, $text) // -1) == length $text)
    && $file->sync && close($file) && rename($temporary, $path);
  frame($client, 'E', "$path: $!\n") if !$written;
  finish($client, $written ? 0 : 1);
}

sub read_file { my ($client, $path) = @_;
  if (!open(my $file, '<', $path)) { frame($client, 'E', "$path: $!\n"); finish($client, 1) }
  else { local $/; frame($client, 'O', <$file> // ''); finish($client, 0) }
}

# Without a fork: a program that only passes the bytes on would cost more than the answer.
sub talk { my ($client, $path, $request) = @_;
  socket(my $socket, PF_UNIX, SOCK_STREAM, 0);
  nonblocking($socket);
  my $asked = connect($socket, sockaddr_un($path))
    && (syswrite($socket, $request) // -1) == length $request;
  if (!$asked) { frame($client, 'E', "$path: $!\n"); return finish($client, 1) }
  $client->{pipes} = { O => $socket };
}

my %verbs = (
  RUN => \&run, SPAWN => \&spawn, WRITE => \&replace_file, READ => \&read_file, TALK => \&talk,
);

# Starts the request once its header and all its bytes have arrived.
sub parse { my ($client) = @_;
  return if $client->{started} || $client->{in} !~ /\A([A-Z]+)((?: \d+)+)\n/;
  my ($verb, @numbers) = ($1, split ' ', $2);
  my $mode = $verb eq 'WRITE' ? pop @numbers : undef;
  my $offset = $+[0];
  my $total = $offset;
  $total += $_ for @numbers;
  return if length($client->{in}) < $total && $total < REQUEST_BYTES_MAX;
  my @parts;
  for my $bytes (@numbers) {
    push @parts, substr($client->{in}, $offset, $bytes);
    $offset += $bytes;
  }
  $client->{started} = 1;
  $client->{in} = '';
  $verbs{$verb} ? $verbs{$verb}->($client, @parts, $mode) : finish($client, 125);
}

# Moves what a script has written so far into the reply.
sub drain { my ($client, $kind) = @_;
  while (length($client->{out}) < OUTPUT_BYTES_MAX || $client->{code}) {
    my $bytes = sysread($client->{pipes}{$kind}, my $chunk, CHUNK_BYTES);
    next if !defined $bytes && $! == EINTR;
    return if !defined $bytes && $! == EAGAIN;
    if (!$bytes) {
      delete $client->{pipes}{$kind};
      finish($client, 0) if !$client->{pid}; # the end of a talk; a script is over when it is reaped
      return;
    }
    frame($client, $kind, $chunk);
  }
}

sub reap {
  while ((my $pid = waitpid(-1, POSIX::WNOHANG())) > 0) {
    my $status = $?;
    my $client = delete $by_pid{$pid} or next;
    $client->{code} = 1;
    drain($client, $_) for keys %{ $client->{pipes} };
    $client->{pipes} = {};
    finish($client, $status & 127 ? 128 + ($status & 127) : $status >> 8);
  }
}

sub drop { my ($client) = @_;
  if (!$client->{done} && $client->{pid}) {
    kill 'KILL', -$client->{pid};
    delete $by_pid{ $client->{pid} };
  }
  delete $clients{ fileno $client->{socket} };
  close $client->{socket};
}

sub receive { my ($client) = @_;
  my $bytes = sysread($client->{socket}, my $chunk, CHUNK_BYTES);
  if (!defined $bytes) { drop($client) if $! != EAGAIN && $! != EINTR; return }
  return drop($client) if $bytes == 0;
  $client->{in} .= $chunk;
  parse($client);
}

sub send_reply { my ($client) = @_;
  my $bytes = syswrite($client->{socket}, $client->{out});
  if (!defined $bytes) { drop($client) if $! != EAGAIN && $! != EINTR; return }
  substr($client->{out}, 0, $bytes) = '';
  drop($client) if $client->{done} && !length $client->{out};
}

while (1) {
  my ($readable, $writable) = ('', '');
  vec($readable, fileno($_), 1) = 1 for $listener, $wake_read;
  for my $client (values %clients) {
    vec($readable, fileno($client->{socket}), 1) = 1 unless $client->{done};
    vec($writable, fileno($client->{socket}), 1) = 1 if length $client->{out};
    next if length($client->{out}) >= OUTPUT_BYTES_MAX;
    vec($readable, fileno($_), 1) = 1 for values %{ $client->{pipes} };
  }
  next if select($readable, $writable, undef, undef) < 0;
  if (vec($readable, fileno($wake_read), 1)) { sysread($wake_read, my $dust, 4096); reap() }
  if (vec($readable, fileno($listener), 1) && accept(my $socket, $listener)) {
    nonblocking($socket);
    setsockopt($socket, Socket::IPPROTO_TCP(), Socket::TCP_NODELAY(), 1);
    $clients{ fileno $socket } =
      { socket => $socket, in => '', out => '', pipes => {}, done => 0, code => 0 };
  }
  my @all = values %clients;
  for my $client (@all) {
    my $number = fileno $client->{socket};
    for my $kind (keys %{ $client->{pipes} }) {
      my $pipe = $client->{pipes}{$kind};
      drain($client, $kind) if vec($readable, fileno($pipe), 1);
    }
    receive($client) if vec($readable, $number, 1);
    send_reply($client) if defined fileno($client->{socket}) && length $client->{out};
  }
}
