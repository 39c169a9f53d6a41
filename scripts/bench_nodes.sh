#!/bin/sh
# Donations on one hot activity: the row-lock transaction under pgbench, the embedded store, and 1, 2
# and 4 nodes over one PostgreSQL server, one right after the other on this machine. Prints a table in
# Markdown, with the bytes that an order takes in the database.
#
#   scripts/bench_nodes.sh                                  # a few minutes
#   NODES="1 2" CONNECTIONS="64 256" SECONDS_EACH=5 scripts/bench_nodes.sh
#
# The connections are shared out among the nodes: 64 are 16 for each of four. The program must be built
# (cargo build --release -p huodong). Needs PostgreSQL's server programs; as root it runs them as the
# user postgres. All data goes to temporary directories below TMPDIR, and is removed at the end.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
huodong=${HUODONG:-$here/../target/release/huodong}
nodes=${NODES:-1 2 4}
connections=${CONNECTIONS:-64 256}
export SECONDS_EACH="${SECONDS_EACH:-10}" WARM_UP="${WARM_UP:-2}"
bin=${PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)}
[ -x "$huodong" ] || { echo "bench_nodes: build first: cargo build --release -p huodong" >&2; exit 1; }
[ -x "$bin/initdb" ] || { echo "bench_nodes: set PG_BIN to the directory of initdb" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/huodong-nodes.XXXXXX")
mkdir "$work/pg"
if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"
    chown postgres "$work/pg"
    as() { (cd "$work/pg" && runuser -u postgres -- "$@"); }
else
    as() { (cd "$work/pg" && "$@"); }
fi
servers=
stop_servers() {
    for server in $servers; do kill -TERM "$server" 2>/dev/null || true; done
    for server in $servers; do wait "$server" 2>/dev/null || true; done
    servers=
}
end() {
    stop_servers
    as "$bin/pg_ctl" -D "$work/pg/data" -m immediate -w -t 30 stop >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

HUODONG_MASTER_KEY=$("$huodong" master-key)
export HUODONG_MASTER_KEY
# The generator's application is not limited, and its nonces are many: remember them for a minute.
export HUODONG_GONGYI__FRESHNESS_S=30 HUODONG_GONGYI__NONCES_MAX=64000000
export HUODONG_LOG__FORMAT=json HUODONG_LOG__LEVEL=warn,huodong::serve=info

# Starts a server on a database and adds its address to $addresses.
serve() { # database log
    rm -f "$2"
    "$huodong" serve --listen 127.0.0.1:0 --data "$1" >"$2" 2>&1 &
    servers="$servers $!"
    address= tries=0
    while [ -z "$address" ]; do
        address=$(sed -n 's/.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$2" 2>/dev/null | head -n 1)
        kill -0 $! 2>/dev/null || { cat "$2" >&2; exit 1; }
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || { echo "bench_nodes: the server does not start" >&2; exit 1; }
        sleep 0.1
    done
    addresses="$addresses $address"
}

# One load: so many connections in all, shared out among the servers. Adds to $orders.
load() { # what credentials connections
    count=$(echo $addresses | wc -w)
    each=$(($3 / count)) n=0 loads=
    for address in $addresses; do
        n=$((n + 1))
        "$huodong" bench donate --credentials "$2" --base-url "http://$address" \
            --connections "$each" --threads 1 --duration "$SECONDS_EACH" --warm-up "$WARM_UP" \
            --json >"$work/load$n" &
        loads="$loads $!"
    done
    for one in $loads; do wait "$one"; done
    n=0
    while [ $n -lt "$count" ]; do
        n=$((n + 1))
        case $(cat "$work/load$n") in
            *'"codes":{"0":'[0-9]*'}'*) cat "$work/load$n" ;;
            *) echo "bench_nodes: $1: not every answer was code 0: $(cat "$work/load$n")" >&2; exit 1 ;;
        esac
    done >"$work/loads"
    # The rates are summed up; of the latencies the worst node's are shown.
    sed 's/.*"accepted":\([0-9]*\).*"accepted_per_s":\([0-9.]*\).*"max":\([0-9.]*\),"p50":\([0-9.]*\),.*"p99":\([0-9.]*\),.*/\2 \4 \5 \3/' \
        "$work/loads" | awk -v what="$1" -v c="$3" '
        { rate += $1; if ($2 > p50) p50 = $2; if ($3 > p99) p99 = $3; if ($4 > max) max = $4 }
        END { printf "| %s | %s | %.0f | %.2f | %.2f | %.2f |\n", what, c, rate, p50, p99, max }'
}

audit() { # database
    "$huodong" audit --data "$1" >"$work/audit" ||
        { cat "$work/audit" >&2; echo "bench_nodes: the books of $1 do not balance" >&2; exit 1; }
    orders=$(awk '/donations moved the money/ { print $2 }' "$work/audit")
}

echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, $(uname -sr)," \
    "$(awk -F ': ' '/model name/ { print $2; exit }' /proc/cpuinfo);" \
    "$SECONDS_EACH s each after $WARM_UP s, load generators and PostgreSQL on the same cores"
echo
echo "| what | connections | accepted/s | p50 ms | p99 ms | max ms |"
echo "|---|---|---|---|---|---|"
CLIENTS="$connections" "$here/bench_postgres.sh" >"$work/baseline"
while read -r c rate p50 p99 max; do
    printf '| PostgreSQL, row-lock transaction | %s | %.0f | %.2f | %.2f | %.2f |\n' \
        "$c" "$rate" "$p50" "$p99" "$max"
done <"$work/baseline"

"$huodong" bench fill --data "$work/embedded" --credentials "$work/embedded.json" >/dev/null 2>&1
addresses=
serve "$work/embedded" "$work/embedded.log"
for c in $connections; do load "embedded store" "$work/embedded.json" "$c"; done
stop_servers
audit "$work/embedded"
sizes="embedded: $(($(du -sb "$work/embedded" | cut -f 1) / orders)) bytes an order"

as "$bin/initdb" -D "$work/pg/data" -A trust -U bench --no-locale -E UTF8 >/dev/null
port=$(awk 'BEGIN { srand(); print 20000 + int(rand() * 12000) }')
cat >"$work/settings" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = ''
max_connections = 300
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = 2GB
max_wal_size = 16GB
checkpoint_timeout = 30min
CONF
as tee -a "$work/pg/data/postgresql.conf" <"$work/settings" >/dev/null
as "$bin/pg_ctl" -D "$work/pg/data" -l "$work/pg/log" -w -t 30 start >/dev/null
for n in $nodes; do
    as "$bin/createdb" -h 127.0.0.1 -p "$port" -U bench "nodes$n"
    database=postgres://bench@127.0.0.1:$port/nodes$n
    "$huodong" bench fill --data "$database" --credentials "$work/nodes.json" >/dev/null 2>&1
    addresses= i=0
    while [ $i -lt "$n" ]; do
        i=$((i + 1))
        serve "$database" "$work/node$i.log"
    done
    for c in $connections; do load "PostgreSQL, $n nodes" "$work/nodes.json" "$c"; done
    stop_servers
    audit "$database"
    size=$(as "$bin/psql" -qAt -h 127.0.0.1 -p "$port" -U bench -c \
        "SELECT pg_database_size('nodes$n')" postgres)
    sizes="$sizes; $n nodes: $((size / orders)) bytes an order of $orders"
done
echo
echo "$sizes"
