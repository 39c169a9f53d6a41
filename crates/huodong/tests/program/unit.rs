//! The unit for systemd against the program it starts.

use std::path::Path;

use crate::support::succeed;

#[test]
fn the_unit_leaves_a_stop_the_time_that_it_may_take() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/huodong.service");
    let unit = std::fs::read_to_string(path).unwrap();
    let value = |name: &str| {
        unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap()
    };
    let settings: toml::Table = succeed(&["config"]).parse().unwrap();
    let ms = |section: &str, key: &str| settings[section][key].as_integer().unwrap();
    // A callback under way is claimed, posted and recorded.
    let delivery = ms("callbacks", "timeout_ms") + 30_000;
    let longest = ms("server", "drain_ms") + ms("server", "shutdown_grace_ms").max(delivery);
    let allowed = value("TimeoutStopSec").parse::<i64>().unwrap() * 1000;
    assert!(allowed >= longest + 10_000, "{allowed} ms for what may take {longest} ms");
    assert_eq!(value("KillSignal"), "SIGTERM");
    // However long its database is away, it is started again.
    assert_eq!(value("StartLimitIntervalSec"), "0");
    // What was asked wrongly is asked wrongly again.
    assert_eq!(value("RestartPreventExitStatus"), "2");
    assert!(value("ExecStart").contains("/huodong serve --config "));
}
