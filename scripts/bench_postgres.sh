#!/bin/sh
# The PostgreSQL baseline: the row-lock transaction in pgbench/donate.sql, with fsync on, at each
# number of clients. Prints one line for each: clients, transactions a second, median, p99 and
# largest latency in milliseconds. Needs PostgreSQL's server programs; as root it runs them as the
# user postgres, since PostgreSQL does not run as root.
#
#   CLIENTS="1 64 256" SECONDS_EACH=10 EXTRA_SYNC_US=0 scripts/bench_postgres.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
clients=${CLIENTS:-1 64 256}
seconds=${SECONDS_EACH:-10}
warm_up=${WARM_UP:-2}
# A slower disk: the leader of each group of commits waits this long before it flushes.
extra_sync_us=${EXTRA_SYNC_US:-0}
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
[ -x "$bin/pgbench" ] || { echo "bench_postgres: set PG_BIN to the directory of initdb and pgbench" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/huodong-pg.XXXXXX")
cp "$here"/pgbench/*.sql "$work"
if [ "$(id -u)" = 0 ]; then
    chown -R postgres "$work"
    as() { (cd "$work" && runuser -u postgres -- "$@"); }
else
    as() { (cd "$work" && "$@"); }
fi
stop() {
    as "$bin/pg_ctl" -D "$work/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 130' INT TERM

as "$bin/initdb" -D "$work/data" -A trust -U bench --no-locale -E UTF8 >/dev/null
# A Unix socket in our own directory: no port to collide with, and the fastest way in.
cat >"$work/settings" <<CONF
listen_addresses = ''
unix_socket_directories = '$work'
max_connections = 300
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 2GB
max_wal_size = 16GB
checkpoint_timeout = 30min
commit_delay = $extra_sync_us
commit_siblings = 0
CONF
cat "$work/settings" >>"$work/data/postgresql.conf"
as "$bin/pg_ctl" -D "$work/data" -l "$work/log" -w -t 30 start >/dev/null
as "$bin/createdb" -h "$work" -U bench bench
as "$bin/psql" -q -h "$work" -U bench -v ON_ERROR_STOP=1 -f "$work/schema.sql" bench

run() { # clients seconds log-prefix
    as "$bin/pgbench" -n -M prepared -h "$work" -U bench -f "$work/donate.sql" \
        -c "$1" -j "$(($1 > 1 ? 2 : 1))" -T "$2" -l --log-prefix="$work/$3" bench \
        2>"$work/pgbench.err" || { cat "$work/pgbench.err" >&2; return 1; }
}
for c in $clients; do
    run "$c" "$warm_up" warm >/dev/null
    run "$c" "$seconds" "run$c" >"$work/report"
    tps=$(awk '/^tps/ { print $3 }' "$work/report")
    # The third column of pgbench's log is the transaction's time in µs.
    cat "$work/run$c".* | awk '{ print $3 }' | sort -n >"$work/sorted"
    awk -v c="$c" -v tps="$tps" '
        { v[NR] = $1 }
        function ms(p) { i = int(NR * p); if (i < 1) i = 1; return v[i] / 1000 }
        END { printf "%s %.0f %.2f %.2f %.2f\n", c, tps, ms(.5), ms(.99), v[NR] / 1000 }' "$work/sorted"
    rm -f "$work/run$c".* "$work/warm".*
done
# The baseline must have done its work, or its rate means nothing.
as "$bin/psql" -qAt -h "$work" -U bench -v ON_ERROR_STOP=1 bench >"$work/check" <<'SQL'
SELECT (SELECT 4000000000000000 - balance FROM activity) = (SELECT sum(money) FROM donation)
   AND (SELECT sum(amount) FROM ledger) = 0 AND (SELECT count(*) FROM ledger) = 2 * (SELECT count(*) FROM donation);
SQL
[ "$(cat "$work/check")" = t ] || { echo "bench_postgres: the baseline's books do not balance" >&2; exit 1; }
