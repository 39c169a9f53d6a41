use super::*;

fn load(file: &str, environment: &[(&str, &str)], flags: &[Flag]) -> Result<Config, Failure> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huodong.toml");
    std::fs::write(&path, file).unwrap();
    let environment = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Config::load(Some(&path), environment, flags)
}

#[test]
fn the_default_file_is_the_defaults_and_says_what_the_libraries_say() {
    let config = Config::load(None, [], &[]).unwrap();
    let engine = huodong_engine::EngineOptions::default();
    assert_eq!(config.engine.queue_max, engine.queue_max);
    assert_eq!(config.engine.batch_max, engine.batch_max);
    assert_eq!(config.ysepay.orphan_photos_s, engine.orphan_photos.as_secs());
    let settings = huodong_server::Settings::default();
    assert_eq!(config.gongyi.freshness_s, settings.freshness_s);
    assert_eq!(u128::from(config.server.deadline_ms), settings.deadline.as_millis());
    assert_eq!(config.server.body_bytes_max, settings.body_bytes_max);
    assert_eq!(config.gongyi.nonces_max, settings.nonces_max);
    assert_eq!(config.gongyi.rate_per_s, settings.rate_per_s);
    assert_eq!(u128::from(config.wechat.timeout_ms), settings.wechat_timeout.as_millis());
    assert_eq!(config.wechat.rate_per_s, settings.openid_rate_per_s);
    let lakala = settings.lakala;
    let served = config.lakala_settings();
    assert_eq!(format!("{served:?}"), format!("{lakala:?}"));
    let ysepay = config.ysepay_settings();
    assert_eq!(format!("{ysepay:?}"), format!("{:?}", settings.ysepay));
    let listen = huodong_server::ListenOptions::default();
    assert_eq!(config.server.connections_max, listen.connections_max);
    assert_eq!(u128::from(config.server.shutdown_grace_ms), listen.grace.as_millis());
    assert!(!config.sandbox.controls && !settings.sandbox);
}

#[test]
fn addresses_and_paths_that_cannot_be_served_are_refused_by_name() {
    let message = |file: &str| load(file, &[], &[]).unwrap_err().message;
    let path = message("[lakala]\nissue_path = \"/operator/x\"\n");
    assert!(path.contains("lakala.issue_path") && path.contains("/operator/x"), "{path}");
    let url = message("[server]\npublic_url = \"m.example.com\"\n");
    assert!(url.contains("server.public_url: \"m.example.com\""), "{url}");
    let base = message("[wechat]\napi_base = \"ftp://x\"\n");
    assert!(base.contains("wechat.api_base"), "{base}");
    let zero = message("[callbacks]\ntimeout_ms = 0\n");
    assert!(zero.contains("callbacks.timeout_ms must be above zero"), "{zero}");
}

#[test]
fn every_setting_is_explained_above_it() {
    let mut explained = false;
    for line in DEFAULT.lines() {
        if line.starts_with('#') {
            explained = true;
        } else if line.is_empty() || line.starts_with('[') {
            explained = false;
        } else {
            assert!(explained, "{line} has no comment above it");
        }
    }
}

#[test]
fn flags_win_over_the_environment_which_wins_over_the_file() {
    let file = "[engine]\nqueue_max = 1\nbatch_max = 1\n[gongyi]\nrate_per_s = 1\n";
    let environment = [("HUODONG_ENGINE__QUEUE_MAX", "2"), ("HUODONG_ENGINE__BATCH_MAX", "2")];
    let config = load(file, &environment, &[("engine.batch_max", "3".into())]).unwrap();
    assert_eq!(config.gongyi.rate_per_s, 1);
    assert_eq!(config.engine.queue_max, 2);
    assert_eq!(config.engine.batch_max, 3);
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name() {
    let message = |result: Result<Config, Failure>| result.unwrap_err().message;
    let file = message(load("[server]\nlisten_on = \"x\"\n", &[], &[]));
    assert!(file.ends_with("no such setting: server.listen_on; did you mean server.listen?"));
    let section = message(load("listen = \"x\"\n", &[], &[]));
    assert!(section.ends_with("no such setting: listen; did you mean server.listen?"));
    let moved = message(load("[store]\nfreshness_s = 5\n", &[], &[]));
    assert!(moved.ends_with("did you mean gongyi.freshness_s?"), "{moved}");
    let environment = message(load("", &[("HUODONG_SERVER__LISTN", "x")], &[]));
    assert_eq!(
        environment,
        "environment HUODONG_SERVER__LISTN: no such setting: server.listn; \
         did you mean server.listen?"
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_by_name() {
    let message = |result: Result<Config, Failure>| result.unwrap_err().message;
    let number = message(load("", &[("HUODONG_ENGINE__QUEUE_MAX", "many")], &[]));
    assert!(number.contains("engine.queue_max must be a whole number, not \"many\""));
    let address = message(load("", &[("HUODONG_SERVER__LISTEN", "localhost")], &[]));
    assert!(address.contains("server.listen"), "{address}");
    let negative = message(load("[engine]\nqueue_max = -1\n", &[], &[]));
    assert!(negative.contains("engine.queue_max"), "{negative}");
    let zero = message(load("[engine]\nqueue_max = 0\n", &[], &[]));
    assert!(zero.contains("engine.queue_max must be above zero"));
    let half = message(load("[server]\ntls_cert_file = \"a.pem\"\n", &[], &[]));
    assert!(half.contains("both or neither"));
}
