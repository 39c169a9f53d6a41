//! What consult calls SUCCESS, an issue at that instant grants; and the other way round. Both kinds
//! of callers come at once to one activity that has few coupons.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use huodong_campaign::{
    ActivityNo, ActivityStatus, CreateCouponActivity, Fen, FundActivity, NewOffer, PromotionId,
    SetStatus, UserLimits,
};
use huodong_server::seed::{INSTITUTION, PARTNER};
use huodong_wire::ysepay::Api;

use super::partner::{Partner, asking_for, sandbox};
use crate::app::{TestApp, fresh_nonce, with};
use crate::lakala::partner::{Partner as Institution, request_of};

const ACTIVITY: &str = "1300000001";
/// What there is of coupons.
const STOCK: usize = 90;
/// Callers of each kind in one step.
const AT_ONCE: usize = 16;

/// An activity with so many coupons, one for each user.
async fn create(server: &TestApp) {
    let activity_no = ActivityNo::from(ACTIVITY);
    let first = huodong_server::seed::ordinary_coupons().remove(0);
    let template = ActivityNo::from(first.activity_id());
    let template = server.app.engine.read(move |reader| reader.activity(&template)).await;
    let (template, ..) = template.unwrap().unwrap();
    let offer = template.coupon.unwrap();
    server
        .done(CreateCouponActivity {
            activity_no: Some(activity_no.clone()),
            org_no: PARTNER.org_no.into(),
            name: "限量券".to_owned(),
            starts_at: template.starts_at,
            ends_at: template.ends_at,
            limits: UserLimits { count_total: Some(1), ..UserLimits::default() },
            channel: template.channel,
            offer: NewOffer {
                promotion_id: PromotionId::from("WX1623452352312523001"),
                batch_code: offer.batch_code,
                terms: offer.terms,
                issuers: vec![INSTITUTION.appid.into()],
                initiators: offer.initiators,
                merchants: Vec::new(),
                stock: u32::try_from(STOCK).unwrap(),
            },
        })
        .await;
    let money = Fen(1_000_000);
    server.done(FundActivity { activity_no: activity_no.clone(), money }).await;
    server.done(SetStatus { activity_no, status: ActivityStatus::Running }).await;
}

struct Load<'a> {
    server: &'a TestApp,
    /// Issues that were sent.
    sent: AtomicUsize,
    /// Issues that are known to have been granted.
    granted: AtomicUsize,
}

impl Load<'_> {
    /// Issues one; tells what came of it.
    async fn issue(&self, user: &str) -> String {
        let body = with(request_of(ACTIVITY), "channel_openid", user);
        let body = with(body, "promotion_id", "WX1623452352312523001");
        self.sent.fetch_add(1, Ordering::SeqCst);
        let answer = Institution::of(self.server).issue(&body).await;
        let code = answer.data["resCode"].as_str().unwrap().to_owned();
        if code == "000000" {
            self.granted.fetch_add(1, Ordering::SeqCst);
        }
        code
    }

    /// Asks for a user that has none yet, while others are given theirs.
    async fn consult(&self, partner: &Partner<'_>) {
        let granted_before = self.granted.load(Ordering::SeqCst);
        let told = self.ask(partner, &fresh_nonce()).await;
        let sent_after = self.sent.load(Ordering::SeqCst);
        match &*told {
            "SUCCESS" => assert!(granted_before < STOCK, "all were gone before it was asked"),
            "BUDGET_NOT_ENOUGH" => {
                assert!(sent_after >= STOCK, "so many were not even asked for");
            }
            other => panic!("{other}"),
        }
    }

    async fn ask(&self, partner: &Partner<'_>, user: &str) -> String {
        let answer = partner.call(Api::Consult, &asking_for(user, &[ACTIVITY])).await;
        answer.results()[0].to_owned()
    }

    async fn stock_left(&self) -> usize {
        let activity_no = ActivityNo::from(ACTIVITY);
        let found = self.server.app.engine.read(move |reader| reader.activity(&activity_no)).await;
        let (found, ..) = found.unwrap().unwrap();
        usize::try_from(found.coupon.unwrap().stock_left).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn consult_and_issue_agree_under_load() {
    let server = sandbox().await;
    create(&server).await;
    let load = Load { server: &server, sent: AtomicUsize::new(0), granted: AtomicUsize::new(0) };
    let partners = Partner::all(&server);
    let mut served = Vec::new();
    while load.stock_left().await > 0 {
        let users: Vec<_> = (0..AT_ONCE).map(|_| fresh_nonce()).collect();
        let issues = join_all(users.iter().map(|user| load.issue(user)));
        let consults = (0..AT_ONCE).map(|at| load.consult(&partners[at % partners.len()]));
        let (issued, _) = tokio::join!(issues, join_all(consults));
        let granted = users.into_iter().zip(&issued).filter(|(_, code)| *code == "000000");
        served.extend(granted.map(|(user, _)| user));
        assert!(issued.iter().all(|code| ["000000", "300003"].contains(&code.as_str())));
        // While nobody else calls, each says what the other does.
        let left = load.stock_left().await;
        assert_eq!(left, STOCK - load.granted.load(Ordering::SeqCst));
        let (partner, newcomer) = (&partners[left % partners.len()], fresh_nonce());
        let (told, then) = (load.ask(partner, &newcomer).await, load.issue(&newcomer).await);
        let agreed = [("SUCCESS", "000000"), ("BUDGET_NOT_ENOUGH", "300003")];
        assert_eq!((&*told, &*then), agreed[usize::from(left == 0)]);
        let had = served.last().unwrap();
        let (told, then) = (load.ask(partner, had).await, load.issue(had).await);
        let agreed = [("COUNT_OVER_LIMIT", "300004"), ("BUDGET_NOT_ENOUGH", "300003")];
        assert_eq!((&*told, &*then), agreed[usize::from(load.stock_left().await == 0)]);
    }
    assert_eq!(load.granted.load(Ordering::SeqCst), STOCK);
    for partner in &partners {
        assert_eq!(load.ask(partner, &fresh_nonce()).await, "BUDGET_NOT_ENOUGH");
    }
    server.assert_balanced().await;
}
