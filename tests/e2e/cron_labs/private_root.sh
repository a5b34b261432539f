# A machine for one lab: processes, mounts and control groups of its own. The files are this machine's, read-only; what may
# be written is memory, but for the lab's folder.
#   $1  the lab's folder      $2  a script that sets the cron up, given the new root before anybody lives in it
# `start` in the lab's folder is what runs in the end.
set -e
lab=$1
root=$lab/root
mkdir -p "$root"
mount --make-rprivate /
mount --bind / "$root"
mount -o remount,bind,ro "$root"
for place in tmp var/tmp run dev sys; do
  mount -t tmpfs -o mode=755 none "$root/$place"
done
chmod 1777 "$root/tmp" "$root/var/tmp"
for node in null zero full random urandom tty; do
  : > "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
# /etc without the machine's own jobs.
mkdir "$root/run/etc" "$root/run/etc/cron.d"
for entry in /etc/* /etc/.[!.]*; do
  case ${entry#/etc/} in cron.d|crontab|anacrontab|cron.allow|cron.deny) ;; *) cp -a "$entry" "$root/run/etc" 2>/dev/null || : ;; esac
done
: > "$root/run/etc/crontab"
mount --bind "$root/run/etc" "$root/etc"
# Where the checkout lies in a folder that was just covered, it is seen again.
mkdir -p "$root$CHECKOUT" 2>/dev/null || :
[ -e "$root$CHECKOUT/infra" ] || { mount --bind "$CHECKOUT" "$root$CHECKOUT"; mount -o remount,bind,ro "$root$CHECKOUT"; }
mkdir -p "$root$lab" "$lab/spool/crontabs"
mount --bind "$lab" "$root$lab"
mount --bind "$lab/spool" "$root/var/spool/cron"
. "$2"
mkdir "$root/run/old"
cd "$root"
pivot_root . run/old
umount -l /run/old
rmdir /run/old
cd /
# Nothing of this may ever reach the machine itself.
if touch /usr/.crontopus-lab 2>/dev/null; then echo "the root is writable" >&2; exit 1; fi
exec "$lab/start"
