#!/bin/sh
# Everything docs/performance.md reports, on this machine, in one run: prints a table in Markdown.
#
#   scripts/bench.sh                        # about half an hour, mostly filling the large database
#   ORDERS=1000000 SECONDS_EACH=5 scripts/bench.sh
#   WHAT="bare empty" scripts/bench.sh      # only some parts: bare empty full sync limits postgres
#                                           # coupon callbacks ysepay
#   OWED=100000 WHAT=callbacks scripts/bench.sh
#
# The program must be built (cargo build --release -p huodong). All data goes to a temporary
# directory below TMPDIR (default /tmp), on the disk you want to measure; it is removed at the end.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
huodong=${HUODONG:-$here/../target/release/huodong}
what=${WHAT:-bare empty full sync limits postgres coupon callbacks ysepay}
orders=${ORDERS:-10000000}
connections=${CONNECTIONS:-1 64 256}
export SECONDS_EACH="${SECONDS_EACH:-10}" WARM_UP="${WARM_UP:-2}" CLIENTS="$connections"
threads=${THREADS:-1}
[ -x "$huodong" ] || { echo "bench: build first: cargo build --release -p huodong" >&2; exit 1; }

work=$(mktemp -d "${TMPDIR:-/tmp}/huodong-bench.XXXXXX")
server=
stop_server() {
    [ -n "$server" ] || return 0
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
}
trap 'stop_server; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

HUODONG_MASTER_KEY=$("$huodong" master-key)
export HUODONG_MASTER_KEY
# The generator's application is not limited, and its nonces are many: remember them for a minute.
export HUODONG_GONGYI__FRESHNESS_S=30 HUODONG_GONGYI__NONCES_MAX=64000000
owed=${OWED:-1000000}
export HUODONG_LOG__FORMAT=json HUODONG_LOG__LEVEL=warn,huodong::serve=info

# Starts a server and waits until it says where it listens; sets $address.
start() { # log command…
    log=$1
    shift
    "$@" >"$log" 2>&1 &
    server=$!
    address=
    tries=0
    while [ -z "$address" ]; do
        address=$(sed -n 's/.*\(127\.0\.0\.1:[0-9][0-9]*\).*/\1/p' "$log" | head -n 1)
        kill -0 "$server" 2>/dev/null || { cat "$log" >&2; exit 1; }
        tries=$((tries + 1))
        [ "$tries" -lt 1200 ] || { echo "bench: the server does not start" >&2; exit 1; }
        sleep 0.1
    done
}

field() { # json name
    printf '%s' "$1" | sed -n "s/.*\"$2\":\([0-9.]*\).*/\1/p"
}

row() { # what connections rate p50 p99 max
    printf '| %s | %s | %.0f | %.2f | %.2f | %.2f |\n' "$@"
}

# One load against the running server, at each number of connections.
load() { # name credentials
    for c in $connections; do
        t=$threads
        [ "$t" -le "$c" ] || t=$c
        found=$("$huodong" bench donate --credentials "$2" --base-url "http://$address" \
            --connections "$c" --threads "$t" --duration "$SECONDS_EACH" --warm-up "$WARM_UP" --json)
        case $found in
            *'"codes":{"0":'[0-9]*'}'*) ;;
            *) echo "bench: $1, $c connections: not every answer was code 0: $found" >&2; exit 1 ;;
        esac
        row "$1" "$c" "$(field "$found" accepted_per_s)" "$(field "$found" p50)" \
            "$(field "$found" p99)" "$(field "$found" max)"
    done
}

fill() { # name, then options of bench fill
    name=$1
    shift
    "$huodong" bench fill --data "$work/$name" --credentials "$work/$name.json" "$@" >&2
}

serve() { # name
    start "$work/$1.log" "$huodong" serve --listen 127.0.0.1:0 --data "$work/$1"
}

audit() { # name
    "$huodong" audit --data "$work/$1" >"$work/$1.audit" ||
        { cat "$work/$1.audit" >&2; echo "bench: the books of $1 do not balance" >&2; exit 1; }
}

wanted() { case " $what " in *" $1 "*) return 0 ;; *) return 1 ;; esac }

echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, $(uname -sr)," \
    "$(awk -F ': ' '/model name/ { print $2; exit }' /proc/cpuinfo);" \
    "$SECONDS_EACH s each after $WARM_UP s, the load generator on the same cores"
echo
case " $what " in *" bare "* | *" empty "* | *" full "* | *" sync "* | *" limits "* | *" postgres "*)
    echo "| what | connections | accepted/s | p50 ms | p99 ms | max ms |"
    echo "|---|---|---|---|---|---|" ;;
esac

if wanted bare; then
    fill bare
    start "$work/bare.log" "$huodong" bench bare --listen 127.0.0.1:0
    load "axum route that only parses" "$work/bare.json"
    stop_server
fi
if wanted empty; then
    fill empty
    serve empty
    load "donation, empty database" "$work/empty.json"
    stop_server
    audit empty
fi
if wanted limits; then
    fill limits --user-limits
    serve limits
    load "donation, a limit for each user" "$work/limits.json"
    stop_server
    audit limits
fi
if wanted sync; then
    fill sync
    export HUODONG_STORE__EXTRA_SYNC_US=1000
    serve sync
    load "donation, empty database, 1 ms a sync more" "$work/sync.json"
    stop_server
    unset HUODONG_STORE__EXTRA_SYNC_US
fi
if wanted full; then
    fill full --orders "$orders"
    serve full
    load "donation, $orders orders" "$work/full.json"
    stop_server
    audit full
fi
if wanted postgres; then
    "$here/bench_postgres.sh" >"$work/postgres"
    while read -r c rate p50 p99 max; do
        row "PostgreSQL, row-lock transaction" "$c" "$rate" "$p50" "$p99" "$max"
    done <"$work/postgres"
    EXTRA_SYNC_US=1000 CLIENTS=64 "$here/bench_postgres.sh" >"$work/postgres"
    while read -r c rate p50 p99 max; do
        row "PostgreSQL, 1 ms a flush more (commit_delay)" "$c" "$rate" "$p50" "$p99" "$max"
    done <"$work/postgres"
fi
if wanted coupon; then
    echo
    echo "| coupons, connections | issued/s | of what it can sign | p50 ms | p99 ms | max ms |"
    echo "|---|---|---|---|---|---|"
    fill coupon
    serve coupon
    for c in $connections; do
        t=$threads
        [ "$t" -le "$c" ] || t=$c
        found=$("$huodong" bench coupon --credentials "$work/coupon.json" \
            --base-url "http://$address" --connections "$c" --threads "$t" \
            --duration "$SECONDS_EACH" --warm-up "$WARM_UP" --json)
        case $found in
            *'"codes":{"0":'[0-9]*'}'*) ;;
            *) echo "bench: coupons, $c connections: not every answer was 000000: $found" >&2; exit 1 ;;
        esac
        share=$(field "$found" share_of_signing | awk '{ printf "%.0f %%", $1 * 100 }')
        printf '| %s | %.0f | %s | %.2f | %.2f | %.2f |\n' "$c" "$(field "$found" accepted_per_s)" \
            "$share" "$(field "$found" p50)" "$(field "$found" p99)" "$(field "$found" max)"
    done
    stop_server
    audit coupon
fi
if wanted callbacks; then
    echo
    "$huodong" bench callbacks --data "$work" --seconds "$SECONDS_EACH" --owed "$owed"
fi
if wanted ysepay; then
    for c in $connections; do
        t=$threads
        [ "$t" -le "$c" ] || t=$c
        echo
        "$huodong" bench ysepay --data "$work" --connections "$c" --threads "$t" \
            --duration "$SECONDS_EACH" --warm-up "$WARM_UP"
    done
fi
