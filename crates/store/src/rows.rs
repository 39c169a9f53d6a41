//! Rows as the rules' entities. Each query's first column is the number lists are paged by.

mod coupons;
mod gateway;
mod partners;

use huodong_campaign::{
    Account, AccountId, Activity, Actor, Application, AuditEntry, BidGrant, CouponOffer, Donation,
    DonationKey, Fen, FlowerGrant, FlowerKey, Id, OperatorToken, Organization, Posting, PostingKey,
    PreviousSecret, Project, Transfer,
};

use super::columns::{civil, coded, json, maybe_time, text, time};
use super::errors::corrupt;
use crate::StoreError;
use crate::sql::{Cell, Row};

pub(super) use coupons::{ATTEMPTS, CALLBACKS, COUPONS, attempt, callback, coupon};
pub(super) use gateway::{
    ENROLMENTS, GATEWAY_REQUESTS, INITIATORS, MERCHANTS, PHOTOS, PHOTOS_AND_CONTENTS, enrolment,
    gateway_request, initiator, merchant, photo, photo_and_content,
};
pub(super) use partners::{
    INSTITUTIONS, OPENID_PAGES, PLATFORM_KEYS, institution, openid_page, platform_key,
};

type Mapped<T> = Result<(i64, T), StoreError>;

pub(super) const ORGANIZATIONS: &str =
    "SELECT no, org_no, name, merchant_no, account, created_at FROM organizations";

pub(super) fn organization(row: Row<'_>) -> Mapped<Organization> {
    let organization = Organization {
        org_no: text(row, 1)?,
        name: text(row, 2)?,
        merchant_no: text(row, 3)?,
        account: AccountId(row.get(4)?),
        created_at: time(row, 5)?,
    };
    Ok((row.get(0)?, organization))
}

pub(super) const APPLICATIONS: &str = "SELECT no, appid, org_no, name, sealed_secret, \
    previous_secret, previous_until, status, rate_per_s, flowers_per_day, created_at \
    FROM applications";

pub(super) fn application(row: Row<'_>) -> Mapped<Application> {
    let previous_secret = match (row.get(5)?, maybe_time(row, 6)?) {
        (Some(sealed), Some(valid_until)) => Some(PreviousSecret { sealed, valid_until }),
        (None, None) => None,
        _ => return Err(corrupt("half a previous secret")),
    };
    let application = Application {
        appid: text(row, 1)?,
        org_no: text(row, 2)?,
        name: text(row, 3)?,
        sealed_secret: row.get(4)?,
        previous_secret,
        status: coded(row, 7)?,
        rate_per_s: row.get(8)?,
        flowers_per_day: row.get(9)?,
        created_at: time(row, 10)?,
    };
    Ok((row.get(0)?, application))
}

pub(super) const BIDS: &str = "SELECT no, bid, appid, created_at FROM bids";

pub(super) fn bid(row: Row<'_>) -> Mapped<BidGrant> {
    let grant = BidGrant { bid: text(row, 1)?, appid: text(row, 2)?, created_at: time(row, 3)? };
    Ok((row.get(0)?, grant))
}

pub(super) const PROJECTS: &str = "SELECT no, project_no, name, account, created_at FROM projects";

pub(super) fn project(row: Row<'_>) -> Mapped<Project> {
    let project = Project {
        project_no: text(row, 1)?,
        name: text(row, 2)?,
        account: AccountId(row.get(3)?),
        created_at: time(row, 4)?,
    };
    Ok((row.get(0)?, project))
}

pub(super) const ACTIVITIES: &str = "SELECT a.no, activity_no, org_no, a.kind, name, status, \
    starts_at, ends_at, projects, rules, limits, channel, frozen, held, created_at, \
    promotion_id, batch_code, coupon_terms, issuers, stock_left, spent, initiators, merchants \
    FROM activities a";

pub(super) const ACTIVITIES_AND_BALANCES: &str = "SELECT a.no, activity_no, org_no, a.kind, \
    name, status, starts_at, ends_at, projects, rules, limits, channel, frozen, held, created_at, \
    promotion_id, batch_code, coupon_terms, issuers, stock_left, spent, initiators, merchants, \
    f.balance, h.balance FROM activities a \
    LEFT JOIN accounts f ON f.id = a.frozen LEFT JOIN accounts h ON h.id = a.held";

pub(super) fn activity(row: Row<'_>) -> Mapped<Activity> {
    let activity = Activity {
        activity_no: text(row, 1)?,
        org_no: text(row, 2)?,
        kind: coded(row, 3)?,
        name: text(row, 4)?,
        status: coded(row, 5)?,
        starts_at: time(row, 6)?,
        ends_at: time(row, 7)?,
        projects: json(row, 8)?,
        rules: json(row, 9)?,
        limits: json(row, 10)?,
        channel: json(row, 11)?,
        coupon: offer(row)?,
        frozen: AccountId(row.get(12)?),
        held: AccountId(row.get(13)?),
        created_at: time(row, 14)?,
    };
    Ok((row.get(0)?, activity))
}

pub(super) fn activity_and_balances(row: Row<'_>) -> Mapped<(Activity, Fen, Fen)> {
    let (no, activity) = activity(row)?;
    Ok((no, (activity, Fen(row.get(23)?), Fen(row.get(24)?))))
}

/// What an activity hands out: eight columns from the fifteenth on, all of them or none.
fn offer(row: Row<'_>) -> Result<Option<CouponOffer>, StoreError> {
    let columns = 15..23;
    let missing =
        columns.clone().filter(|column| matches!(row.cell(*column), Ok(Cell::Null))).count();
    if missing == columns.len() {
        return Ok(None);
    }
    if missing > 0 {
        return Err(corrupt("an activity with half an offer"));
    }
    let stock_left = u64::try_from(row.get::<i64>(19)?);
    Ok(Some(CouponOffer {
        promotion_id: text(row, 15)?,
        batch_code: text(row, 16)?,
        terms: json(row, 17)?,
        issuers: json(row, 18)?,
        stock_left: stock_left.map_err(|_| corrupt("an activity with a negative stock"))?,
        spent: AccountId(row.get(20)?),
        initiators: json(row, 21)?,
        merchants: json(row, 22)?,
    }))
}

/// Left joins, so that a donation whose neighbour is gone is seen to be corrupt instead of not
/// being seen.
pub(super) const DONATIONS: &str = "SELECT d.id, b.bid, d.reward_transcode, p.appid, \
    a.activity_no, j.project_no, d.third_uid, d.reward, d.reward_time, d.money, d.status, \
    d.placed_at, d.settle_at, d.changed_at, d.flowers FROM donations d \
    LEFT JOIN bids b ON b.no = d.bid LEFT JOIN applications p ON p.no = d.app \
    LEFT JOIN activities a ON a.no = d.activity LEFT JOIN projects j ON j.no = d.project";

pub(super) fn donation(row: Row<'_>) -> Mapped<Donation> {
    let id = row.get(0)?;
    let donation = Donation {
        id: Id(id),
        key: DonationKey { bid: text(row, 1)?, reward_transcode: text(row, 2)? },
        appid: text(row, 3)?,
        activity_no: text(row, 4)?,
        project_no: text(row, 5)?,
        third_uid: text(row, 6)?,
        reward: row.get(7)?,
        reward_time: civil(row, 8)?,
        money: Fen(row.get(9)?),
        status: coded(row, 10)?,
        placed_at: time(row, 11)?,
        settle_at: maybe_time(row, 12)?,
        changed_at: time(row, 13)?,
        flowers: row.get::<Option<i64>>(14)?.map(Id),
    };
    Ok((id, donation))
}

pub(super) const ACCOUNTS: &str = "SELECT id, kind, owner, balance FROM accounts";

pub(super) fn account(row: Row<'_>) -> Mapped<Account> {
    let id = row.get(0)?;
    let account = Account {
        id: AccountId(id),
        kind: coded(row, 1)?,
        owner: text(row, 2)?,
        balance: Fen(row.get(3)?),
    };
    Ok((id, account))
}

pub(super) const TRANSFERS: &str =
    "SELECT id, from_account, to_account, amount, reason, order_id, at FROM transfers";

pub(super) fn transfer(row: Row<'_>) -> Mapped<Transfer> {
    let id = row.get(0)?;
    let transfer = Transfer {
        id: Id(id),
        from: AccountId(row.get(1)?),
        to: AccountId(row.get(2)?),
        amount: Fen(row.get(3)?),
        reason: coded(row, 4)?,
        order: row.get::<Option<i64>>(5)?.map(Id),
        at: time(row, 6)?,
    };
    Ok((id, transfer))
}

pub(super) const FLOWERS: &str = "SELECT f.id, p.appid, f.trans_code, f.open_id, f.num, \
    f.donation, f.granted_at FROM flowers f LEFT JOIN applications p ON p.no = f.app";

pub(super) fn flower(row: Row<'_>) -> Mapped<FlowerGrant> {
    let id = row.get(0)?;
    let grant = FlowerGrant {
        id: Id(id),
        key: FlowerKey { appid: text(row, 1)?, trans_code: text(row, 2)? },
        open_id: text(row, 3)?,
        num: row.get(4)?,
        donation: row.get::<Option<i64>>(5)?.map(Id),
        granted_at: time(row, 6)?,
    };
    Ok((id, grant))
}

pub(super) const TOKENS: &str =
    "SELECT 0, name, role, digest, created_at, expires_at, revoked_at FROM tokens";

pub(super) fn token(row: Row<'_>) -> Mapped<OperatorToken> {
    let token = OperatorToken {
        name: text(row, 1)?,
        role: coded(row, 2)?,
        digest: row.get(3)?,
        created_at: time(row, 4)?,
        expires_at: maybe_time(row, 5)?,
        revoked_at: maybe_time(row, 6)?,
    };
    Ok((0, token))
}

pub(super) const POSTINGS: &str =
    "SELECT transfer, owner, kind, reference, reason, money FROM postings";

pub(super) fn posting(row: Row<'_>) -> Mapped<Posting> {
    let transfer = row.get(0)?;
    let key = PostingKey { owner: row.get(1)?, kind: coded(row, 2)?, reference: row.get(3)? };
    let (reason, money) = (coded(row, 4)?, Fen(row.get(5)?));
    Ok((transfer, Posting { key, reason, money, transfer: Id(transfer) }))
}

pub(super) const AUDIT: &str = "SELECT id, at, actor, trace_id, action, subject, detail FROM audit";

pub(super) fn audit(row: Row<'_>) -> Mapped<AuditEntry> {
    let id = row.get(0)?;
    let entry = AuditEntry {
        id: Id(id),
        at: time(row, 1)?,
        actor: Actor { name: text(row, 2)?, trace_id: text(row, 3)? },
        action: text(row, 4)?,
        subject: text(row, 5)?,
        detail: text(row, 6)?,
    };
    Ok((id, entry))
}
