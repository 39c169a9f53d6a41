//! The gateway: what was saved is what is loaded, listed and removed.

use huodong_campaign::*;
use jiff::SignedDuration;

use super::gateway_story::{call, enrol, rejected, request_key, sha256, store_photo};
use super::story::Story;
use crate::{EnrolmentFilter, MerchantFilter, Page, PageRequest, PhotoFilter};

const FIRST: PageRequest = PageRequest { before: None, limit: 100 };

/// Loads what is wanted, and lets go of the transaction.
fn load(story: &mut Story, wanted: &Wanted<'_>) -> World {
    let mut world = story.world();
    story.store.load(wanted, &mut world).unwrap();
    story.store.rollback();
    assert!(!world.is_changed());
    world
}

fn sound(story: &Story) {
    assert_eq!(story.store.reader().verify().unwrap().violations, [] as [&str; 0]);
}

#[test]
fn initiators_and_merchants_come_back_as_they_were_saved() {
    let mut story = Story::begun_with_gateway();
    let (one, two) = (CertId::from("one"), CertId::from("two"));
    let replaced = story.run(ReplaceInitiatorKey {
        cert_id: one.clone(),
        mode: EnvelopeMode::Rsa,
        public_key: "second".to_owned(),
        previous_until: Some(story.now),
    });
    let revoked = story.run(RevokeInitiator { cert_id: two.clone() });
    let renamed = story.run(UpdateMerchant {
        merc_id: MercId::from("m1"),
        cert_id: None,
        name: Some("Renamed".to_owned()),
        kind: Some(MerchantKind::Government),
        intent_confirmed: Some(false),
        alipay_pid: Some(Some(AlipayPid::from("pid-1"))),
    });

    let mut story = story.reopen();
    let (merc_id, pid) = (MercId::from("m1"), AlipayPid::from("pid-0"));
    let unknown = AlipayPid::from("?");
    let wanted = Wanted {
        initiators: [&one, &two].into(),
        merchants: [&merc_id].into(),
        alipay_pids: [&pid, &unknown].into(),
        ..Wanted::default()
    };
    let world = load(&mut story, &wanted);
    assert_eq!(world.initiators.get(&one), Some(&replaced));
    assert_eq!(world.initiators.get(&two), Some(&revoked));
    assert_eq!(world.merchants.get(&merc_id), Some(&renamed));
    assert_eq!(world.alipay_pids.get(&(one.clone(), pid)), Some(&MercId::from("m0")));
    assert!(world.merchants.contains(&MercId::from("m0")), "what a PID leads to comes with it");
    assert_eq!(world.merchants.iter().count(), 2);

    let reader = story.store.reader();
    assert_eq!(reader.initiator(&one).unwrap().as_ref(), Some(&replaced));
    assert_eq!(reader.initiator(&CertId::from("?")).unwrap(), None);
    assert_eq!(reader.initiators(FIRST).unwrap().rows, [revoked.clone(), replaced.clone()]);
    assert_eq!(reader.all_initiators().unwrap(), [replaced, revoked]);
    assert_eq!(reader.merchant(&merc_id).unwrap().as_ref(), Some(&renamed));
    let pid = AlipayPid::from("pid-1");
    assert_eq!(reader.merchant_by_pid(&one, &pid).unwrap(), Some(renamed));
    assert_eq!(reader.merchant_by_pid(&one, &unknown).unwrap(), None);
    assert_eq!(reader.merchant_by_pid(&two, &pid).unwrap(), None);
    sound(&story);
}

#[test]
fn who_may_hand_coupons_out_through_alipay_comes_back() {
    let mut story = Story::begun_with_gateway();
    let activity_no = ActivityNo::from("gifts");
    let changed = story.run(UpdateOffer {
        activity_no: activity_no.clone(),
        terms: None,
        issuers: None,
        initiators: Some(vec![CertId::from("one"), CertId::from("two")]),
        merchants: Some(vec![AlipayPid::from("pid-0")]),
        add_stock: None,
    });
    let mut story = story.reopen();
    let world =
        load(&mut story, &Wanted { activities: [&activity_no].into(), ..Wanted::default() });
    assert_eq!(world.activities.get(&activity_no), Some(&changed));
    let (found, ..) = story.store.reader().activity(&activity_no).unwrap().unwrap();
    assert_eq!(found.coupon.unwrap().initiators.len(), 2);
}

#[test]
fn a_pid_can_pass_from_one_merchant_to_the_other_in_one_batch() {
    let mut story = Story::begun_with_gateway();
    let name = |merc_id: &str, pid: &str| UpdateMerchant {
        merc_id: MercId::from(merc_id),
        cert_id: None,
        name: None,
        kind: None,
        intent_confirmed: None,
        alipay_pid: Some(Some(AlipayPid::from(pid))),
    };
    story.both(&name("m0", "pid-9"), &name("m5", "pid-0"));
    story.both(&name("m5", "pid-8"), &name("m0", "pid-0"));
    let story = story.reopen();
    let reader = story.store.reader();
    let one = CertId::from("one");
    let found = |pid: &str| reader.merchant_by_pid(&one, &AlipayPid::from(pid)).unwrap();
    assert_eq!(found("pid-0").unwrap().merc_id, MercId::from("m0"));
    assert_eq!(found("pid-8").unwrap().merc_id, MercId::from("m5"));
    assert_eq!(found("pid-9"), None);
}

#[test]
fn a_merchant_passes_to_another_initiator() {
    let mut story = Story::begun_with_gateway();
    let pid = AlipayPid::from("pid-0");
    let (one, two) = (CertId::from("one"), CertId::from("two"));
    let moved = story.run(UpdateMerchant {
        merc_id: MercId::from("m0"),
        cert_id: Some(two.clone()),
        name: None,
        kind: None,
        intent_confirmed: None,
        alipay_pid: Some(Some(pid.clone())),
    });
    let story = story.reopen();
    let reader = story.store.reader();
    assert_eq!(reader.merchant(&moved.merc_id).unwrap().as_ref(), Some(&moved));
    assert_eq!(reader.merchant_by_pid(&one, &pid).unwrap(), None);
    assert_eq!(reader.merchant_by_pid(&two, &pid).unwrap(), Some(moved));
    sound(&story);
}

#[test]
fn many_merchants_are_imported_at_once() {
    let mut story = Story::begun_with_gateway();
    let rows = (0..IMPORT_ROWS_MAX).map(|i| MerchantRow {
        merc_id: MercId::from(format!("import-{i}")),
        cert_id: CertId::from("two"),
        name: format!("Number {i}"),
        kind: MerchantKind::Individual,
        intent_confirmed: i % 2 == 0,
        alipay_pid: Some(Some(AlipayPid::from(format!("import-pid-{i}")))),
    });
    let mut import = ImportMerchants { rows: rows.collect() };
    assert!(story.run(import.clone()).iter().all(|became| *became == Imported::Created));
    import.rows[3].name = "Another".to_owned();
    let mut story = story.reopen();
    let became = story.run(import);
    assert_eq!(became.iter().filter(|it| **it == Imported::Unchanged).count(), 999);
    assert_eq!(became[3], Imported::Updated);
    let found = story.store.reader().merchant(&MercId::from("import-3")).unwrap().unwrap();
    assert_eq!((&*found.name, found.kind), ("Another", MerchantKind::Individual));
    sound(&story);
}

#[test]
fn a_photo_comes_back_with_its_content() {
    let mut story = Story::begun_with_gateway();
    let large = vec![7_u8; PHOTO_BYTES_MAX];
    let photo = story.run(store_photo("one", &large));
    let small = story.photo("small");
    let mut story = story.reopen();
    let world = load(&mut story, &Wanted { photos: [photo.id, Id(7)].into(), ..Wanted::default() });
    assert_eq!(world.photos.get(&photo.id), Some(&photo));
    assert!(world.photo_contents.is_empty(), "the rules do not need what it shows");
    let reader = story.store.reader();
    assert_eq!(reader.photo(photo.id).unwrap().as_ref(), Some(&photo));
    assert_eq!(reader.photo(Id(7)).unwrap(), None);
    assert_eq!(reader.photo_and_content(photo.id).unwrap(), Some((photo, large)));
    assert_eq!(reader.photo_and_content(small.id).unwrap().unwrap().1, b"small");
    assert_eq!(reader.photo_and_content(Id(7)).unwrap(), None);
    sound(&story);
}

/// How many contents are stored.
fn contents(story: &Story) -> i64 {
    let count = story.look("SELECT count(*) FROM photo_contents");
    count.parse().unwrap()
}

#[test]
fn equal_contents_are_stored_once_and_go_with_the_last_photo_that_has_them() {
    let mut story = Story::begun_with_gateway();
    let first = story.photo("same");
    let again = story.batch(&[store_photo("two", b"same"), store_photo("one", b"same")]).remove(0);
    assert_eq!(contents(&story), 1);
    story.photo("different");
    assert_eq!(contents(&story), 2);
    let remove = |photos: &[Id], story: &Story| RemovePhotos {
        photos: photos.to_vec(),
        uploaded_until: story.now,
    };
    let command = remove(&[first.id], &story);
    assert_eq!(story.run(command.clone()), 1);
    assert_eq!(contents(&story), 2);
    let reader = story.store.reader();
    assert_eq!(reader.photo(first.id).unwrap(), None);
    assert_eq!(reader.photo_and_content(again.id).unwrap().unwrap().1, b"same");
    assert_eq!(story.run(command), 0, "it is gone");
    let all = reader.orphan_photos(story.now, 9).unwrap();
    assert_eq!(all.len(), 3);
    // The last of its content goes while another comes in the same batch.
    let command = remove(&all, &story);
    let (removed, photo) = story.both(&command, &store_photo("one", b"same"));
    assert_eq!((removed, contents(&story)), (3, 1));
    sound(&story);
    // One that is stored and removed by one batch was never there.
    story.advance(1);
    let next = Id(story.world().next_id());
    let command = remove(&[next, photo.id], &story);
    let (stored, removed) = story.both(&store_photo("one", b"brief"), &command);
    assert_eq!((stored.id, removed, contents(&story)), (next, 2, 0));
    assert_eq!(story.store.reader().photo(next).unwrap(), None);
    sound(&story);
}

#[test]
fn orphans_are_those_in_no_enrolment_oldest_first() {
    let mut story = Story::begun_with_gateway();
    let first = story.photo("first");
    story.advance(60);
    story.enrolled("m0");
    let last = story.photo("last");
    let reader = story.store.reader();
    let before = first.uploaded_at - SignedDuration::from_millis(1);
    assert_eq!(reader.orphan_photos(before, 9).unwrap(), []);
    assert_eq!(reader.orphan_photos(first.uploaded_at, 9).unwrap(), [first.id]);
    assert_eq!(reader.orphan_photos(story.now, 9).unwrap(), [first.id, last.id]);
    assert_eq!(reader.orphan_photos(story.now, 1).unwrap(), [first.id]);
}

#[test]
fn an_enrolment_comes_back_by_its_number_and_as_its_merchants_newest() {
    let mut story = Story::begun_with_gateway();
    let photos = ["a", "b", "c", "d"].map(|content| story.photo(content).id);
    let mut command = enrol("m2", [photos[0], photos[1], photos[2]]);
    command.photos.insert(PhotoField::Supplementary, vec![photos[3]]);
    command.photos.insert(PhotoField::School, Vec::new());
    command.supplementary_remark = Some("as agreed".into());
    command.third_merc_id_nucc = Some("nucc-1".into());
    let enrolment = story.run(command.clone());
    assert_eq!(enrolment.photos.len(), 4);
    let mut story = story.reopen();
    let key = enrolment.key.clone();
    let by_key = Wanted { enrolment_keys: [&key].into(), ..Wanted::default() };
    let by_number = Wanted { enrolments: [enrolment.id].into(), ..Wanted::default() };
    let world = load(&mut story, &by_key);
    assert_eq!(world.latest_enrolments.get(&key), Some(&enrolment.id));
    assert_eq!(world.enrolments.get(&enrolment.id), Some(&enrolment));
    let world = load(&mut story, &by_number);
    assert_eq!(world.enrolments.get(&enrolment.id), Some(&enrolment));
    let reader = story.store.reader();
    assert!(photos.iter().all(|id| reader.photo(*id).unwrap().unwrap().used));
    assert_eq!(reader.latest_enrolment(&key).unwrap().as_ref(), Some(&enrolment));

    // Rejected, and in the same batch enrolled again.
    let by = TokenId::from("reviewer");
    let decide = DecideEnrolment { enrolment: enrolment.id, decision: rejected("blurred"), by };
    let (decided, again) = story.both(&decide, &command);
    let story = story.reopen();
    let reader = story.store.reader();
    assert_eq!(decided.enrolment.reason.as_deref(), Some("blurred"));
    assert_eq!(reader.enrolment(enrolment.id).unwrap(), Some(decided.enrolment));
    assert_eq!(reader.latest_enrolment(&key).unwrap(), Some(again));
    let other = EnrolmentKey { activity: RateActivity::SchoolCanteen, ..key };
    assert_eq!(reader.latest_enrolment(&other).unwrap(), None);
    sound(&story);
}

#[test]
fn a_call_is_answered_alike_for_ever() {
    let mut story = Story::begun_with_gateway();
    let long = "答".repeat(5_000);
    assert!(!story.run(call("20260101-first-call", &long)).repeated);
    // More calls than the index keeps in memory.
    for i in 0..6 {
        let calls: Vec<_> = (0..30).map(|n| call(&format!("call-{i}-{n}"), "fine")).collect();
        story.batch(&calls);
    }
    let mut story = story.reopen();
    let again = story.run(call("20260101-first-call", &long));
    assert_eq!(again, Answered { answer: long.as_str().into(), repeated: true });
    let reader = story.store.reader();
    let key = request_key("20260101-first-call");
    let found = reader.gateway_request(&key).unwrap().unwrap();
    assert_eq!((&*found.answer, found.fingerprint), (&*long, sha256(long.as_bytes())));
    assert_eq!((found.api, found.at), (GatewayApi::AddData, story.now));
    let other = RequestKey { cert_id: CertId::from("two"), ..key };
    assert_eq!(reader.gateway_request(&other).unwrap(), None);
    let mut world = story.world();
    let conflict = call("call-3-7", "another content");
    let mut wanted = Wanted::default();
    conflict.wants(&mut wanted);
    story.store.load(&wanted, &mut world).unwrap();
    assert_eq!(conflict.decide(&mut world), Err(AnswerRefusal::ReqIdReused));
    assert!(!world.is_changed());
    story.store.rollback();
    sound(&story);
}

#[test]
fn lists_come_newest_first_by_every_filter() {
    let mut story = Story::begun_with_gateway();
    let begun = story.now;
    let mut made = Vec::new();
    for merc_id in ["m0", "m1", "m2", "m3", "m4", "m5"] {
        made.push(story.enrolled(merc_id));
        story.advance(60);
    }
    made[1] = story.decided(made[1].id, Decision::Approve);
    made[4] = story.decided(made[4].id, rejected("no"));
    story.photo("unused");
    story.run(store_photo("two", b"of another"));
    let reader = story.store.reader();

    let ask = |filter: EnrolmentFilter| all(|page| reader.enrolments(&filter, page).unwrap());
    let those = |keep: &[usize]| -> Vec<Enrolment> {
        keep.iter().rev().map(|i| made[*i].clone()).collect()
    };
    let none = EnrolmentFilter::default();
    assert_eq!(ask(none.clone()), those(&[0, 1, 2, 3, 4, 5]));
    let cert_id = Some(CertId::from("one"));
    assert_eq!(ask(EnrolmentFilter { cert_id, ..none.clone() }), those(&[0, 1, 2, 3, 4, 5]));
    for nobody in ["two", "?"] {
        let cert_id = Some(CertId::from(nobody));
        assert_eq!(ask(EnrolmentFilter { cert_id, ..none.clone() }), []);
    }
    let merc_id = Some(MercId::from("m3"));
    assert_eq!(ask(EnrolmentFilter { merc_id, ..none.clone() }), those(&[3]));
    let merc_id = Some(MercId::from("?"));
    assert_eq!(ask(EnrolmentFilter { merc_id, ..none.clone() }), []);
    let activity = Some(RateActivity::SchoolCanteen);
    assert_eq!(ask(EnrolmentFilter { activity, ..none.clone() }), []);
    let status = Some(EnrolmentStatus::Pending);
    assert_eq!(ask(EnrolmentFilter { status, ..none.clone() }), those(&[0, 2, 3, 5]));
    let merc_id = Some(MercId::from("m4"));
    assert_eq!(ask(EnrolmentFilter { status, merc_id, ..none.clone() }), []);
    let status = Some(EnrolmentStatus::Rejected);
    assert_eq!(ask(EnrolmentFilter { status, ..none.clone() }), those(&[4]));
    let minute = |n: i64| Some(begun + SignedDuration::from_mins(n));
    let filter = EnrolmentFilter { from: minute(2), until: minute(4), ..none };
    assert_eq!(ask(filter), those(&[2, 3]));

    let ask = |filter: PhotoFilter| all(|page| reader.photos(&filter, page).unwrap()).len();
    let none = PhotoFilter::default();
    assert_eq!(ask(none.clone()), 3 * 6 + 2);
    let cert_id = Some(CertId::from("one"));
    assert_eq!(ask(PhotoFilter { cert_id: cert_id.clone(), used: None }), 3 * 6 + 1);
    assert_eq!(ask(PhotoFilter { cert_id, used: Some(false) }), 1);
    assert_eq!(ask(PhotoFilter { used: Some(true), ..none }), 3 * 6);
    assert_eq!(ask(PhotoFilter { cert_id: Some(CertId::from("?")), used: None }), 0);

    let ask = |filter: MerchantFilter| {
        let merchants = all(|page| reader.merchants(&filter, page).unwrap()).into_iter();
        merchants.map(|it| it.merc_id.to_string()).collect::<Vec<_>>()
    };
    let none = MerchantFilter::default();
    assert_eq!(ask(none.clone()), ["other", "m5", "m4", "m3", "m2", "m1", "m0"]);
    let cert_id = Some(CertId::from("two"));
    assert_eq!(ask(MerchantFilter { cert_id: cert_id.clone(), ..none.clone() }), ["other"]);
    let kind = Some(MerchantKind::Enterprise);
    assert_eq!(ask(MerchantFilter { kind, ..none.clone() }), ["other", "m0"]);
    assert_eq!(ask(MerchantFilter { kind, cert_id, ..none.clone() }), ["other"]);
    let intent_confirmed = Some(false);
    assert_eq!(ask(MerchantFilter { intent_confirmed, ..none }), [] as [&str; 0]);
}

/// All rows of a list, asked for in small pages.
fn all<T>(ask: impl Fn(PageRequest) -> Page<T>) -> Vec<T> {
    let (mut rows, mut before) = (Vec::new(), None);
    loop {
        let Page { rows: some, next } = ask(PageRequest { before, limit: 2 });
        rows.extend(some);
        before = next;
        if next.is_none() {
            return rows;
        }
    }
}

#[test]
fn a_wiped_store_has_nothing_of_the_gateway_and_takes_it_again() {
    let mut story = Story::begun_with_gateway();
    let photo = story.photo("one");
    story.enrolled("m0");
    story.run(call("20260101-first-call", "fine"));
    story.store.wipe().unwrap();
    let reader = story.store.reader();
    assert_eq!(reader.all_initiators().unwrap(), []);
    assert_eq!(reader.merchants(&MerchantFilter::default(), FIRST).unwrap().rows, []);
    assert_eq!(reader.photo(photo.id).unwrap(), None);
    assert_eq!(reader.enrolments(&EnrolmentFilter::default(), FIRST).unwrap().rows, []);
    assert_eq!(reader.gateway_request(&request_key("20260101-first-call")).unwrap(), None);
    assert_eq!(contents(&story), 0);
    sound(&story);
    let mut story = story.begin_gateway();
    story.enrolled("m0");
    assert!(!story.run(call("20260101-first-call", "fine")).repeated);
    sound(&story);
}
