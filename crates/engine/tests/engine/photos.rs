//! Photos: how many at once, and when those go that nobody has used.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use huodong_campaign::{
    CertId, Command, CreateInitiator, CreateMerchant, CreateOrganization, Enrol, EnrolmentKey,
    EnrolmentPhotos, EnvelopeMode, Id, MercId, MerchantKind, PHOTO_BYTES_MAX, Photo, PhotoField,
    PhotoFormat, RateActivity, StorePhoto,
};
use huodong_engine::{Clock, Engine, EngineError, EngineOptions};
use huodong_store::{PageRequest, PhotoFilter};
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::commands::{Batches, Holds};
use crate::scene::{SOON, at_once, done, frozen, open, seconds, tamper};

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

struct Gallery {
    directory: TempDir,
    clock: Clock,
    engine: Engine,
}

impl Gallery {
    /// With a frozen clock, an initiator and its merchant.
    async fn open(options: EngineOptions) -> Self {
        let directory = TempDir::new().unwrap();
        let clock = frozen();
        let engine = open(&directory, &clock, options);
        let initiator = CreateInitiator {
            cert_id: Some(CertId::from("one")),
            name: "One".to_owned(),
            mode: EnvelopeMode::Sm2,
            public_key: "key".to_owned(),
            plain_replies: false,
            strict_req_id: false,
            rate_per_s: None,
        };
        done(&engine, initiator).await;
        let merchant = CreateMerchant {
            merc_id: Some(MercId::from("m")),
            cert_id: CertId::from("one"),
            name: "A school".to_owned(),
            kind: MerchantKind::Enterprise,
            intent_confirmed: true,
            alipay_pid: None,
        };
        done(&engine, merchant).await;
        Self { directory, clock, engine }
    }

    async fn store(&self, number: usize) -> Photo {
        done(&self.engine, photo(number, 1_000)).await
    }

    async fn enrol(&self, photos: [Id; 3]) {
        let [organization, rental, front] = photos.map(|id| vec![id]);
        let enrol = Enrol {
            cert_id: CertId::from("one"),
            key: EnrolmentKey { merc_id: MercId::from("m"), activity: RateActivity::Education },
            creator: "clerk".into(),
            third_merc_id_cups: Some("cups".into()),
            third_merc_id_nucc: None,
            photos: EnrolmentPhotos::from([
                (PhotoField::Organization, organization),
                (PhotoField::Rental, rental),
                (PhotoField::Front, front),
            ]),
            supplementary_remark: None,
            req_id: "20261121-100000".into(),
        };
        done(&self.engine, enrol).await;
    }

    /// Moves the clock, and tells how many photos went because of that.
    async fn advance(&self, by: SignedDuration) -> u64 {
        self.engine.run_due_after(|clock| clock.advance(by)).await.unwrap().photos_removed
    }

    /// The photos there are, oldest first.
    async fn photos(&self) -> Vec<Id> {
        let page = PageRequest { before: None, limit: 1_000 };
        let read = self.engine.read(move |reader| reader.photos(&PhotoFilter::default(), page));
        read.await.unwrap().rows.iter().rev().map(|photo| photo.id).collect()
    }

    /// Holds the writer until told otherwise.
    async fn hold(&self) -> (JoinHandle<()>, Sender<()>) {
        let (holds, began, go) = Holds::new();
        let engine = self.engine.clone();
        let holding =
            tokio::spawn(async move { engine.submit(holds, SOON).await.unwrap().unwrap() });
        tokio::task::spawn_blocking(move || began.recv().unwrap()).await.unwrap();
        (holding, go)
    }

    /// Queues a command, and returns when it waits there.
    async fn queue<C: Command>(&self, command: C) -> JoinHandle<Result<(), EngineError>> {
        let engine = self.engine.clone();
        let mut waiting = Box::pin(async move { engine.submit(command, SOON).await.map(drop) });
        assert_eq!(at_once(&mut waiting).await, None, "it waits");
        tokio::spawn(waiting)
    }
}

/// A photo of so many bytes, unlike all of another number.
fn photo(number: usize, bytes: usize) -> StorePhoto {
    let mut content = vec![0; bytes];
    content[..8].copy_from_slice(&number.to_le_bytes());
    let mut sha256 = [0; 32];
    // Nobody looks here whether it is one.
    sha256[..8].copy_from_slice(&number.to_le_bytes());
    StorePhoto {
        cert_id: CertId::from("one"),
        sha256,
        format: PhotoFormat::Bmp,
        name: "a.bmp".into(),
        pic_type: "A001".into(),
        flow_id: "flow".into(),
        content: content.into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_photo_that_no_enrolment_names_goes_a_week_after_its_upload() {
    let gallery = Gallery::open(EngineOptions::default()).await;
    let first = gallery.store(0).await;
    let used = [gallery.store(1).await.id, gallery.store(2).await.id, gallery.store(3).await.id];
    assert_eq!(gallery.advance(seconds(60)).await, 0);
    gallery.enrol(used).await;
    let later = gallery.store(0).await;
    assert_eq!(gallery.advance(WEEK - seconds(61)).await, 0);
    assert_eq!(gallery.photos().await.len(), 5);
    assert_eq!(gallery.advance(seconds(1)).await, 1, "the first one's time has come");
    assert_eq!(gallery.photos().await, [&used[..], &[later.id]].concat());
    let (kept, gone) = (later.id, first.id);
    let content = gallery.engine.read(move |reader| reader.photo_and_content(kept)).await.unwrap();
    assert!(content.is_some(), "the later one is of the same, so that stays");
    let content = gallery.engine.read(move |reader| reader.photo_and_content(gone)).await.unwrap();
    assert_eq!(content, None);
    assert_eq!(gallery.advance(seconds(60)).await, 1);
    assert_eq!(gallery.advance(WEEK * 100).await, 0, "what an enrolment names stays");
    assert_eq!(gallery.photos().await, used);
    gallery.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_long_photos_are_kept_is_a_setting() {
    let minute = EngineOptions { orphan_photos: Duration::from_secs(60), ..Default::default() };
    let gallery = Gallery::open(minute).await;
    gallery.store(0).await;
    assert_eq!(gallery.advance(seconds(59)).await, 0);
    assert_eq!(gallery.advance(seconds(1)).await, 1);
    gallery.engine.stop().await;
    let ever = EngineOptions { orphan_photos: Duration::MAX, ..EngineOptions::default() };
    let gallery = Gallery::open(ever).await;
    gallery.store(0).await;
    assert_eq!(gallery.advance(WEEK * 1_000).await, 0);
    gallery.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_go_together_all_go() {
    let gallery = Gallery::open(EngineOptions::default()).await;
    for number in 0..600 {
        gallery.store(number).await;
    }
    assert_eq!(gallery.advance(WEEK).await, 600);
    assert_eq!(gallery.photos().await, []);
    gallery.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_be_read_keeps_no_other_from_going() {
    let gallery = Gallery::open(EngineOptions::default()).await;
    let first = gallery.store(0).await;
    for number in 1..20 {
        gallery.store(number).await;
    }
    let Gallery { directory, clock, engine } = gallery;
    engine.stop().await;
    tamper(&directory, &format!("UPDATE photos SET format = 9 WHERE id = {}", first.id));
    let engine = open(&directory, &clock, EngineOptions::default());
    let gallery = Gallery { directory, clock, engine };
    assert_eq!(gallery.advance(WEEK).await, 19);
    gallery.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_takes_only_so_many_bytes_of_photos() {
    let batches = Arc::new(Batches::default());
    let options = EngineOptions { observer: Some(batches.clone()), ..EngineOptions::default() };
    let gallery = Gallery::open(options).await;
    batches.0.lock().unwrap().clear();
    let (holding, go) = gallery.hold().await;
    let mut waiting = Vec::new();
    for number in 0..5 {
        waiting.push(gallery.queue(photo(number, PHOTO_BYTES_MAX)).await);
    }
    for number in 5..25 {
        waiting.push(gallery.queue(photo(number, 1_000)).await);
    }
    go.send(()).unwrap();
    holding.await.unwrap();
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    assert_eq!(*batches.0.lock().unwrap(), [1, 2, 2, 21]);
    assert_eq!(gallery.photos().await.len(), 25);
    gallery.engine.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_bytes_of_photos_wait_and_others_still_may() {
    let gallery = Gallery::open(EngineOptions::default()).await;
    let (holding, go) = gallery.hold().await;
    let mut waiting = Vec::new();
    for number in 0..32 {
        waiting.push(gallery.queue(photo(number, PHOTO_BYTES_MAX)).await);
    }
    let refused = gallery.engine.submit(photo(99, 8), SOON).await;
    assert_eq!(refused.unwrap_err(), EngineError::Busy);
    let (name, merchant_no) = ("a name".to_owned(), String::new());
    let org_no = Some("org".into());
    let other = gallery.queue(CreateOrganization { org_no, name, merchant_no }).await;
    go.send(()).unwrap();
    holding.await.unwrap();
    other.await.unwrap().unwrap();
    for one in waiting {
        one.await.unwrap().unwrap();
    }
    gallery.store(99).await;
    assert_eq!(gallery.photos().await.len(), 33);
    gallery.engine.stop().await;
}
