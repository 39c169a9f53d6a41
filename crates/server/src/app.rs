//! What every handler can reach.

use std::sync::Arc;
use std::time::Duration;

use huodong_campaign::{
    AppId, Application, Bid, CampaignNo, CertId, Initiator, Institution, InstitutionId, OpenidPage,
    PlatformKey, PlatformSerial,
};
use huodong_engine::{Chance, Engine, EngineError};
use huodong_store::{PageRequest, Reader, StoreError};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::directory::{Directory, purpose, wechat_purpose};
use crate::faults::Faults;
use crate::health::Health;
use crate::lakala::{Courier, LakalaSettings};
use crate::metrics::Metrics;
use crate::nonces::Nonces;
use crate::openid::OpenidPages;
use crate::platform::Platform;
use crate::rate::Rate;
use crate::sandbox::WechatCodes;
use crate::secrets::{MasterKey, SecretError};
use crate::sent::SentLog;
use crate::shared_nonces::SharedNonces;
use crate::signing::Signers;
use crate::trace::TraceIds;
use crate::ysepay::{YsepaySettings, places_for};

/// How often a node looks whether another has changed what it keeps in memory.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Openid pages read with one question.
const OPENID_PAGES_AT_ONCE: usize = 500;

/// What an operator of the server may set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How far a signature's timestamp may be from the real clock, either way.
    pub freshness_s: u32,
    /// How long a call may wait for its outcome.
    pub deadline: Duration,
    /// The largest request body.
    pub body_bytes_max: usize,
    /// How long a caller may take to send a request's body.
    pub body_deadline: Duration,
    /// Calls a second for an application that has no rate of its own.
    pub rate_per_s: u32,
    /// Nonces remembered at once; beyond that calls are refused as too many, those of one application
    /// when it holds four times what is left for all. A nonce is remembered for up to twice `freshness_s`, so this bounds the calls a second that can be kept up for
    /// long; one takes about 16 bytes.
    pub nonces_max: usize,
    /// What is about coupons only.
    pub lakala: LakalaSettings,
    /// What is about the ysepay gateway only.
    pub ysepay: YsepaySettings,
    /// Where users reach this server, as `https://m.example.com`: WeChat sends them back there.
    /// A sandbox goes by the address it was called at where none is set.
    pub public_url: Option<String>,
    /// Where users are sent to agree; `None` is WeChat, and in a sandbox the sandbox's own.
    pub wechat_authorize_base: Option<String>,
    /// Where WeChat is asked whose a code is; `None` as above.
    pub wechat_api_base: Option<String>,
    /// How long WeChat may take to say whose a code is.
    pub wechat_timeout: Duration,
    /// Users a second that one openid page sends to WeChat. What is remembered of each for ten
    /// minutes is bounded for all pages together; this keeps one from filling it.
    pub openid_rate_per_s: u32,
    /// True when the sandbox's controls are served.
    pub sandbox: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            freshness_s: 300,
            deadline: Duration::from_secs(5),
            body_bytes_max: 64 * 1024,
            body_deadline: Duration::from_secs(10),
            rate_per_s: 100_000,
            nonces_max: 8_000_000,
            lakala: LakalaSettings::default(),
            ysepay: YsepaySettings::default(),
            public_url: None,
            wechat_authorize_base: None,
            wechat_api_base: None,
            wechat_timeout: Duration::from_secs(5),
            openid_rate_per_s: 200,
            sandbox: false,
        }
    }
}

/// What every handler can reach; one for each server, shared in an `Arc`.
#[derive(Debug)]
pub struct App {
    /// Where changes go and answers come from. `engine.clock()` has both clocks.
    pub engine: Engine,
    /// Unpredictable bytes.
    pub chance: Chance,
    /// What secrets are sealed under.
    pub master_key: MasterKey,
    /// Who may call.
    pub directory: Directory,
    /// What the operator set.
    pub settings: Settings,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What the platform signs with.
    pub platform: Platform,
    /// Who does the signing.
    pub signers: Signers,
    /// How many answers to strangers at lakala's face are signed.
    pub strangers: Rate,
    /// The same at ysepay's.
    pub gateway_strangers: Rate,
    /// Permits for the memory that photos may take.
    pub upload_places: Arc<Semaphore>,
    /// Which nonces gongyi applications have used.
    pub nonces: Nonces,
    /// What keeps a nonce that was used at this node from being used at another; `None` where the
    /// database is this process's own.
    pub shared_nonces: Option<SharedNonces>,
    /// Which nonces lakala institutions have used. Their signatures cover the body, so a call
    /// from before the start may be taken: all it could do it has done already.
    pub lakala_nonces: Nonces,
    /// Where trace ids come from.
    pub trace_ids: TraceIds,
    /// Whether the server is about to stop.
    pub health: Health,
    /// What the sandbox does wrong on demand; empty elsewhere.
    pub faults: Faults,
    /// What callbacks the sandbox has sent; empty elsewhere.
    pub sent: SentLog,
    /// What the openid pages remember.
    pub openid: OpenidPages,
    /// The codes the sandbox's own WeChat gave; empty elsewhere.
    pub wechat_codes: WechatCodes,
    /// Held while the partners are read in: as of which of the database's changes they are.
    refreshing: tokio::sync::Mutex<Option<i64>>,
}

/// Why the partners could not be read in.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The store did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A secret was sealed under another master key.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// An institution's certificate is of no use.
    #[error("the certificate of institution {0}: {1}")]
    Certificate(InstitutionId, String),
    /// An initiator's public key is of no use.
    #[error("the public key of initiator {0}: {1}")]
    InitiatorKey(CertId, String),
    /// A platform key is of no use.
    #[error("the platform key {0}: {1}")]
    PlatformKey(PlatformSerial, String),
}

impl App {
    /// With no partners yet: [`App::refresh`] reads them in. `metrics` is what the engine was
    /// given as its observer.
    pub fn new(
        engine: Engine,
        master_key: MasterKey,
        settings: Settings,
        metrics: Arc<Metrics>,
    ) -> Self {
        let chance = Chance;
        let shared_nonces = SharedNonces::start(engine.reader());
        // What was used before this process began, a shared database knows.
        let began = match &shared_nonces {
            Some(_) => i64::MIN,
            None => engine.clock().real().as_second(),
        };
        let (lakala, ysepay) = (&settings.lakala, &settings.ysepay);
        Self {
            engine,
            chance,
            master_key,
            directory: Directory::default(),
            platform: Platform::default(),
            signers: Signers::for_each_core(),
            strangers: Rate::new(lakala.strangers_signed_per_s),
            gateway_strangers: Rate::new(ysepay.strangers_signed_per_s),
            upload_places: Arc::new(Semaphore::new(places_for(ysepay.uploads_at_once_max))),
            lakala_nonces: Nonces::new(chance, lakala.freshness_s, lakala.nonces_max, i64::MIN),
            nonces: Nonces::new(chance, settings.freshness_s, settings.nonces_max, began),
            shared_nonces,
            settings,
            metrics,
            trace_ids: TraceIds::new(chance),
            health: Health::default(),
            faults: Faults::default(),
            sent: SentLog::default(),
            openid: OpenidPages::new(chance, began),
            wechat_codes: WechatCodes::default(),
            refreshing: tokio::sync::Mutex::default(),
        }
    }

    /// Seals an application's secret for keeping.
    pub fn seal_secret(&self, appid: &AppId, secret: &str) -> Vec<u8> {
        self.master_key.seal(self.chance, &purpose(appid), secret.as_bytes())
    }

    /// Seals the WeChat secret of an openid page for keeping.
    pub fn seal_wechat_secret(&self, campaign: &CampaignNo, secret: &str) -> Vec<u8> {
        self.master_key.seal(self.chance, &wechat_purpose(campaign), secret.as_bytes())
    }

    /// Opens what [`App::seal_wechat_secret`] sealed.
    pub fn open_wechat_secret(
        &self,
        campaign: &CampaignNo,
        sealed: &[u8],
    ) -> Result<String, SecretError> {
        let bytes = self.master_key.open(&wechat_purpose(campaign), sealed)?;
        String::from_utf8(bytes).map_err(|_| SecretError::DoesNotOpen)
    }

    /// Reads the partners, their openid pages and the platform's keys in; at start, and after each
    /// change to one.
    pub async fn refresh(&self) -> Result<(), RefreshError> {
        // One at a time: of two side by side the slower could put back what it read before the
        // other's change, and a revoked application would be let in again.
        let mut as_of = self.refreshing.lock().await;
        let read = self.engine.read_waiting(|reader| {
            Ok(Partners {
                // First: what changes meanwhile is then read in again.
                changes: reader.changes()?,
                applications: reader.all_applications()?,
                institutions: reader.all_institutions()?,
                initiators: reader.all_initiators()?,
                openid_pages: all_openid_pages(reader)?,
                keys: reader.platform_keys()?,
            })
        });
        let Partners { changes, applications, institutions, initiators, openid_pages, keys } =
            read.await?;
        // What cannot be read of one kind keeps no revocation of another from being heard.
        let (directory, settings, key) = (&self.directory, &self.settings, &self.master_key);
        let applications = directory.replace(key, settings.rate_per_s, applications);
        let institutions = directory.replace_institutions(&settings.lakala, institutions);
        let initiators = directory.replace_initiators(&settings.ysepay, initiators);
        directory.replace_openid_pages(settings.openid_rate_per_s, openid_pages);
        self.platform.replace(key, &keys, self.engine.clock().real())?;
        applications?;
        institutions.and(initiators)?;
        *as_of = Some(changes);
        Ok(())
    }

    /// Reads in again, for as long as this app lives, what other nodes have changed; where that fails,
    /// until it does not. Nothing to do where the database is this process's own.
    pub fn follow(self: &Arc<Self>) {
        if !self.engine.reader().is_shared() {
            return;
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(FOLLOW_EVERY).await;
                let Some(app) = weak.upgrade() else { return };
                if let Err(error) = app.catch_up().await {
                    tracing::warn!(%error, "what other nodes changed is not known; trying again");
                }
            }
        });
    }

    async fn catch_up(&self) -> Result<(), RefreshError> {
        let changes = self.engine.read_waiting(|reader| reader.changes()).await?;
        let is_known = *self.refreshing.lock().await == Some(changes);
        if is_known { Ok(()) } else { self.refresh().await }
    }

    /// Begins to send callbacks, for as long as the engine runs. Once, when the platform has its
    /// keys (see [`ensure_platform_keys`](crate::ensure_platform_keys)).
    pub fn start_delivery(self: &Arc<Self>) -> std::io::Result<()> {
        let courier = Arc::new(Courier::new(self));
        self.engine.deliver_with(courier, self.settings.lakala.delivery.clone())
    }
}

/// What is read in at once.
struct Partners {
    changes: i64,
    applications: Vec<(Application, Vec<Bid>)>,
    institutions: Vec<Institution>,
    initiators: Vec<Initiator>,
    openid_pages: Vec<OpenidPage>,
    keys: Vec<PlatformKey>,
}

fn all_openid_pages(reader: &Reader) -> Result<Vec<OpenidPage>, StoreError> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = reader.openid_pages(PageRequest { before, limit: OPENID_PAGES_AT_ONCE })?;
        all.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return Ok(all);
        }
    }
}
