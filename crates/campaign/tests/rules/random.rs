//! Random commands, batch by batch, against the model; every invariant after every batch.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

use huodong_campaign::*;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::commands::{Done, Step, command};
use crate::memory::{Memory, same};
use crate::model::Model;
use crate::script::{Batch, Op, at, scripts};

// PROPTEST_CASES asks for more scripts.
#[test]
fn the_rules_agree_with_the_model() {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    config.cases = config.cases.max(512);
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => RandomState::new().hash_one("a seed"),
    };
    config.rng_seed = RngSeed::Fixed(seed);
    let reached = RefCell::new(BTreeSet::new());
    let outcome = TestRunner::new(config).run(&scripts(), |script| {
        let mut stored = Memory::new();
        let mut model = Model::new();
        for batch in &script {
            run(batch, &mut stored, &mut model, &mut reached.borrow_mut());
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("PROPTEST_RNG_SEED={seed} runs the same scripts again\n{failure}");
    }
    let reached = reached.into_inner();
    for outcome in REACHED {
        assert!(reached.contains(*outcome), "no script with seed {seed} reached {outcome}");
    }
}

/// What the scripts must have come across, or they show little. Each is met dozens of times in a
/// run, so that a run without it is no accident.
const REACHED: &[&str] = &[
    "Donate: ChannelRefused",
    "Donate: ChannelUnavailable",
    "Donate: KeyReused",
    "Donate: LimitReached",
    "Donate: NotBegun",
    "Donate: NotEnough",
    "Donate: NotRunning",
    "Donate: Over",
    "Donate: ProjectNotBound",
    "Donate: UnknownActivity",
    "Donate: UnknownBid",
    "Donate: done",
    "End: done",
    "Grant: KeyReused",
    "Grant: NotPaid",
    "Grant: OtherDonation",
    "Grant: done",
    "Refund: NotPaid",
    "Refund: done",
    "SetLimits: done",
    "Settle: done",
];

/// A command's name with what became of it, without particulars.
fn name(op: &Op, outcome: &Result<Done, String>) -> String {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphabetic()).collect() };
    let result = match outcome {
        Ok(Done::Settled(false)) => "left".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(refusal) => word(refusal),
    };
    format!("{}: {result}", word(&format!("{op:?}")))
}

fn run(batch: &Batch, stored: &mut Memory, model: &mut Model, reached: &mut BTreeSet<String>) {
    model.now += batch.pass_s;
    let known = model.known();
    let ops: Vec<Op> = batch.ops.iter().map(|op| op.aimed(&known)).collect();
    let steps: Vec<Box<dyn Step>> = ops.iter().map(|op| command(op, model.now, &known)).collect();
    let mut wanted = Wanted::default();
    for step in &steps {
        step.wants(&mut wanted);
    }
    let mut world = stored.load(&wanted, at(model.now));
    for (op, step) in ops.iter().zip(&steps) {
        let before = world.clone();
        let outcome = step.run(&mut world);
        if outcome.is_err() {
            assert!(
                same(&before, &world),
                "{op:?} was refused ({outcome:?}) and changed something"
            );
        }
        reached.insert(name(op, &outcome));
        model.judge(op, &known, &outcome);
    }
    let before = stored.clone();
    stored.save(&world);
    check_ledger(stored);
    check_arrows(&before, stored);
    model.check(stored);
}

/// Money is conserved, nobody but the outside world owes, and the transfers explain every balance.
fn check_ledger(stored: &Memory) {
    let mut explained: BTreeMap<AccountId, i128> = BTreeMap::new();
    for transfer in &stored.transfers {
        assert!(transfer.amount.is_positive(), "{transfer:?}");
        *explained.entry(transfer.from).or_default() -= i128::from(transfer.amount.0);
        *explained.entry(transfer.to).or_default() += i128::from(transfer.amount.0);
    }
    for account in stored.accounts.values() {
        let sum = explained.get(&account.id).copied().unwrap_or_default();
        assert_eq!(i128::from(account.balance.0), sum, "transfers explain {account:?}");
        assert!(account.id == OUTSIDE || account.balance >= Fen::ZERO, "{account:?} is overdrawn");
    }
    let sum: i128 = stored.accounts.values().map(|account| i128::from(account.balance.0)).sum();
    assert_eq!(sum, 0, "money is conserved");
    let numbers = stored.transfers.iter().map(|transfer| transfer.id);
    assert!(numbers.is_sorted_by(|a, b| a < b), "transfers rise");
}

/// What stood before still stands, and has only gone along its arrows.
fn check_arrows(before: &Memory, after: &Memory) {
    for (id, old) in &before.donations {
        let new = &after.donations[id];
        assert!(status_steps(old.status).contains(&new.status), "{old:?} became {new:?}");
        let same = |donation: &Donation| Donation {
            status: DonationStatus::Placed,
            settle_at: None,
            changed_at: donation.placed_at,
            flowers: None,
            ..donation.clone()
        };
        assert_eq!(same(old), same(new), "an order's particulars never change");
        assert!(old.flowers.is_none() || old.flowers == new.flowers);
    }
    for (number, old) in &before.activities {
        let new = &after.activities[number];
        let ended = old.status == ActivityStatus::Ended;
        assert!(!ended || old == new, "nothing about an ended activity changes");
        let back = new.status == ActivityStatus::Draft && old.status != ActivityStatus::Draft;
        assert!(!back, "no activity becomes a draft again");
    }
}

/// Where one batch may leave an order: more than one arrow may be taken within it.
fn status_steps(from: DonationStatus) -> &'static [DonationStatus] {
    use DonationStatus::{Failed, Paid, Placed, Refunded};
    match from {
        Placed => &[Placed, Paid, Failed, Refunded],
        Paid => &[Paid, Refunded],
        Failed => &[Failed],
        Refunded => &[Refunded],
    }
}
