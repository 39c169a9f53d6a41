//! Which nonces were seen, so that a signed call cannot be sent again by somebody who overheard it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicI64, Ordering};

use huodong_engine::Chance;
use parking_lot::Mutex;
use siphasher::sip::SipHasher13;

/// A power of two: the shard is cut out of the hash.
const SHARDS: usize = 256;

/// How many times as many nonces as are left for all one application may hold. Alone it gets four
/// fifths of the memory; however many flood it, some is left for those that do not.
const SHARE: usize = 4;

/// Why a nonce was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceRefusal {
    /// It was seen before and its call could still be fresh.
    Replayed,
    /// As many are remembered, of all applications or of this one, as may be.
    Full,
}

/// The nonces of calls whose timestamp could still be fresh.
///
/// A nonce is kept as 64 bits of a hash under a random key, in the generation of its call's
/// timestamp; a generation spans the freshness window, so there are at most three that matter: a
/// timestamp may lie up to one window behind and one ahead. A whole generation is let go at once
/// when its last timestamp has gone stale. Two of n nonces collide, and one of them is refused
/// wrongly, with a chance of about n²/2⁶⁵: one in a million for 6 million.
///
/// The memory is this process's own. Which nonces were seen before it began it cannot know, so a
/// call from before that second is to be refused as stale (see [`Nonces::began`]): a signature
/// covers no body, and one that was overheard could otherwise be used once more after a restart,
/// with another body. The price is that a caller whose clock lags is refused for as long as it
/// lags after each start.
#[derive(Debug)]
pub struct Nonces {
    key: [u8; 16],
    span_s: i64,
    most: usize,
    began: i64,
    counts: Mutex<Counts>,
    swept_at: AtomicI64,
    shards: Box<[Mutex<Shard>]>,
}

/// How many are remembered.
#[derive(Debug, Default)]
struct Counts {
    all: usize,
    /// By the hash of the appid, then by generation.
    of: HashMap<u64, Vec<(i64, usize)>>,
}

impl Counts {
    /// Counts one more, if that may be.
    fn take(&mut self, app: u64, generation: i64, most: usize) -> bool {
        let held = self.of.entry(app).or_default();
        let own: usize = held.iter().map(|(_, count)| count).sum();
        if own >= SHARE.saturating_mul(most.saturating_sub(self.all)) {
            return false;
        }
        match held.iter_mut().find(|(number, _)| *number == generation) {
            Some((_, count)) => *count += 1,
            None => held.push((generation, 1)),
        }
        self.all += 1;
        true
    }

    fn retain(&mut self, keep: impl Fn(i64) -> bool) {
        self.of.retain(|_, held| {
            held.retain(|(generation, _)| keep(*generation));
            !held.is_empty()
        });
        self.all = self.of.values().flatten().map(|(_, count)| count).sum();
    }
}

#[derive(Debug, Default)]
struct Shard {
    generations: Vec<Generation>,
}

#[derive(Debug)]
struct Generation {
    /// Timestamps from `number * span_s` on.
    number: i64,
    seen: HashSet<u64, BuildHasherDefault<AsIs>>,
}

impl Nonces {
    /// Remembers up to `most` nonces, each for as long as a timestamp within `freshness_s` of the
    /// time could be fresh; none from before `began`.
    pub fn new(chance: Chance, freshness_s: u32, most: usize, began: i64) -> Self {
        Self {
            key: chance.bytes(),
            span_s: i64::from(freshness_s.max(1)),
            most,
            began,
            counts: Mutex::default(),
            swept_at: AtomicI64::new(i64::MIN),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// The first second (unix time) from which every nonce is remembered.
    pub fn began(&self) -> i64 {
        self.began
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.counts.lock().all
    }

    /// How many may be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// True when none is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a nonce of `appid` that came with `timestamp`, which the caller has found fresh at
    /// `now` (both in unix seconds, by the real clock).
    pub fn take(
        &self,
        appid: &str,
        nonce: &str,
        timestamp: i64,
        now: i64,
    ) -> Result<(), NonceRefusal> {
        if self.swept_at.swap(now, Ordering::Relaxed) != now {
            self.sweep(now);
        }
        let hash = self.hash(appid, nonce);
        // The set picks its slot by the low and the high bits; these are the ones in between.
        let shard = (hash >> 40) as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        if shard.generations.iter().any(|generation| generation.seen.contains(&hash)) {
            return Err(NonceRefusal::Replayed);
        }
        let number = timestamp.div_euclid(self.span_s);
        if !self.counts.lock().take(self.hash(appid, ""), number, self.most) {
            return Err(NonceRefusal::Full);
        }
        match shard.generations.iter_mut().find(|generation| generation.number == number) {
            Some(generation) => {
                generation.seen.insert(hash);
            }
            None => {
                let seen = HashSet::from_iter([hash]);
                shard.generations.push(Generation { number, seen });
            }
        }
        Ok(())
    }

    /// Lets go of everything that has gone stale; a call does this at each new second.
    pub fn sweep(&self, now: i64) {
        let stale_before = now.saturating_sub(self.span_s);
        let keep = |generation: i64| (generation + 1) * self.span_s > stale_before;
        for shard in &self.shards {
            shard.lock().generations.retain(|generation| keep(generation.number));
        }
        // After the shards, so that no more is ever remembered than is counted, but for what came
        // in between with a timestamp that was about to go stale; the next sweep takes that.
        self.counts.lock().retain(keep);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.sweep(i64::MAX);
    }

    fn hash(&self, appid: &str, nonce: &str) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(appid.as_bytes());
        hasher.write_u8(0xff);
        hasher.write(nonce.as_bytes());
        hasher.finish()
    }
}

/// Takes a number that is already a hash as it is.
#[derive(Clone, Copy, Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only u64 is hashed")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn a_nonce_is_taken_once_by_each_application() {
        let nonces = Nonces::new(Chance, 300, 100, 0);
        assert_eq!(nonces.take("a", "n", NOW, NOW), Ok(()));
        assert_eq!(nonces.take("a", "n", NOW, NOW), Err(NonceRefusal::Replayed));
        assert_eq!(nonces.take("b", "n", NOW, NOW), Ok(()));
        assert_eq!(nonces.take("a", "n2", NOW, NOW), Ok(()));
    }

    #[test]
    fn a_nonce_is_remembered_with_another_timestamp_too() {
        let nonces = Nonces::new(Chance, 300, 100, 0);
        assert_eq!(nonces.take("a", "n", NOW - 300, NOW), Ok(()));
        assert_eq!(nonces.take("a", "n", NOW + 300, NOW), Err(NonceRefusal::Replayed));
    }

    #[test]
    fn a_nonce_is_remembered_for_as_long_as_its_call_is_fresh() {
        for ahead in [-300, -1, 0, 1, 299, 300] {
            let nonces = Nonces::new(Chance, 300, 100, 0);
            let timestamp = NOW + ahead;
            assert_eq!(nonces.take("a", "n", timestamp, NOW), Ok(()));
            for now in NOW..=timestamp + 300 {
                let again = nonces.take("a", "n", timestamp, now);
                assert_eq!(again, Err(NonceRefusal::Replayed), "{ahead} at {now}");
            }
        }
    }

    #[test]
    fn a_full_memory_refuses_until_nonces_have_gone_stale() {
        let nonces = Nonces::new(Chance, 300, 3, 0);
        for nonce in ["1", "2", "3"] {
            assert_eq!(nonces.take("a", nonce, NOW, NOW), Ok(()));
        }
        assert_eq!(nonces.take("a", "4", NOW, NOW), Err(NonceRefusal::Full));
        assert_eq!(nonces.take("a", "1", NOW, NOW), Err(NonceRefusal::Replayed));
        assert_eq!(nonces.len(), 3);
        let later = NOW + 900;
        assert_eq!(nonces.take("a", "4", later, later), Ok(()));
        assert_eq!(nonces.len(), 1);
    }

    #[test]
    fn one_application_cannot_fill_the_memory_for_all() {
        let nonces = Nonces::new(Chance, 300, 100, 0);
        let flood = |appid: &str, now: i64| {
            let taken = |n: &usize| nonces.take(appid, &format!("{now}n{n}"), now, now).is_ok();
            (0..1_000).filter(taken).count()
        };
        assert_eq!(flood("greedy", NOW), 80);
        assert_eq!(flood("greedy too", NOW), 16);
        assert_eq!(nonces.take("modest", "n", NOW, NOW), Ok(()));
        // Once its nonces have gone stale, it begins anew.
        assert_eq!(flood("greedy", NOW + 900), 80);
        assert_eq!(nonces.len(), 80);
    }
}
