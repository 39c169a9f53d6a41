//! Where work with keys is done: off the async threads, as much at once as there are cores; answers
//! are signed before further calls are looked at, and these before callbacks, but not so that any of
//! them starves.
//!
//! An RSA signature takes a fifth of a millisecond of a core, and so does looking at a call of the
//! ysepay gateway's. On an async thread it would hold up every other call there; on a thread for each
//! it would make thousands of them. So what is to be done waits in queues, and up to one *signer* for
//! each core, on tokio's blocking threads, works them off: whoever brings the first piece starts a
//! signer, which goes on until nothing waits. Under load no thread is woken and none goes to sleep
//! between two signatures.
//!
//! Answers go first, as a call that was begun is better finished than another begun; by that whoever
//! floods one face with forged calls delays hardly anybody's answers. While answers keep the signers
//! busy, the others have their turn after every few of them: a callback has an attempt's time limit
//! behind it, and a receiver that waits for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use huodong_engine::source::monotonic;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Which of several pieces goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody waits for an answer that is ready but for its signature.
    Reply,
    /// A call is to be verified and opened.
    Call,
    /// A callback is due.
    Callback,
}

const KINDS: usize = 3;
/// So many of each kind may go in a row before others that wait.
const IN_A_ROW: [usize; KINDS] = [4, 2, 1];

/// What a signature takes as long as none has been made: an RSA-2048 one of a slow core.
const TAKES_AT_FIRST: Duration = Duration::from_micros(250);

/// The most that one piece counts for in the mean: a core that was away for a second says nothing
/// of the next signature.
const COUNTS_AT_MOST: Duration = Duration::from_millis(10);

/// How many pieces the mean is taken over, about.
const MEAN_OF: u32 = 16;

type Piece = Box<dyn FnOnce() + Send>;

/// The signers and what waits for them. Cheap to clone.
#[derive(Clone)]
pub struct Signers(Arc<Inner>);

struct Inner {
    at_once_max: usize,
    queues: Mutex<Queues>,
}

struct Queues {
    at_work: usize,
    /// What waits, by urgency.
    waiting: [VecDeque<Piece>; KINDS],
    /// How many of each kind went before those that are next.
    went: [usize; KINDS],
    /// The mean of what the last pieces took.
    takes: Duration,
}

impl Default for Queues {
    fn default() -> Self {
        Self { at_work: 0, waiting: Default::default(), went: [0; KINDS], takes: TAKES_AT_FIRST }
    }
}

impl Queues {
    fn took(&mut self, took: Duration) {
        self.takes = (self.takes * (MEAN_OF - 1) + took.min(COUNTS_AT_MOST)) / MEAN_OF;
    }

    fn next(&mut self) -> Option<Piece> {
        let waits = |kind: &usize| !self.waiting[*kind].is_empty();
        let first = (0..KINDS).find(waits)?;
        let has_turn = |kind: &usize| waits(kind) && self.went[*kind] < IN_A_ROW[*kind];
        let alone = !(first + 1..KINDS).any(|kind| waits(&kind));
        let next = (first..KINDS).find(has_turn).filter(|_| !alone).unwrap_or_else(|| {
            self.went = [0; KINDS];
            first
        });
        // What nobody waits behind counts for nothing.
        self.went[next] += usize::from(!alone);
        self.waiting[next].pop_front()
    }

    /// How many pieces go before one of this kind that comes now.
    fn before(&self, kind: usize) -> usize {
        let own = self.waiting[kind].len();
        let rounds = own / IN_A_ROW[kind] + 1;
        let others = (0..KINDS).filter(|other| *other != kind);
        own + others.map(|it| self.waiting[it].len().min(rounds * IN_A_ROW[it])).sum::<usize>()
    }
}

impl std::fmt::Debug for Signers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signers({} waiting)", self.waiting())
    }
}

impl Signers {
    /// As many as there are cores.
    pub fn for_each_core() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, Into::into))
    }

    /// So many.
    pub fn new(at_once_max: usize) -> Self {
        Self(Arc::new(Inner { at_once_max: at_once_max.max(1), queues: Mutex::default() }))
    }

    /// How many pieces wait.
    pub fn waiting(&self) -> usize {
        self.0.queues.lock().waiting.iter().map(VecDeque::len).sum()
    }

    /// How long an answer would wait for its signature that was asked for now, going by what the
    /// last pieces took.
    pub fn backlog(&self) -> Duration {
        self.backlog_of(Urgency::Reply)
    }

    /// The same for any piece.
    pub fn backlog_of(&self, urgency: Urgency) -> Duration {
        let queues = self.0.queues.lock();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let before = count(queues.before(urgency as usize));
        queues.takes.saturating_mul(before) / count(self.0.at_once_max)
    }

    /// Has a piece of work done and waits for it. One that nobody waits for any more is left out.
    /// Call it on a tokio runtime.
    ///
    /// # Panics
    /// When the work does.
    pub async fn run<T: Send + 'static>(
        &self,
        urgency: Urgency,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let (done, waiting) = oneshot::channel();
        let piece: Piece = Box::new(move || {
            if !done.is_closed() {
                // Who has gone in between misses it.
                let _ = done.send(work());
            }
        });
        let another = {
            let mut queues = self.0.queues.lock();
            queues.waiting[urgency as usize].push_back(piece);
            let another = queues.at_work < self.0.at_once_max;
            queues.at_work += usize::from(another);
            another
        };
        if another {
            let signer = Signer { inner: Arc::clone(&self.0), at_work: true };
            tokio::task::spawn_blocking(move || signer.work_off());
        }
        waiting.await.expect("the work panicked, or the runtime is ending")
    }
}

/// One that counts as being at work until it is dropped, however that comes about.
struct Signer {
    inner: Arc<Inner>,
    at_work: bool,
}

impl Signer {
    fn work_off(mut self) {
        let mut took = None;
        while let Some(piece) = self.next(took) {
            let began = monotonic();
            piece();
            took = Some(began.elapsed());
        }
    }

    /// The next piece, after one that took so long.
    fn next(&mut self, took: Option<Duration>) -> Option<Piece> {
        let mut queues = self.inner.queues.lock();
        if let Some(took) = took {
            queues.took(took);
        }
        let piece = queues.next();
        if piece.is_none() {
            // Under the same lock: a piece that came in between would wait for a signer that is
            // about to go.
            queues.at_work -= 1;
            self.at_work = false;
        }
        piece
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        if self.at_work {
            self.inner.queues.lock().at_work -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn answers_go_before_callbacks() {
        let signers = Signers::new(1);
        let order = Arc::new(Mutex::new(Vec::new()));
        let (go, gate) = mpsc::channel::<()>();
        let first = signers.run(Urgency::Callback, move || gate.recv().is_ok());
        let note = |urgency, name: &'static str| {
            let order = Arc::clone(&order);
            signers.run(urgency, move || order.lock().push(name))
        };
        let rest = join_all([
            note(Urgency::Callback, "callback 1"),
            note(Urgency::Reply, "reply 1"),
            note(Urgency::Callback, "callback 2"),
            note(Urgency::Reply, "reply 2"),
        ]);
        let opened = async {
            // By now all five have been asked for.
            while signers.waiting() < 4 {
                tokio::task::yield_now().await;
            }
            go.send(()).expect("the first piece waits for it");
        };
        let (first, _, ()) = tokio::join!(first, rest, opened);
        assert!(first);
        assert_eq!(*order.lock(), ["reply 1", "reply 2", "callback 1", "callback 2"]);
    }

    #[test]
    fn a_callback_has_its_turn_however_many_answers_wait() {
        let order = Arc::new(Mutex::new(String::new()));
        let note = |letter| -> Piece {
            let order = Arc::clone(&order);
            Box::new(move || order.lock().push(letter))
        };
        let mut queues = Queues::default();
        // Answers that no callback waited behind count for nothing.
        queues.waiting[0].extend((0..3).map(|_| note('r')));
        for _ in 0..3 {
            queues.next().expect("an answer waits")();
        }
        queues.waiting[0].extend((0..10).map(|_| note('r')));
        queues.waiting[2].extend((0..4).map(|_| note('c')));
        while let Some(piece) = queues.next() {
            piece();
        }
        assert_eq!(*order.lock(), "rrr rrrrc rrrrc rrcc".replace(' ', ""));
        order.lock().clear();
        queues.waiting[0].extend((0..9).map(|_| note('r')));
        queues.waiting[1].extend((0..9).map(|_| note('v')));
        queues.waiting[2].extend((0..3).map(|_| note('c')));
        while let Some(piece) = queues.next() {
            piece();
        }
        assert_eq!(*order.lock(), "rrrrvvc rrrrvvc rvvc vvv".replace(' ', ""));
    }

    #[test]
    fn the_backlog_is_what_waits_for_as_long_as_the_last_pieces_took() {
        let signers = Signers::new(2);
        assert_eq!(signers.backlog(), Duration::ZERO);
        let mut queues = signers.0.queues.lock();
        let piece = || -> Piece { Box::new(|| ()) };
        queues.waiting[0].extend((0..80).map(|_| piece()));
        // Of these, every fifth turn is one's.
        queues.waiting[2].extend((0..1_000).map(|_| piece()));
        drop(queues);
        assert_eq!(signers.backlog(), TAKES_AT_FIRST * 101 / 2);
        assert_eq!(signers.backlog_of(Urgency::Call), TAKES_AT_FIRST * 5 / 2);
        assert_eq!(signers.backlog_of(Urgency::Callback), TAKES_AT_FIRST * 1_080 / 2);
        for _ in 0..200 {
            signers.0.queues.lock().took(Duration::from_millis(1));
        }
        let (low, high) = (Duration::from_micros(50_400), Duration::from_micros(50_500));
        assert!((low..=high).contains(&signers.backlog()), "{:?}", signers.backlog());
        // One that was held up does not make the signers look dead.
        signers.0.queues.lock().took(Duration::from_secs(60));
        assert!(signers.backlog() < high * 2, "{:?}", signers.backlog());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_piece_is_done_and_no_more_at_once_than_may_be() {
        let signers = Signers::new(2);
        let at_once = Arc::new(Mutex::new((0, 0)));
        let pieces = (0..1_000_u64).map(|number| {
            let at_once = Arc::clone(&at_once);
            signers.run(Urgency::Reply, move || {
                let now = {
                    let mut at_once = at_once.lock();
                    at_once.0 += 1;
                    at_once.1 = at_once.1.max(at_once.0);
                    at_once.0
                };
                assert!(now <= 2);
                at_once.lock().0 -= 1;
                number
            })
        });
        assert_eq!(join_all(pieces).await, (0..1_000).collect::<Vec<_>>());
        assert_eq!(signers.waiting(), 0);
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_left_out_and_a_panic_frees_its_place() {
        let signers = Signers::new(1);
        let (go, gate) = mpsc::channel::<()>();
        let held = tokio::spawn({
            let signers = signers.clone();
            async move { signers.run(Urgency::Reply, move || gate.recv().is_ok()).await }
        });
        tokio::task::yield_now().await;
        let ran = Arc::new(Mutex::new(false));
        let gone = tokio::spawn({
            let (signers, ran) = (signers.clone(), Arc::clone(&ran));
            async move { signers.run(Urgency::Reply, move || *ran.lock() = true).await }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.is_err());
        go.send(()).expect("the first piece waits for it");
        assert!(held.await.expect("it was done"));
        let panicking = tokio::spawn({
            let signers = signers.clone();
            async move { signers.run(Urgency::Reply, || panic!("a broken key")).await }
        });
        assert!(panicking.await.is_err());
        assert_eq!(signers.run(Urgency::Reply, || 7).await, 7);
        assert!(!*ran.lock());
    }
}
