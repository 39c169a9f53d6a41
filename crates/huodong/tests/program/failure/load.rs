//! Callers who do not give up: what they send, what they are told, and whether it holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use huodong_client::lakala::{Client, Error, IssueData};
use huodong_wire::gongyi::Api;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::node::Node;
use super::site::{Behind, Site, everything_happens};
use crate::support::{Caller, Dice, PATIENCE, code, is_retryable};

const DONORS: usize = 12;
const ISSUERS: usize = 3;
const INSTANT: &str = "100001";
const DEFERRED: &str = "100005";

/// How soon a caller that was refused comes again.
const PAUSE: Duration = Duration::from_millis(20);
/// How long a caller's own pause between coupons is: there are a thousand.
const COUPON_PAUSE: Duration = Duration::from_millis(60);

/// Callers at work.
pub(super) struct Load {
    site: Arc<Site>,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    began: Instant,
    stop: AtomicBool,
    next: AtomicU64,
    nodes: Mutex<Vec<Door>>,
    book: Mutex<Book>,
}

/// A node as its callers know it.
#[derive(Clone)]
struct Door {
    caller: Caller,
    institution: Arc<Client>,
    /// It may not answer at all.
    may_be_gone: Arc<AtomicBool>,
    /// When it last did what it was asked, in milliseconds of the load.
    well_at: Arc<AtomicU64>,
}

/// What callers know.
#[derive(Default)]
struct Book {
    /// Each donation that was sent, and the first answer.
    donations: HashMap<u64, Option<Value>>,
    /// The same of coupons.
    coupons: HashMap<String, Option<IssueData<'static>>>,
    /// How often which refusal was heard.
    refusals: BTreeMap<String, u64>,
    /// How long the slowest answer took.
    slowest: Duration,
    /// How long nobody was told of a success.
    longest_gap: Duration,
    success_at: Duration,
}

impl Load {
    pub(super) fn begin(site: &Arc<Site>, nodes: &[&Node]) -> Self {
        let shared = Arc::new(Shared {
            began: Instant::now(),
            stop: AtomicBool::new(false),
            next: AtomicU64::new(0),
            nodes: Mutex::default(),
            book: Mutex::default(),
        });
        let mut load = Self { site: Arc::clone(site), shared, tasks: JoinSet::new() };
        nodes.iter().for_each(|node| load.add(node));
        for number in 0..DONORS {
            load.tasks.spawn(donate_on(Arc::clone(&load.shared), Dice(number as u64)));
        }
        for number in 0..ISSUERS {
            let (site, shared) = (Arc::clone(site), Arc::clone(&load.shared));
            load.tasks.spawn(issue_on(site, shared, Dice(1_000 + number as u64)));
        }
        load
    }

    /// Another node to be called.
    pub(super) fn add(&mut self, node: &Node) {
        let door = Door {
            caller: self.site.caller(node),
            institution: Arc::new(self.site.institution(node)),
            may_be_gone: Arc::default(),
            well_at: Arc::default(),
        };
        self.shared.nodes.lock().unwrap().push(door);
    }

    /// From now on this node may not answer, and no more is asked of it.
    pub(super) fn loses(&self, node: usize) {
        self.shared.nodes.lock().unwrap()[node].may_be_gone.store(true, Ordering::SeqCst);
    }

    /// It is called again, and must answer from now on.
    pub(super) fn regains(&self, node: usize) {
        self.shared.nodes.lock().unwrap()[node].may_be_gone.store(false, Ordering::SeqCst);
    }

    /// Returns when every node has done something from now on; how long that took.
    pub(super) async fn goes_on(&self) -> Duration {
        let began = Instant::now();
        let now = self.shared.elapsed_ms();
        loop {
            let doors = self.shared.nodes.lock().unwrap().clone();
            let here = doors.iter().filter(|door| !door.may_be_gone.load(Ordering::SeqCst));
            if here.clone().all(|door| door.well_at.load(Ordering::SeqCst) > now) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "a node does not go on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends the load and sees that all that was answered is there, once; what was not is asked for
    /// again. Every node must answer. Tells how long nobody was told of a success.
    pub(super) async fn end(mut self, behind: &Behind<'_>) -> Duration {
        self.shared.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let mut doors = std::mem::take(&mut *self.shared.nodes.lock().unwrap());
        doors.retain(|door| !door.may_be_gone.load(Ordering::SeqCst));
        let book = std::mem::take(&mut *self.shared.book.lock().unwrap());
        let sent = (book.donations.len(), book.coupons.len());
        let in_doubt = book.donations.values().filter(|answer| answer.is_none()).count();
        assert!(in_doubt < sent.0, "the load never got through");
        let mut dice = Dice(0);
        for (k, answered) in book.donations {
            let caller = &doors[pick(&mut dice, doors.len())].caller;
            let now = donated(caller, k).await;
            if let Some(answered) = answered {
                same_order(&answered, &now);
            }
        }
        let mut trade_nos = Vec::new();
        for (order, answered) in book.coupons {
            let institution = &doors[pick(&mut dice, doors.len())].institution;
            let answer = issued(&self.site, institution, &order).await;
            if let Some(answered) = answered {
                assert_eq!(answer, answered, "coupon {order}");
            }
            trade_nos.push(answer.trade_no.into_owned());
        }
        // Every order is there once, none is there that nobody sent; some tests hold coupons of their
        // own beside the load.
        let count = |table: &str, key: &str| {
            let own = format!("{key} NOT LIKE 'held-%'");
            let count = format!("SELECT count(*), count(DISTINCT {key}) FROM {table} WHERE {own}");
            behind.psql(&count)
        };
        assert_eq!(count("donations", "reward_transcode"), format!("{0}|{0}", sent.0));
        assert_eq!(count("coupons", "mer_order_id"), format!("{0}|{0}", sent.1));
        everything_happens(behind).await;
        for trade_no in &trade_nos {
            assert!(self.site.receiver.seen(trade_no) > 0, "{trade_no} was not told");
        }
        let Book { refusals, slowest, longest_gap, .. } = book;
        println!(
            "{} donations, {} coupons, {in_doubt} in doubt at the end, slowest answer {slowest:?}, \
             longest without a success {longest_gap:?}, refusals {refusals:?}",
            sent.0, sent.1
        );
        longest_gap
    }
}

impl Shared {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap()
    }

    /// A node that is there.
    fn door(&self, dice: &mut Dice) -> Door {
        let doors = self.nodes.lock().unwrap();
        let here = doors.iter().filter(|door| !door.may_be_gone.load(Ordering::SeqCst));
        let here: Vec<_> = here.collect();
        here[pick(dice, here.len())].clone()
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn refused(&self, code: String) {
        *self.book.lock().unwrap().refusals.entry(code).or_default() += 1;
    }

    /// It was asked at this time, and has done it.
    fn succeeded(&self, door: &Door, asked_ms: u64) {
        door.well_at.fetch_max(asked_ms, Ordering::SeqCst);
        let mut book = self.book.lock().unwrap();
        let gap = self.began.elapsed().saturating_sub(book.success_at);
        book.longest_gap = book.longest_gap.max(gap);
        book.success_at = self.began.elapsed();
    }

    fn took(&self, began: Instant) {
        let mut book = self.book.lock().unwrap();
        book.slowest = book.slowest.max(began.elapsed());
    }
}

async fn donate_on(shared: Arc<Shared>, mut dice: Dice) {
    while !shared.is_over() {
        // Now and then an order of before: its first answer is its only one.
        let newest = shared.next.load(Ordering::SeqCst);
        let again = newest > 0 && dice.below(8) == 0;
        if again {
            look(&shared, &mut dice, newest).await;
        }
        let k = if again { dice.below(newest) } else { shared.next.fetch_add(1, Ordering::SeqCst) };
        shared.book.lock().unwrap().donations.entry(k).or_default();
        while !shared.is_over() && !donate(&shared, &mut dice, k).await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Sends order `k` to a node; whether it stands.
async fn donate(shared: &Shared, dice: &mut Dice, k: u64) -> bool {
    let door = shared.door(dice);
    let (began, asked_ms) = (Instant::now(), shared.elapsed_ms());
    let answer = match door.caller.call(Api::RewardToDonate, &order(&door.caller, k)).await {
        Ok(answer) => answer,
        Err(error) => {
            assert!(door.may_be_gone.load(Ordering::SeqCst), "a node broke off: {error:?}");
            shared.refused("gone".to_owned());
            return false;
        }
    };
    if !door.may_be_gone.load(Ordering::SeqCst) {
        shared.took(began);
    }
    let code = code(&answer);
    if code != 0 {
        assert!([32_240_007, 15_150_028, 32_240_043].contains(&code), "{answer}");
        shared.refused(code.to_string());
        return false;
    }
    shared.succeeded(&door, asked_ms);
    let mut book = shared.book.lock().unwrap();
    match book.donations.get_mut(&k).unwrap() {
        Some(first) => same_order_in_any_order(first, &answer["data"]),
        first => *first = Some(answer["data"].clone()),
    }
    true
}

/// Asks a node about an order of before that stands.
async fn look(shared: &Shared, dice: &mut Dice, newest: u64) {
    let (door, k) = (shared.door(dice), dice.below(newest));
    let answered = shared.book.lock().unwrap().donations.get(&k).cloned().flatten();
    let Some(answered) = answered else { return };
    let query = json!({
        "activity_no": answered["activity_no"], "project_no": answered["project_no"],
        "third_uid": answered["third_uid"], "bid": door.caller.bid, "reward_transcode": key(k),
    });
    match door.caller.call(Api::RewardDonateQuery, &query).await {
        Ok(found) if code(&found) == 0 => same_order_in_any_order(&answered, &found["data"]),
        Ok(found) => {
            assert_eq!(code(&found), 32_240_046, "{found}");
            shared.refused("32240046".to_owned());
        }
        Err(error) => {
            assert!(door.may_be_gone.load(Ordering::SeqCst), "a node broke off: {error:?}");
        }
    }
}

async fn issue_on(site: Arc<Site>, shared: Arc<Shared>, mut dice: Dice) {
    while !shared.is_over() {
        let order = format!("coupon-{}", shared.next_coupon());
        while !shared.is_over() && !issue(&site, &shared, &mut dice, &order).await {
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(COUPON_PAUSE).await;
    }
}

impl Shared {
    fn next_coupon(&self) -> usize {
        let mut book = self.book.lock().unwrap();
        let number = book.coupons.len();
        book.coupons.insert(format!("coupon-{number}"), None);
        number
    }
}

async fn issue(site: &Site, shared: &Shared, dice: &mut Dice, order: &str) -> bool {
    let door = shared.door(dice);
    let asked_ms = shared.elapsed_ms();
    match door.institution.issue(&site.issue(order)).await {
        Ok(answer) => {
            shared.succeeded(&door, asked_ms);
            let mut book = shared.book.lock().unwrap();
            *book.coupons.get_mut(order).unwrap() = Some(answer.data);
            true
        }
        Err(Error::Refused(refused)) => {
            assert_eq!(refused.code, "999999", "{refused}");
            shared.refused(refused.code);
            false
        }
        Err(error) => {
            assert!(door.may_be_gone.load(Ordering::SeqCst), "a node broke off: {error:?}");
            shared.refused("gone".to_owned());
            false
        }
    }
}

/// Sends order `k` to a node that is there until it stands.
async fn donated(caller: &Caller, k: u64) -> Value {
    let began = Instant::now();
    loop {
        let answer = caller.call(Api::RewardToDonate, &order(caller, k)).await.unwrap();
        if code(&answer) == 0 {
            return answer["data"].clone();
        }
        assert!(is_retryable(code(&answer)), "order {k} now: {answer}");
        assert!(began.elapsed() < PATIENCE, "order {k} still: {answer}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same of a coupon.
pub(super) async fn issued(site: &Site, institution: &Client, order: &str) -> IssueData<'static> {
    let began = Instant::now();
    loop {
        match institution.issue(&site.issue(order)).await {
            Ok(answer) => return answer.data,
            Err(Error::Refused(refused)) if refused.code == "999999" => {
                assert!(began.elapsed() < PATIENCE, "coupon {order} still: {refused}");
            }
            Err(error) => panic!("coupon {order} now: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn pick(dice: &mut Dice, count: usize) -> usize {
    usize::try_from(dice.below(count as u64)).unwrap()
}

/// Order `k` is always the same order.
fn order(caller: &Caller, k: u64) -> Value {
    json!({
        "activity_no": if k.is_multiple_of(2) { INSTANT } else { DEFERRED },
        "project_no": "224328",
        "third_uid": format!("user_{}", k % 7),
        "reward": 1000,
        "reward_transcode": key(k),
        "reward_time": "2026-11-21 12:00:00",
        "money": 1 + k % 100,
        "bid": caller.bid,
    })
}

fn key(k: u64) -> String {
    format!("failure-{k}")
}

/// Equal, but that a placed order may have settled since.
fn same_order(before: &Value, now: &Value) {
    let (was, is) = (before["donate_status"].clone(), now["donate_status"].clone());
    same_order_in_any_order(before, now);
    assert!(was == is || (was == 2 && is == 11), "from {was} to {is}: {now}");
}

/// The same of two answers of which nobody knows which was first.
fn same_order_in_any_order(one: &Value, other: &Value) {
    let (mut one, mut other) = (one.clone(), other.clone());
    one["donate_status"].take();
    other["donate_status"].take();
    assert_eq!(one, other);
}
