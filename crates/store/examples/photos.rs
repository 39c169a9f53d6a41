//! Measures photos kept in the database against photos kept as files named by their digests: how fast
//! they are stored and read, what they take on disk, and what donations beside them notice.
//!
//! ```text
//! cargo run --release -p huodong-store --example photos -- \
//!     photos=400 kib=500 directory=/var/tmp/photos
//! ```
//!
//! Each of these may be left out. A file is written beside its place, flushed, renamed, and its
//! directory flushed, before its row is committed: what it takes for an upload that was answered to
//! be there after a crash.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use huodong_campaign::*;
use huodong_store::{Reader, Store, StoreOptions};
use jiff::{SignedDuration, Timestamp};

/// What the engine lets one batch bring along.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
const DONATIONS: u64 = 256;

fn main() {
    let given: HashMap<String, String> = std::env::args()
        .skip(1)
        .filter_map(|arg| arg.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
        .collect();
    let number = |name: &str, default: usize| {
        given.get(name).map_or(default, |value| value.parse().expect("a number"))
    };
    let directory = given.get("directory").map_or_else(
        || std::env::temp_dir().join(format!("huodong-photos-{}", std::process::id())),
        PathBuf::from,
    );
    let (photos, bytes) = (number("photos", 400), number("kib", 500) * 1024);
    println!("{photos} photos of {} KiB each way", bytes / 1024);

    let mut bench = Bench::new(&directory.join("database"), bytes);
    bench.upload("database, one at a time", photos, 1, Bench::keep_in_database);
    bench.upload(
        "database, as the engine batches",
        photos,
        BATCH_BYTES / bytes,
        Bench::keep_in_database,
    );
    let stored = bench.stored.clone();
    let reader = bench.store.reader();
    read("database", &stored, |id| reader.photo_and_content(id).unwrap().unwrap().1);
    bench.donate("donations, no photo", 0, false);
    bench.donate("donations, a photo with every tenth batch", 10, false);
    bench.donate("donations, a photo with every batch", 1, false);
    bench.close("database", photos, false);

    let mut bench = Bench::new(&directory.join("files"), bytes);
    bench.upload("files, one at a time", photos, 1, Bench::keep_in_file);
    bench.upload("files, as the engine batches", photos, BATCH_BYTES / bytes, Bench::keep_in_file);
    let (stored, reader) = (bench.stored.clone(), bench.store.reader());
    read("files", &stored, |id| bench.read_file(&reader, id));
    bench.donate("donations, no photo", 0, true);
    bench.donate("donations, a file with every tenth batch", 10, true);
    bench.donate("donations, a file with every batch", 1, true);
    bench.close("files", photos, true);
    if !given.contains_key("directory") {
        std::fs::remove_dir_all(&directory).unwrap();
    }
}

struct Bench {
    store: Store,
    directory: PathBuf,
    bytes: usize,
    now: Timestamp,
    stored: Vec<Id>,
    made: u64,
    donated: u64,
}

/// Bytes that do not repeat and cannot be compressed.
fn content(number: u64, bytes: usize) -> Arc<[u8]> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(bytes).collect()
}

fn sha256(content: &[u8]) -> [u8; 32] {
    digest(&SHA256, content).as_ref().try_into().unwrap()
}

impl Bench {
    fn new(directory: &Path, bytes: usize) -> Self {
        let (store, _) = Store::open(&StoreOptions::at(directory)).unwrap();
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        let directory = directory.to_owned();
        let stored = Vec::new();
        let mut bench = Self { store, directory, bytes, now, stored, made: 0, donated: 0 };
        bench.furnish();
        bench
    }

    fn furnish(&mut self) {
        let org_no = OrgNo::from("org");
        let name = || "A name".to_owned();
        self.command(CreateInitiator {
            cert_id: Some(CertId::from("one")),
            name: name(),
            mode: EnvelopeMode::Sm2,
            public_key: String::new(),
            plain_replies: false,
            strict_req_id: false,
            rate_per_s: None,
        });
        self.command(CreateOrganization {
            org_no: Some(org_no.clone()),
            name: name(),
            merchant_no: "1".to_owned(),
        });
        self.command(Deposit { org_no: org_no.clone(), money: Fen(1 << 40) });
        self.command(CreateApplication {
            appid: Some(AppId::from("app")),
            org_no: org_no.clone(),
            name: name(),
            sealed_secret: Vec::new(),
            rate_per_s: None,
            flowers_per_day: 1,
        });
        self.command(AssignBid { bid: Some(Bid::from("b")), appid: AppId::from("app") });
        self.command(CreateProject { project_no: Some(ProjectNo::from("p")), name: name() });
        let activity_no = ActivityNo::from("a");
        self.command(CreateActivity {
            activity_no: Some(activity_no.clone()),
            org_no,
            kind: ActivityKind::Points,
            name: name(),
            starts_at: self.now - SignedDuration::from_hours(1),
            ends_at: self.now + SignedDuration::from_hours(1000),
            projects: vec![ProjectNo::from("p")],
            rules: Vec::new(),
            limits: UserLimits::default(),
            channel: Channel::Book(BookRule::all_succeed(Settlement::Instant)),
        });
        self.command(FundActivity { activity_no: activity_no.clone(), money: Fen(1 << 39) });
        self.command(SetStatus { activity_no, status: ActivityStatus::Running });
    }

    /// A photo that nobody has stored yet.
    fn photo(&mut self) -> StorePhoto {
        self.made += 1;
        let content = content(self.made, self.bytes);
        StorePhoto {
            cert_id: CertId::from("one"),
            sha256: sha256(&content),
            format: PhotoFormat::Jpeg,
            name: "photo.jpg".into(),
            pic_type: "A001".into(),
            flow_id: "flow".into(),
            content,
        }
    }

    fn keep_in_database(&mut self, photos: Vec<StorePhoto>) {
        let done = self.batch(&photos);
        self.stored.extend(done.into_iter().map(|photo| photo.id));
    }

    /// The contents become files; a row is as long as a digest.
    fn keep_in_file(&mut self, photos: Vec<StorePhoto>) {
        for photo in &photos {
            write_file(&self.directory, photo);
        }
        let rows: Vec<StorePhoto> = photos.iter().map(row_only).collect();
        self.keep_in_database(rows);
    }

    fn read_file(&self, reader: &Reader, id: Id) -> Vec<u8> {
        let photo = reader.photo(id).unwrap().unwrap();
        std::fs::read(place(&self.directory, &photo.sha256)).unwrap()
    }

    fn upload(
        &mut self,
        how: &str,
        photos: usize,
        each: usize,
        store: fn(&mut Self, Vec<StorePhoto>),
    ) {
        let mut times = Vec::new();
        for _ in 0..photos.div_ceil(each) {
            self.now += SignedDuration::from_millis(10);
            let photos: Vec<_> = (0..each).map(|_| self.photo()).collect();
            let begun = Instant::now();
            store(self, photos);
            times.push(begun.elapsed());
        }
        let took: Duration = times.iter().sum();
        let rate = (times.len() * each) as f64 / took.as_secs_f64();
        println!("{how:42} {rate:7.0}/s, {}", percentiles(times));
    }

    /// Batches of donations, a photo with every so many of them. Files are written before the batch,
    /// as they would be on another thread.
    fn donate(&mut self, what: &str, every: u64, as_files: bool) {
        const BATCHES: u64 = 400;
        let mut times = Vec::new();
        for nth in 0..BATCHES {
            self.now += SignedDuration::from_millis(10);
            let donations: Vec<Donate> = (0..DONATIONS).map(|n| donate(self.donated + n)).collect();
            self.donated += DONATIONS;
            let mut photo = (every > 0 && nth % every == 0).then(|| self.photo());
            if as_files && let Some(photo) = &mut photo {
                write_file(&self.directory, photo);
                *photo = row_only(photo);
            }
            let begun = Instant::now();
            self.mixed(&donations, photo.as_ref());
            times.push(begun.elapsed());
        }
        println!("{what:42} {}", percentiles(times));
    }

    fn mixed(&mut self, donations: &[Donate], photo: Option<&StorePhoto>) {
        let first_id = (self.now.as_millisecond() - 1_577_836_800_000) << 20;
        let mut world = World::new(self.now, first_id.max(self.store.last_id() + 1));
        let mut wanted = Wanted::default();
        donations.iter().for_each(|command| command.wants(&mut wanted));
        photo.into_iter().for_each(|command| command.wants(&mut wanted));
        self.store.load(&wanted, &mut world).unwrap();
        for command in donations {
            command.decide(&mut world).unwrap();
        }
        if let Some(command) = photo {
            command.decide(&mut world).unwrap();
        }
        self.store.save(&world).unwrap();
    }

    /// Removes some, then closes, and tells what is on disk.
    fn close(mut self, how: &str, photos: usize, as_files: bool) {
        let mut times = Vec::new();
        let orphans = self.stored[..photos / 2].to_vec();
        for these in orphans.chunks(8) {
            let digest = |id: &Id| self.store.reader().photo(*id).unwrap().unwrap().sha256;
            let digests: Vec<[u8; 32]> = these.iter().map(digest).collect();
            let command = RemovePhotos { photos: these.to_vec(), uploaded_until: self.now };
            let begun = Instant::now();
            assert_eq!(self.command(command), these.len() as u64);
            for sha256 in digests.iter().filter(|_| as_files) {
                std::fs::remove_file(place(&self.directory, sha256)).unwrap();
            }
            times.push(begun.elapsed());
        }
        println!("{:42} {}", format!("{how}, removing eight"), percentiles(times));
        let Self { store, directory, made, bytes, .. } = self;
        drop(store);
        let used = size(&directory);
        let net = made * bytes as u64;
        println!("{how}: {} MiB on disk for {} MiB of photos", used >> 20, net >> 20);
    }

    fn command<C: Command<Refusal: std::fmt::Debug>>(&mut self, command: C) -> C::Done {
        self.batch(&[command]).remove(0)
    }

    fn batch<C: Command<Refusal: std::fmt::Debug>>(&mut self, commands: &[C]) -> Vec<C::Done> {
        let first_id = (self.now.as_millisecond() - 1_577_836_800_000) << 20;
        let mut world = World::new(self.now, first_id.max(self.store.last_id() + 1));
        let mut wanted = Wanted::default();
        commands.iter().for_each(|command| command.wants(&mut wanted));
        self.store.load(&wanted, &mut world).unwrap();
        let done = commands.iter().map(|command| command.decide(&mut world).unwrap()).collect();
        self.store.save(&world).unwrap();
        done
    }
}

fn row_only(photo: &StorePhoto) -> StorePhoto {
    StorePhoto { content: photo.sha256.into(), ..photo.clone() }
}

fn place(directory: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    directory.join("contents").join(&name[..2]).join(name)
}

fn write_file(directory: &Path, photo: &StorePhoto) {
    let place = place(directory, &photo.sha256);
    let parent = place.parent().unwrap();
    std::fs::create_dir_all(parent).unwrap();
    let beside = place.with_extension("new");
    let mut file = File::create(&beside).unwrap();
    file.write_all(&photo.content).unwrap();
    file.sync_all().unwrap();
    std::fs::rename(&beside, &place).unwrap();
    File::open(parent).unwrap().sync_all().unwrap();
}

fn read(how: &str, stored: &[Id], ask: impl Fn(Id) -> Vec<u8>) {
    let mut times = Vec::new();
    for n in 0..2_000_usize {
        let id = stored[n * 7_919 % stored.len()];
        let begun = Instant::now();
        let content = ask(id);
        times.push(begun.elapsed());
        assert!(!content.is_empty());
    }
    println!("{:42} {}", format!("{how}, reading"), percentiles(times));
}

fn donate(number: u64) -> Donate {
    let code = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Donate {
        key: DonationKey { bid: Bid::from("b"), reward_transcode: format!("{code:032x}").into() },
        appid: AppId::from("app"),
        org_no: OrgNo::from("org"),
        activity_no: ActivityNo::from("a"),
        project_no: ProjectNo::from("p"),
        third_uid: ThirdUid::from(format!("user{}", number % 100_000)),
        reward: 7,
        reward_time: "2026-11-21T09:59:58".parse().unwrap(),
        money: Fen(1),
    }
}

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    format!("p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms", at(50), at(99), at(100))
}

fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() { size(&entry.path()) } else { metadata.len() }
        })
        .sum()
}
