#!/bin/sh
# Remove the lock that a killed run left in this folder, unless something may be using the folder.
#
#     sh scripts/unlock.sh
#
# The lock must belong to this user, the file system must be one that a single machine uses, and no
# process of Snakemake may be working in this folder: neither a run nor a job that outlived one.
# Otherwise the lock stays, and Snakemake says what to do.
set -eu
locks=.snakemake/locks

[ -n "$(ls "$locks" 2>/dev/null)" ] || exit 0
[ -z "$(find "$locks" ! -user "$(id -u)")" ] || exit 0
case $(stat -f -c %T . 2>/dev/null) in
ext2/ext3 | xfs | btrfs | zfs | f2fs | bcachefs | jfs | tmpfs | overlayfs) ;;
*) exit 0 ;; # other machines, or the host of this virtual one, may run here
esac
[ -r /proc/self/cmdline ] || exit 0

for process in /proc/[0-9]*; do
    [ "$process/cwd" -ef . ] || continue
    case $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") in *snakemake* | *fmstudy*) exit 0 ;; esac
done

rm -r "$locks"
echo "Removed the lock of a run that was killed here."
