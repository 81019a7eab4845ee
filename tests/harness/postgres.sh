#!/bin/sh
# A throwaway PostgreSQL cluster. On standard output it says one line: `ready FOLDER` (the folder has
# the socket and a file `bin` that says where the programs are), `absent WHY`, or `failed WHY`. It
# lasts until standard input ends, which is when the process that asked for it ends in whatever way,
# and leaves nothing behind. Its arguments are more of PostgreSQL's own.
set -u

# PostgreSQL refuses to run as root.
as=""
if [ "$(id -u)" = 0 ]; then
    if ! id postgres >/dev/null 2>&1 || ! command -v setpriv >/dev/null; then
        echo "absent root needs the user postgres and setpriv to start it"
        exit 0
    fi
    as="setpriv --reuid=postgres --regid=postgres --init-groups"
fi

cd /
bin=""
on_path=$(command -v initdb) || on_path=""
for initdb in $on_path $(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -rV); do
    candidate=$(dirname "$(readlink -f "$initdb")")
    if $as "$candidate/initdb" --version >/dev/null 2>&1 &&
        $as "$candidate/pg_ctl" --version >/dev/null 2>&1 &&
        "$candidate/createdb" --version >/dev/null 2>&1; then
        bin=$candidate
        break
    fi
done
if [ -z "$bin" ]; then
    echo "absent initdb, pg_ctl and createdb are neither on the PATH nor in /usr/lib/postgresql"
    exit 0
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/khabar-postgres.XXXXXX") || exit 1
leave() {
    $as "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop >/dev/null 2>&1
    cd /
    rm -rf "$folder"
}
trap leave EXIT
trap 'exit 1' HUP INT TERM
# Whoever asked may end before it reads the line: that must not end this without cleaning up.
trap : PIPE
[ -z "$as" ] || chown postgres: "$folder"
cd "$folder" || exit 1
echo "$bin" >bin

# It is thrown away, so nothing has to survive a crash. Some write-ahead log is kept for standbys.
if $as "$bin/initdb" -D data -U khabar -A trust -E UTF8 --locale=C --no-sync >"$folder/log" 2>&1 &&
    $as "$bin/pg_ctl" -D data -l "$folder/data/log" -s -w -t 60 start \
        -o "-k $folder -c listen_addresses= -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300 -c wal_keep_size=512MB $*" \
        >>"$folder/log" 2>&1; then
    echo "ready $folder"
    cat >/dev/null
else
    echo "failed $(cat "$folder/log" "$folder/data/log" 2>/dev/null | tail -n 5 | tr '\n' ' ')"
fi
