//! Random commands, batch by batch, against the model; every invariant after every batch.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use huodong_campaign::*;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::agreement::agrees_with_issue;
use crate::commands::{Done, Step, command};
use crate::invariants::{check_arrows, check_ledger};
use crate::memory::{Memory, same};
use crate::model::Model;
use crate::script::{Batch, GatewayOp, Op, at, scripts};

// PROPTEST_CASES asks for more scripts.
#[test]
fn the_rules_agree_with_the_model() {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    config.cases = config.cases.max(640);
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
    "Claim: done",
    "Expire: done",
    "Free: done",
    "Issue: Channel",
    "Issue: ChannelUnavailable",
    "Issue: Issued",
    "Issue: KeyReused",
    "Issue: Limit",
    "Issue: MemberPrefix",
    "Issue: NotStarted",
    "Issue: OutOfMoney",
    "Issue: OutOfStock",
    "Issue: Over",
    "Issue: Process",
    "Issue: UnknownActivity",
    "Issue: UnknownInstitution",
    "Issue: UnknownOwner",
    "Issue: UnknownPromotion",
    "Issue: again",
    "Record: Delivered",
    "Record: Exhausted",
    "Record: Leased",
    "Record: Waiting",
    "Redeem: BelowMinimum",
    "Redeem: Expired",
    "Redeem: Foreign",
    "Redeem: NotIssued",
    "Redeem: Used",
    "Redeem: again",
    "Redeem: done",
    "Resend: UnderWay",
    "Resend: done",
    "SettleCoupon: done",
    "Void: NotIssued",
    "Void: done",
    "Call: ReqIdReused",
    "Call: again",
    "Call: enrolled",
    "Consult: ChannelRefuses",
    "Consult: ChannelUnavailable",
    "Consult: NotPermitted",
    "Consult: NotStarted",
    "Consult: Other",
    "Consult: OutOfBudget",
    "Consult: OverLimit",
    "Consult: Success",
    "Consult: UnknownInitiator",
    "Consult: UnknownMerchant",
    "CreateMerchant: PidTaken",
    "CreateMerchant: done",
    "Decide: AlreadyDecided",
    "Decide: Reason",
    "Decide: again",
    "Decide: done",
    "Enrol: Enrolled",
    "Enrol: IntentNotConfirmed",
    "Enrol: KindExcluded",
    "Enrol: NoThirdMercId",
    "Enrol: PhotoMissing",
    "Enrol: PhotoOutOfPlace",
    "Enrol: TooManyPhotos",
    "Enrol: UnknownInitiator",
    "Enrol: UnknownMerchant",
    "Enrol: UnknownPhoto",
    "Enrol: done",
    "Import: Created",
    "Import: Refused",
    "Import: Updated",
    "Permit: done",
    "RemovePhotos: done",
    "UpdateMerchant: PidTaken",
    "UpdateMerchant: UnknownInitiator",
    "UpdateMerchant: done",
    "Upload: done",
];

/// A command's name with what became of it, without particulars.
fn name(op: &Op, outcome: &Result<Done, String>) -> String {
    let word = |text: &str| -> String { text.chars().take_while(|c| c.is_alphabetic()).collect() };
    let command = match op {
        Op::Coupon(op) => format!("{op:?}"),
        Op::Callback(op) => format!("{op:?}"),
        Op::Gateway(op) => format!("{op:?}"),
        op => format!("{op:?}"),
    };
    let result = match outcome {
        Ok(Done::Settled(false)) => "left".to_owned(),
        Ok(Done::Issued(done)) if done.repeated => "again".to_owned(),
        Ok(Done::Issued(done)) => match done.coupon.failed {
            Some(reason) => word(&format!("{reason:?}")),
            None => format!("{:?}", done.coupon.status),
        },
        Ok(Done::Redeemed(done)) if done.repeated => "again".to_owned(),
        Ok(Done::Counted(0)) => "none".to_owned(),
        Ok(Done::Decided(done)) if done.repeated => "again".to_owned(),
        Ok(Done::Answered(done)) if done.repeated => "again".to_owned(),
        Ok(Done::Answered(done)) => word(&done.answer),
        Ok(Done::Consulted(results)) => format!("{:?}", results[0]),
        Ok(Done::Imported(rows)) => word(&format!("{:?}", rows[0])),
        Ok(Done::Claimed(claimed)) if claimed.is_empty() => "none".to_owned(),
        Ok(Done::Recorded(Some(callback))) => word(&format!("{:?}", callback.state)),
        Ok(_) => "done".to_owned(),
        Err(refusal) => word(refusal),
    };
    format!("{}: {result}", word(&command))
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
        if let Op::Gateway(GatewayOp::Consult(question)) = op {
            agrees_with_issue(&before, question);
        }
        reached.insert(name(op, &outcome));
        model.judge(op, &known, &outcome);
    }
    let before = stored.clone();
    stored.save(&world);
    check_ledger(stored);
    check_arrows(&before, stored);
    model.adopt(stored);
    model.check(stored);
}
