//! Several nodes decide about the same at once.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::time::Duration;

use huodong_campaign::*;

use super::coupon_story::issue;
use super::gateway_story::enrol;
use super::story::{Story, donate};
use crate::{Store, StoreError, StoreOptions};

const NODES: u64 = 4;
const BATCHES: u64 = 50;
/// What `poor` has left, and what is added to it now and then.
const LEFT: i64 = 300;
const ADDED: Fen = Fen(7);

/// Something that one of several nodes is asked.
enum Asked {
    Donate(Donate),
    Issue(Issue),
    Enrol(Enrol),
    Settle(Settle),
    Redeem(Redeem),
    Fund(FundActivity),
    Refund(Refund),
}

/// What came of it: under what key it stands, and as what.
#[derive(Debug)]
enum Told {
    Stands(String, Id),
    Happened(String),
    Refused,
}

impl Asked {
    fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        match self {
            Self::Donate(it) => it.wants(wanted),
            Self::Issue(it) => it.wants(wanted),
            Self::Enrol(it) => it.wants(wanted),
            Self::Settle(it) => it.wants(wanted),
            Self::Redeem(it) => it.wants(wanted),
            Self::Fund(it) => it.wants(wanted),
            Self::Refund(it) => it.wants(wanted),
        }
    }

    fn decide(&self, world: &mut World) -> Told {
        match self {
            Self::Donate(it) => match it.decide(world) {
                Ok(done) => Told::Stands(it.key.reward_transcode.to_string(), done.donation.id),
                Err(_) => Told::Refused,
            },
            Self::Issue(it) => {
                let coupon = it.decide(world).unwrap().coupon;
                Told::Stands(it.key.mer_order_id.to_string(), coupon.id)
            }
            Self::Enrol(it) => match it.decide(world) {
                Ok(_) => Told::Happened(format!("enrolled {}", it.key.merc_id)),
                Err(_) => Told::Refused,
            },
            Self::Settle(it) => match it.decide(world) {
                Ok(true) => Told::Happened(format!("settled {}", it.donation)),
                Ok(false) => Told::Refused,
            },
            Self::Redeem(it) => match it.decide(world) {
                Ok(_) => Told::Happened(format!("redeemed {}", it.coupon)),
                Err(_) => Told::Refused,
            },
            Self::Fund(it) => {
                it.decide(world).unwrap();
                Told::Happened("funded".to_owned())
            }
            Self::Refund(it) => {
                it.decide(world).unwrap();
                Told::Happened(format!("refunded {}", it.donation))
            }
        }
    }
}

#[test]
fn of_nodes_that_decide_about_the_same_at_once_never_two_win() {
    let mut story = Story::shared().begin_gateway();
    let twice = UserLimits { count_total: Some(2), ..UserLimits::default() };
    story.activity("limited", Settlement::Instant, twice);
    story.activity("poor", Settlement::Instant, UserLimits::default());
    story.run(donate("poor", "first", "rich", 100_000 - LEFT));
    let about = About::prepare(&mut story);

    let (options, about) = (&story.options, &about);
    let ended: Vec<(Vec<Told>, u64)> = thread::scope(|scope| {
        let nodes: Vec<_> =
            (0..NODES).map(|node| scope.spawn(move || work(options, about, node))).collect();
        nodes.into_iter().map(|node| node.join().unwrap()).collect()
    });
    let repeated: u64 = ended.iter().map(|(_, repeated)| repeated).sum();
    assert!(repeated > 0, "they were never in each other's way");

    let (mut stands, mut happened, mut funded) = (HashMap::new(), HashSet::new(), 0);
    for told in ended.into_iter().flat_map(|(told, _)| told) {
        match told {
            Told::Stands(key, id) => {
                assert_eq!(*stands.entry(key.clone()).or_insert(id), id, "{key} stands twice");
            }
            Told::Happened(what) if what == "funded" => funded += 1,
            Told::Happened(what) => assert!(happened.insert(what.clone()), "{what} twice"),
            Told::Refused => {}
        }
    }
    let all = about.settle.len() + about.redeem.len() + about.enrol.len();
    assert_eq!(happened.len(), all, "something never happened: {happened:?}");
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
    assert_eq!(
        story.look(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM donations d JOIN activities a \
             ON a.no = d.activity WHERE a.activity_no = 'limited' GROUP BY third_uid) AS each"
        ),
        "2"
    );
    let few = "SELECT count(*) FROM coupons c JOIN activities a ON a.no = c.activity \
               WHERE a.activity_no = 'few' AND c.status <> 3";
    assert_eq!(story.look(few), "1");
    // What is left is what it had and was given, less what it gave.
    let given = "SELECT sum(money) FROM donations d JOIN activities a ON a.no = d.activity \
                 WHERE a.activity_no = 'poor'";
    let left = "SELECT balance FROM accounts WHERE owner = 'poor' AND kind = 2";
    let (given, left): (i64, i64) =
        (story.look(given).parse().unwrap(), story.look(left).parse().unwrap());
    assert_eq!(given + left, 100_000 + funded * ADDED.0);
    assert!(left >= 0);
}

/// What all nodes are asked about.
struct About {
    now: jiff::Timestamp,
    settle: Vec<Id>,
    redeem: Vec<Id>,
    enrol: Vec<Enrol>,
}

impl About {
    fn prepare(story: &mut Story) -> Self {
        let settle: Vec<_> =
            (0..20).map(|i| donate("deferred", format!("settle-{i}"), "someone", 5)).collect();
        let settle = story.batch(&settle).into_iter().map(|done| done.donation.id).collect();
        let redeem = (0..20).map(|i| story.issued(&format!("redeem-{i}")).id).collect();
        let enrol = ["m0", "m2"].map(|merc_id| {
            let photos = ["organization", "rental", "front"];
            enrol(merc_id, photos.map(|what| story.photo(&format!("{what} of {merc_id}")).id))
        });
        story.advance(120);
        Self { now: story.now, settle, redeem, enrol: enrol.into() }
    }

    /// The next thing that a node is asked. The more nodes ask about the same the better.
    fn asked(&self, node: u64, batch: u64, dice: &mut u64) -> Asked {
        let mut below = |bound: usize| {
            *dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(*dice >> 33).unwrap() % bound
        };
        // Each batch has keys of its own, which are the same at every node.
        match below(8) {
            0 => {
                let user = below(6);
                let code = format!("limited-{batch}-{user}");
                Asked::Donate(donate("limited", code, &format!("u{user}"), 1))
            }
            1 => {
                let n = below(3);
                Asked::Donate(donate("poor", format!("poor-{batch}-{n}"), "v", [11, 12, 17][n]))
            }
            2 => {
                let n = below(3);
                Asked::Donate(donate("deferred", format!("later-{batch}-{n}"), "w", 3))
            }
            3 => Asked::Issue(issue("few", &format!("few-{batch}-{}", below(3)), "x")),
            4 => Asked::Enrol(self.enrol[below(self.enrol.len())].clone()),
            5 => Asked::Settle(Settle { donation: self.settle[below(self.settle.len())] }),
            6 => Asked::Redeem(Redeem {
                coupon: self.redeem[below(self.redeem.len())],
                owner_id: OwnerId::from("owner"),
                org_amount: Fen(1_000),
                reference: format!("till-{node}-{batch}").into(),
            }),
            _ => Asked::Fund(FundActivity { activity_no: ActivityNo::from("poor"), money: ADDED }),
        }
    }
}

/// A node's batches, and at last everything that has to happen, in an order of its own.
fn work(options: &StoreOptions, about: &About, node: u64) -> (Vec<Told>, u64) {
    let (mut store, _) = Store::open(options).unwrap();
    let (mut told, mut repeated, mut dice) = (Vec::new(), 0, node);
    let mut carry_out = |commands: &[Asked]| {
        for tries in 0.. {
            match batch(&mut store, about.now, commands) {
                Ok(outcomes) => return told.extend(outcomes),
                Err(StoreError::Again(why)) => assert!(tries < 1_000, "{why}, again and again"),
                Err(error) => panic!("{error}"),
            }
            repeated += 1;
            thread::sleep(Duration::from_millis(tries.min(20)));
        }
    };
    for number in 0..BATCHES {
        let commands: Vec<_> =
            (0..1 + number % 6).map(|_| about.asked(node, number, &mut dice)).collect();
        carry_out(&commands);
    }
    let settle = about.settle.iter().map(|donation| Asked::Settle(Settle { donation: *donation }));
    let redeem = about.redeem.iter().map(|coupon| {
        let reference = format!("last-{node}").into();
        let (owner_id, org_amount) = (OwnerId::from("owner"), Fen(1_000));
        Asked::Redeem(Redeem { coupon: *coupon, owner_id, org_amount, reference })
    });
    let enrol = about.enrol.iter().map(|it| Asked::Enrol(it.clone()));
    let mut rest: Vec<_> = settle.chain(redeem).chain(enrol).collect();
    if node % 2 == 1 {
        rest.reverse();
    }
    rest.chunks(7).for_each(carry_out);
    (told, repeated)
}

fn batch(
    store: &mut Store,
    now: jiff::Timestamp,
    commands: &[Asked],
) -> Result<Vec<Told>, StoreError> {
    store.ready()?;
    let ms = now.as_millisecond() - 1_577_836_800_000;
    let mut world = World::new(now, 0).number_by(store.id_step());
    let mut wanted = Wanted::default();
    commands.iter().for_each(|command| command.wants(&mut wanted));
    store.load(&wanted, &mut world)?;
    world.number_from(store.first_id(ms << 20));
    let told = commands.iter().map(|command| command.decide(&mut world)).collect();
    if world.is_changed() {
        store.save(&world)?;
    } else {
        store.rollback();
    }
    Ok(told)
}

#[test]
fn what_happens_to_an_order_at_a_node_whose_clock_is_behind_is_numbered_after_it() {
    let mut story = Story::shared().begin_coupons();
    let (mut behind, _) = Store::open(&story.options).unwrap();
    let early = story.now;
    story.advance(10);
    let coupon = story.issued("one");
    let donation = story.run(donate("instant", "two", "user", 5)).donation;
    let redeem = Redeem {
        coupon: coupon.id,
        owner_id: OwnerId::from("owner"),
        org_amount: Fen(1_000),
        reference: "till".into(),
    };
    let refund = Refund { donation: donation.id, reason: "a mistake".to_owned() };
    batch(&mut behind, early, &[Asked::Redeem(redeem), Asked::Refund(refund)]).unwrap();
    let reader = story.store.reader();
    assert_eq!(reader.verify().unwrap().violations, [] as [&str; 0]);
    let numbers = "SELECT count(*) FROM transfers WHERE order_id IS NOT NULL AND id < order_id";
    assert_eq!(story.look(numbers), "0");
}
