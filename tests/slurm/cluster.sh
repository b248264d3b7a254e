#!/usr/bin/env bash
# A Slurm cluster on one machine, for tests: virtual nodes n1, n2, … with fake GPUs, on loopback alone.
# For root on Debian or Ubuntu; needs no systemd.
#
#   cluster.sh missing       name the packages that are missing, and fail if there are any
#   cluster.sh install       install them
#   cluster.sh start|stop    all of it; stop also cancels the jobs
#   cluster.sh up|down NAME  single daemons: munged, mariadbd, slurmdbd, slurmctld, n1, n2, …
#   cluster.sh crash NODE    kill a node's daemon and all that runs there, at once
#
# Environment: BASE (folder for its state), ACCOUNTING (0 or 1: slurmdbd and its database), NODES, GPUS and
# CPUS and MEMORY (MB) of each.
set -euo pipefail

BASE=${BASE:-/tmp/fwp-slurm}
ACCOUNTING=${ACCOUNTING:-0}
NODES=${NODES:-2} GPUS=${GPUS:-2} CPUS=${CPUS:-8} MEMORY=${MEMORY:-32000}
PACKAGES="slurm-wlm slurm-client munge slurmdbd mariadb-server"
HOST=$(hostname -s)
ETC=/etc/slurm # the only place: Snakemake's plugin drops SLURM_CONF
DATABASE=$BASE/run/mysql.sock

wait_for() { # seconds, command: until it succeeds
  local tries=$(($1 * 20)); shift
  until "$@" &> /dev/null; do
    ((tries-- > 0)) || { echo "cluster.sh: waited in vain for: $*" >&2; return 1; }
    sleep 0.05
  done
}

running() { # daemon; one that nobody has reaped yet is not
  local pid state
  pid=$(cat "$BASE/pid/$1" 2> /dev/null) || return 1
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$pid/status" 2> /dev/null)
  [[ -n $state && $state != Z ]]
}
gone() { ! running "$1"; }
no_jobs() { [[ -z $(squeue --noheader) ]]; }
all_idle() {
  [[ $(sinfo --noheader --Node --partition main --states idle,mixed,alloc --format %N | wc -l) == "$NODES" ]] &&
    ! sinfo --noheader --Node --format %T | grep -q '[*]'
}

command_of() {
  case $1 in
    munged) echo setpriv --reuid munge --regid munge --clear-groups munged --foreground ;;
    mariadbd) echo mariadbd --defaults-file="$BASE/etc/my.cnf" --user=mysql ;;
    slurmdbd | slurmctld) echo "$1 -D" ;;
    n*) echo slurmd -D -N "$1" ;;
  esac
}

up() {
  running "$1" && return
  # In a session of its own, so that Ctrl-C of a test does not reach it.
  setsid nohup $(command_of "$1") >> "$BASE/log/$1.out" 2>&1 < /dev/null &
  echo $! > "$BASE/pid/$1"
}

down() {
  running "$1" || return 0
  kill "$(cat "$BASE/pid/$1")"
  wait_for 30 gone "$1" || kill -KILL "$(cat "$BASE/pid/$1")"
}

crash() { # as if the power had failed
  local job pids=
  for job in $(squeue --noheader --nodelist "$1" --format %A); do
    pids+=" $(pgrep --full "^slurmstepd: \[$job\\.")" || true
  done
  kill -KILL "$(cat "$BASE/pid/$1")" $pids
  # What those have started knows where it is.
  pids=$(grep --files-with-matches --null-data --line-regexp "SLURMD_NODENAME=$1" /proc/[0-9]*/environ \
    2> /dev/null | cut -d / -f 3) || true
  kill -KILL $pids 2> /dev/null || true
}

write_config() {
  mkdir -p "$BASE"/{etc,log,pid,run,state,dev,mysql} "$ETC"
  local storage=accounting_storage/none tracking=linuxproc tasks=none memory=yes i
  [[ $ACCOUNTING == 0 ]] || storage=accounting_storage/slurmdbd
  # With memory cgroups a job ends as OUT_OF_MEMORY, here at half of what it has asked for, so that
  # tests of that need less; else Slurm looks once a second.
  [[ -w /sys/fs/cgroup/memory ]] && tracking=cgroup tasks=cgroup || memory=no
  # Nobody tells an srun that waits for the controller that it is back: it asks again after SlurmctldTimeout, or a minute.
  for ((i = 0; i < GPUS; i++)); do
    [[ -e $BASE/dev/nvidia$i ]] || mknod "$BASE/dev/nvidia$i" c 1 3
  done
  cat > "$BASE/etc/slurm.conf" << END
ClusterName=test
SlurmctldHost=$HOST(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
AuthType=auth/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$BASE/state
SlurmdSpoolDir=$BASE/state/%n
SlurmctldPidFile=$BASE/run/slurmctld.pid
SlurmdPidFile=$BASE/run/%n.pid
SlurmctldTimeout=10
SlurmctldLogFile=$BASE/log/slurmctld.log
SlurmdLogFile=$BASE/log/%n.log
SlurmdParameters=config_overrides
ReturnToService=0
MpiDefault=none
SchedulerParameters=bf_interval=5,sched_interval=5
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
KillWait=30
MessageTimeout=60
ProctrackType=proctrack/$tracking
TaskPlugin=task/$tasks
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
$([[ $memory == yes ]] || echo JobAcctGatherParams=OverMemoryKill)
AccountingStorageType=$storage
$([[ $ACCOUNTING == 0 ]] || printf '%s\n' AccountingStorageHost=127.0.0.1 AccountingStoragePort=16819)
$(for ((i = 1; i <= NODES; i++)); do
    echo "NodeName=n$i NodeHostname=$HOST NodeAddr=127.0.0.1 Port=$((17000 + i)) CPUs=$CPUS" \
      "RealMemory=$MEMORY Gres=gpu:$GPUS"
  done)
PreemptType=preempt/partition_prio
PreemptMode=CANCEL
PartitionName=main Nodes=n[1-$NODES] Default=YES MaxTime=1440
PartitionName=urgent Nodes=n[1-$NODES] PriorityTier=2 MaxTime=1440
END
  echo "NodeName=n[1-$NODES] Name=gpu File=$BASE/dev/nvidia[0-$((GPUS - 1))]" > "$BASE/etc/gres.conf"
  cat > "$BASE/etc/cgroup.conf" << END
CgroupAutomount=no
CgroupPlugin=cgroup/v1
CgroupMountpoint=/sys/fs/cgroup
ConstrainRAMSpace=$memory
AllowedRAMSpace=50
END
  cat > "$BASE/etc/my.cnf" << END
[mariadbd]
datadir=$BASE/mysql
socket=$DATABASE
port=13306
bind-address=127.0.0.1
log-error=$BASE/log/mariadb.err
innodb_lock_wait_timeout=900
innodb_flush_log_at_trx_commit=0
skip-name-resolve
END
  install -m 600 /dev/stdin "$BASE/etc/slurmdbd.conf" << END
DbdHost=$HOST
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
AuthType=auth/munge
CommunicationParameters=NoInAddrAny
LogFile=$BASE/log/slurmdbd.log
PidFile=$BASE/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=13306
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm
END
  for i in slurm gres cgroup slurmdbd; do ln -sfn "$BASE/etc/$i.conf" "$ETC/$i.conf"; done
}

sql() { mariadb --socket="$DATABASE" --user=root --execute="$1"; }

start_accounting() {
  chown mysql:mysql "$BASE/run" "$BASE/mysql" "$BASE/log"
  [[ -d $BASE/mysql/mysql ]] || mariadb-install-db --no-defaults --user=mysql --datadir="$BASE/mysql" \
    --auth-root-authentication-method=socket --skip-test-db > "$BASE/log/install.out" 2>&1
  up mariadbd
  wait_for 120 sql "select 1"
  sql "create database if not exists slurm; grant all on slurm.* to slurm@'127.0.0.1' identified by 'slurm'"
  up slurmdbd
  wait_for 120 sacctmgr --noheader list cluster
  {
    sacctmgr --immediate add cluster test
    sacctmgr --immediate add account lab
    sacctmgr --immediate add user root account=lab
  } >> "$BASE/log/sacctmgr.out" 2>&1 || true # they are there already
}

start() {
  missing
  if [[ -e $ETC/slurm.conf && $(readlink "$ETC/slurm.conf") != "$BASE/etc/slurm.conf" ]]; then
    echo "cluster.sh: this machine has a cluster already: $(readlink -f "$ETC/slurm.conf")" >&2
    exit 1
  fi
  stop # what an earlier run may have left
  write_config
  install -d -o munge -g munge -m 755 /run/munge
  install -d -o munge -g munge -m 700 /var/lib/munge /var/log/munge
  up munged
  wait_for 120 munge --no-input --output=/dev/null
  [[ $ACCOUNTING == 0 ]] || start_accounting
  up slurmctld
  wait_for 120 scontrol ping
  for ((i = 1; i <= NODES; i++)); do up "n$i"; done
  wait_for 120 all_idle
}

stop() {
  local i
  if running slurmctld; then
    scancel --user=root
    wait_for 60 no_jobs || true
  fi
  for ((i = 1; i <= NODES; i++)); do down "n$i"; done
  for i in slurmctld slurmdbd mariadbd munged; do down $i; done
  for i in slurm gres cgroup slurmdbd; do
    [[ $(readlink "$ETC/$i.conf") != "$BASE"/* ]] || rm "$ETC/$i.conf"
  done
  rm -rf "$BASE"/{etc,pid,run,state,dev,mysql} # the logs stay
}

install_packages() {
  apt-get update
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $PACKAGES
}

missing() {
  local package absent=()
  for package in $PACKAGES; do
    dpkg-query --show --showformat='${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || absent+=("$package")
  done
  ((${#absent[@]} == 0)) || {
    echo "cluster.sh needs packages: apt-get install -y --no-install-recommends ${absent[*]}" >&2
    return 1
  }
}

case ${1:-} in
  missing | start | stop) "$1" ;;
  install) install_packages ;;
  up | down | crash) for name in "${@:2}"; do "$1" "$name"; done ;;
  *) sed -n '2,/^set /{s/^# \?//;/^set /d;p}' "$0"; exit 2 ;;
esac
