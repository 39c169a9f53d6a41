use huodong_campaign::*;

use crate::scene::Scene;
use crate::script::institution_id;

fn create() -> CreateOpenidPage {
    CreateOpenidPage {
        campaign: Some(CampaignNo::from("1")),
        appid: institution_id(0),
        wechat_appid: "wx1".into(),
        sealed_secret: b"sealed".to_vec(),
        return_to: vec!["https://shop.example/".into()],
    }
}

fn update() -> UpdateOpenidPage {
    UpdateOpenidPage { campaign: CampaignNo::from("1"), wechat: None, return_to: None }
}

#[test]
fn a_page_has_a_number_of_its_own_and_an_institution() {
    let mut scene = Scene::coupons();
    let stranger = CreateOpenidPage { appid: institution_id(9), ..create() };
    let unknown = OpenidPageRefusal::UnknownInstitution(institution_id(9));
    assert_eq!(scene.run(stranger), Err(unknown));
    scene.run(create()).unwrap();
    let taken = OpenidPageRefusal::Taken(CampaignNo::from("1"));
    assert_eq!(scene.run(create()), Err(taken));
    scene.run(CreateOpenidPage { campaign: None, ..create() }).unwrap();
    assert_eq!(scene.stored.openid_pages.len(), 2);
}

#[test]
fn a_page_leads_somewhere() {
    let mut scene = Scene::coupons();
    let nowhere = CreateOpenidPage { return_to: Vec::new(), ..create() };
    assert_eq!(scene.run(nowhere), Err(OpenidPageRefusal::ReturnTo));
    scene.run(create()).unwrap();
    let many = UpdateOpenidPage { return_to: Some(vec!["https://a".into(); 21]), ..update() };
    assert_eq!(scene.run(many.clone()), Err(OpenidPageRefusal::ReturnTo));
    let unknown = UpdateOpenidPage { campaign: CampaignNo::from("2"), ..many };
    let refusal = OpenidPageRefusal::Unknown(CampaignNo::from("2"));
    assert_eq!(scene.run(unknown), Err(refusal));
}

#[test]
fn what_is_not_named_stays() {
    let mut scene = Scene::coupons();
    let before = scene.run(create()).unwrap();
    assert_eq!(scene.run(update()), Ok(before.clone()));
    let wechat = Some(("wx2".into(), b"other".to_vec()));
    let after = scene.run(UpdateOpenidPage { wechat, ..update() }).unwrap();
    let expected = OpenidPage {
        wechat_appid: "wx2".into(),
        sealed_secret: b"other".to_vec(),
        ..before.clone()
    };
    assert_eq!(after, expected);
}

#[test]
fn the_audit_log_holds_no_secret_but_says_whose_it_is() {
    let detail = create().detail();
    assert!(detail.contains(r#""wechat_appid":"wx1""#) && !detail.contains("seal"), "{detail}");
    let wechat = Some(("wx2".into(), b"sealed".to_vec()));
    let detail = UpdateOpenidPage { wechat, ..update() }.detail();
    assert_eq!(detail, r#"{"campaign":"1","wechat_appid":"wx2"}"#);
    assert_eq!(update().detail(), r#"{"campaign":"1"}"#);
}
