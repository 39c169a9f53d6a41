//! Where a shared database is, and whether one is talking to it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use huodong_testing::{Cluster, Postgres, Proxy};
use tempfile::TempDir;

use crate::{Place, Store, StoreError, StoreOptions};

fn open(url: &str) -> Result<Store, StoreError> {
    let options = StoreOptions::of(Place::Postgres(url.parse().unwrap()));
    Store::open(&options).map(|(store, _)| store)
}

/// It is connected to a server that takes writes.
fn writes(store: &mut Store) {
    store.keep().unwrap();
}

#[test]
fn of_several_hosts_the_one_is_used_that_takes_writes() {
    let cluster = Cluster::start();
    let (primary, standby) = (cluster.primary().address(), cluster.standby().address());
    let mut store = open(&cluster.url_through(standby, primary)).unwrap();
    writes(&mut store);
    let mut other = open(&cluster.url_through(primary, standby)).unwrap();
    writes(&mut other);
    let alone = format!("postgres://postgres@{standby}/huodong");
    let refused = open(&alone).unwrap_err();
    assert!(matches!(refused, StoreError::Again(_)), "{refused}");

    // Whoever was connected finds the one that has taken over.
    cluster.stop_primary_at_once();
    cluster.promote_standby();
    writes(&mut store);
    writes(&mut other);
}

#[test]
fn a_host_that_takes_connections_and_says_nothing_keeps_nobody_from_the_next() {
    let server = Postgres::shared();
    let database = server.database();
    let silent = Proxy::to(server.address());
    silent.stall();
    let hosts = format!("{},{}", silent.address(), server.address());
    let (heard, opened) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let name = database.name();
        let store = open(&format!("postgres://postgres@{hosts}/{name}"));
        // Whoever waits has given up otherwise.
        let _ = heard.send(store.map(drop));
    });
    opened.recv_timeout(Duration::from_secs(60)).unwrap().unwrap();
}

#[test]
fn a_server_is_verified_and_one_that_demands_tls_gets_it() {
    let directory = TempDir::new().unwrap();
    let (certificate, key) = self_signed(directory.path(), "server");
    let (another, _) = self_signed(directory.path(), "another");
    let hba = directory.path().join("hba");
    fs::write(&hba, "hostssl all all 127.0.0.1/32 trust\n").unwrap();
    for file in [directory.path(), &certificate, &key, &hba] {
        give_to_server(file);
    }
    let [certificate, key, another, hba] =
        [certificate, key, another, hba].map(|path| path.to_str().unwrap().to_owned());
    let server = Postgres::start_with(&[
        ("ssl", "on"),
        ("ssl_cert_file", &certificate),
        ("ssl_key_file", &key),
        ("hba_file", &hba),
    ]);
    let database = server.database();
    let with = |query: &str| open(&format!("{}?{query}", database.url()));

    let mut store = with(&format!("sslmode=verify-full&sslrootcert={certificate}")).unwrap();
    writes(&mut store);
    let encrypted = "SELECT count(*) > 0, bool_and(ssl) FROM pg_stat_ssl \
                     JOIN pg_stat_activity USING (pid) WHERE application_name = 'huodong'";
    assert_eq!(database.psql(encrypted), "t|t");

    let wrong = with(&format!("sslmode=verify-full&sslrootcert={another}")).unwrap_err();
    assert!(wrong.to_string().contains("certificate"), "{wrong}");
    let unknown = with("sslmode=verify-full").unwrap_err();
    assert!(unknown.to_string().contains("certificate"), "{unknown}");
    let plain = with("sslmode=disable").unwrap_err();
    assert!(plain.to_string().contains("no encryption"), "{plain}");
}

fn self_signed(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) =
        (directory.join(format!("{name}.pem")), directory.join(format!("{name}.key")));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=huodong"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let output = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (certificate, key)
}

/// The server reads files of its own user only, who is another where tests are run by root.
fn give_to_server(path: &Path) {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if fs::metadata(path).unwrap().uid() != 0 {
        return;
    }
    let ids = ["-u", "-g"].map(|which| {
        let output = Command::new("id").args([which, "postgres"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    });
    chown(path, Some(ids[0]), Some(ids[1])).unwrap();
}
