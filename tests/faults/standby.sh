#!/bin/sh
# A standby of the PostgreSQL cluster whose socket is in the folder $1, by streaming replication, with
# PostgreSQL's options $2. On
# standard output it says one line: `ready FOLDER` (of its own socket) or `failed WHY`. It lasts until
# standard input ends and leaves nothing behind.
set -u
primary=$1
options=${2:-}
bin=$(cat "$primary/bin")
as=""
[ "$(id -u)" != 0 ] || as="setpriv --reuid=postgres --regid=postgres --init-groups"
cd /
folder=$(mktemp -d "${TMPDIR:-/tmp}/khabar-standby.XXXXXX") || exit 1
leave() {
    $as "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop >/dev/null 2>&1
    cd /
    rm -rf "$folder"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM
trap : PIPE
[ -z "$as" ] || chown postgres: "$folder"
cd "$folder" || exit 1
if $as "$bin/pg_basebackup" -h "$primary" -p 5432 -U khabar -D data -R -X stream -c fast >"$folder/log" 2>&1 &&
    $as "$bin/pg_ctl" -D data -l "$folder/data/log" -s -w -t 60 start \
        -o "-k $folder -c listen_addresses= -c fsync=off -c max_connections=300 $options" >>"$folder/log" 2>&1; then
    echo "ready $folder"
    # A line stops or starts it.
    while read -r word; do
        case $word in
        stop) $as "$bin/pg_ctl" -D data -m immediate -s -w stop >/dev/null 2>&1 ;;
        start) $as "$bin/pg_ctl" -D data -l "$folder/data/log" -s -w -t 60 start \
            -o "-k $folder -c listen_addresses= -c fsync=off -c max_connections=300 $options" >/dev/null 2>&1 ;;
        esac
        echo "done"
    done
else
    echo "failed $(cat "$folder/log" "$folder/data/log" 2>/dev/null | tail -n 5 | tr '\n' ' ')"
fi
