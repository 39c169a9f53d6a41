use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::at;

fn serial(serial: &str) -> PlatformSerial {
    PlatformSerial::from(serial)
}

fn add(text: &str, purpose: KeyPurpose) -> AddPlatformKey {
    AddPlatformKey {
        serial: serial(text),
        purpose,
        certificate: "certificate".to_owned(),
        sealed_key: b"sealed".to_vec(),
        not_after: at(2_000_000_000),
    }
}

fn sign_with(text: &str) -> SignWith {
    SignWith { serial: serial(text) }
}

fn retire(text: &str) -> RetireKey {
    RetireKey { serial: serial(text) }
}

/// Two reply keys, a and b, and a notify key, n; a signs.
fn keys() -> Scene {
    let mut scene = Scene::instant();
    for (text, purpose) in
        [("a", KeyPurpose::Reply), ("b", KeyPurpose::Reply), ("n", KeyPurpose::Notify)]
    {
        scene.run(add(text, purpose)).unwrap();
    }
    scene
}

fn statuses(scene: &Scene) -> Vec<KeyStatus> {
    scene.stored.platform_keys.values().map(|key| key.status).collect()
}

use KeyStatus::{Published, Retired, Signing};

#[test]
fn the_first_key_of_a_purpose_signs_at_once_and_a_further_one_when_told() {
    let mut scene = keys();
    assert_eq!(statuses(&scene), [Signing, Published, Signing]);
    assert_eq!(scene.run(sign_with("b")).unwrap().status, Signing);
    assert_eq!(statuses(&scene), [Published, Signing, Signing], "one for each purpose");
    scene.run(sign_with("b")).unwrap();
    assert_eq!(statuses(&scene), [Published, Signing, Signing], "told twice");
    scene.run(sign_with("a")).unwrap();
    assert_eq!(statuses(&scene), [Signing, Published, Signing], "and back");
}

#[test]
fn a_key_that_signs_is_not_retired_and_a_retired_one_signs_no_more() {
    let mut scene = keys();
    assert_eq!(scene.run(retire("a")), Err(PlatformKeyRefusal::Signs(serial("a"))));
    assert_eq!(scene.run(retire("n")), Err(PlatformKeyRefusal::Signs(serial("n"))));
    assert_eq!(scene.run(retire("b")).unwrap().status, Retired);
    let retired = PlatformKeyRefusal::Retired(serial("b"));
    assert_eq!(scene.run(retire("b")), Err(retired.clone()));
    assert_eq!(scene.run(sign_with("b")), Err(retired));
    assert_eq!(statuses(&scene), [Signing, Retired, Signing]);
}

#[test]
fn a_serial_number_is_taken_for_ever() {
    let mut scene = keys();
    scene.run(retire("b")).unwrap();
    let taken = Err(PlatformKeyRefusal::Taken(serial("b")));
    assert_eq!(scene.run(add("b", KeyPurpose::Notify)), taken);
    let unknown = PlatformKeyRefusal::Unknown(serial("x"));
    assert_eq!(scene.run(sign_with("x")), Err(unknown.clone()));
    assert_eq!(scene.run(retire("x")), Err(unknown));
}

#[test]
fn the_audit_log_holds_no_key() {
    let detail = add("a", KeyPurpose::Reply).detail();
    assert!(!detail.contains("sealed"), "{detail}");
    assert!(detail.contains(r#""serial":"a","purpose":"reply""#), "{detail}");
}
