//! What the machine can do with the gateway's keys: no server on it can answer more calls a second.

use std::time::Duration;

use huodong_client::ysepay::Request;
use huodong_engine::source::monotonic;
use huodong_wire::ysepay::{Mode, PrivateKey, PublicKey, open};
use serde_json::{Value, json};

use super::cpu::Cpu;
use super::sign::cores;
use crate::failure::Failure;

/// About as much as a reply's signature covers.
const REPLY_BYTES: usize = 420;
/// How long each step is measured by itself.
const STEP: Duration = Duration::from_millis(300);

/// One request, and the keys that its answer takes.
pub(super) struct Work {
    pub(super) caller: PublicKey,
    pub(super) gateway: PrivateKey,
    pub(super) request: Request,
}

/// Steps a second of one core: the three that an answer takes, and all of them together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    mode: Mode,
    /// The request's signature.
    verify: f64,
    /// `check` and bizContent.
    open: f64,
    /// The reply's signature.
    sign: f64,
    all: f64,
}

/// Answers, were there nothing but their keys' work.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// A second, on every core.
    pub(super) per_s: f64,
    /// Processor time of one, in microseconds.
    pub(super) us_each: f64,
}

impl Bound {
    /// The mean of two measurements.
    pub(super) fn mean([a, b]: [Self; 2]) -> Self {
        let per_s = f64::midpoint(a.per_s, b.per_s);
        Self { per_s, us_each: f64::midpoint(a.us_each, b.us_each) }
    }
}

impl Work {
    fn verify(&self) {
        assert!(self.request.fields.verify(&self.caller), "the request is signed");
    }

    fn open(&self) {
        let field = |name| self.request.fields.get(name).unwrap_or_default();
        let opened = open([&self.gateway], field("check"), field("bizContent"));
        assert!(opened.is_ok(), "the request is sealed for this key");
    }

    fn sign(&self) {
        std::hint::black_box(self.gateway.sign(&[b'x'; REPLY_BYTES]));
    }

    /// What an answer takes.
    fn all(&self) {
        self.verify();
        self.open();
        self.sign();
    }

    /// Each step by itself, on one core.
    pub(super) fn steps(&self) -> Result<Steps, Failure> {
        Ok(Steps {
            mode: self.gateway.mode(),
            verify: rate(1, STEP, &|| self.verify())?.0,
            open: rate(1, STEP, &|| self.open())?.0,
            sign: rate(1, STEP, &|| self.sign())?.0,
            all: rate(1, STEP, &|| self.all())?.0,
        })
    }

    /// What every core together can do of it, and nothing else.
    pub(super) fn bound(&self, span: Duration) -> Result<Bound, Failure> {
        let before = Cpu::own()?;
        let (per_s, count) = rate(cores(), span, &|| self.all())?;
        Ok(Bound { per_s, us_each: before.us_each(count)? })
    }
}

impl Steps {
    pub(super) fn json(&self) -> Value {
        let Self { mode, verify, open, sign, all } = self;
        json!({"mode": mode.name(), "verify": verify, "open": open, "sign": sign, "all": all})
    }
}

impl std::fmt::Display for Steps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mode, verify, open, sign, all } = self;
        write!(
            f,
            "{mode}, one core: verify {verify:.0} /s, open {open:.0} /s, sign {sign:.0} /s; all three \
             {all:.0} /s"
        )
    }
}

/// How often a second some threads do it, and how often they did.
#[allow(clippy::cast_precision_loss)]
fn rate(threads: usize, span: Duration, work: &(dyn Fn() + Sync)) -> Result<(f64, u64), Failure> {
    let begin = monotonic();
    let until = begin + span;
    let repeat = || {
        let mut count = 0_u64;
        while monotonic() < until {
            work();
            count += 1;
        }
        count
    };
    let counts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(repeat)).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    let seconds = begin.elapsed().as_secs_f64();
    let mut all = 0;
    for count in counts {
        all += count.map_err(|_| Failure::new("a thread panicked"))?;
    }
    Ok((all as f64 / seconds, all))
}
