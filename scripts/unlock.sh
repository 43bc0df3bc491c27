#!/bin/sh
# Remove the lock that a killed run left in this folder, unless somebody may be using the folder.
#
#     sh scripts/unlock.sh
#
# Only a lock of the same user is removed, on a disk of this machine, and while no process that has
# to do with Snakemake works in this folder: not a run, nor a job that outlived one. In any other
# case the lock stays, and Snakemake says what to do.
set -eu
locks=.snakemake/locks

[ -n "$(ls "$locks" 2>/dev/null)" ] || exit 0
[ -z "$(find "$locks" ! -user "$(id -u)")" ] || exit 0
df -l . >/dev/null 2>&1 || exit 0 # other machines may run here
[ -r /proc/self/cmdline ] || exit 0

for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef . ] || continue
    case $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") in *snakemake* | *fmstudy*) exit 0 ;; esac
done

rm -r "$locks"
echo "Removed the lock of a run that was killed here."
