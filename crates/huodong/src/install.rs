//! What is done to an installation's database by itself: migrate, token, audit. With the embedded
//! store no server may run meanwhile.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use huodong_campaign::{
    Actor, Audited, Command, CreateToken, Operated, OperatorToken, RevokeToken, Role, SHANGHAI,
};
use huodong_engine::{Chance, Clock, Engine, EngineOptions};
use huodong_server::operator::token;
use huodong_store::{AuditReport, Store};
use jiff::{Span, Timestamp};

use crate::config::Config;
use crate::failure::{Context as _, Failure};
use crate::settings::{Installation, migrate_store, open_existing, open_store};

/// How long one command may take; nobody else is at the database.
const DEADLINE: Duration = Duration::from_secs(60);

/// Makes the database, or brings an older one up to this version. `huodong serve` does so too; this
/// is for those who want it as a step of its own. A database of a newer version is refused.
#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    installation: Installation,
}

impl Migrate {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let config = self.installation.settings(Vec::new())?;
        let opened = migrate_store(&config)?;
        let directory = config.store.name();
        if opened.from_version == opened.version {
            println!("{directory}: schema version {}, nothing to do", opened.version);
        } else {
            let (from, to) = (opened.from_version, opened.version);
            println!("{directory}: migrated from schema version {from} to {to}");
        }
        Ok(())
    }
}

/// Reads the whole database and checks all that must always hold: each account's balance is the sum
/// of its transfers, all accounts together are zero, every donation holds or moved exactly its
/// money, nothing is overdrawn, no key was used twice, no user is beyond a limit. Prints what it
/// checked; exit code 1 when something does not hold. A database of an older version is refused: that
/// version's program audits it, or `huodong migrate` makes it one of this version, for good.
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(flatten)]
    installation: Installation,
}

impl Audit {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let config = self.installation.settings(Vec::new())?;
        let store = open_existing(&config)?;
        let report = store.reader().verify().cannot("check the database")?;
        print_report(&report)
    }
}

/// Prints what was checked; fails where something does not hold.
pub(crate) fn print_report(report: &AuditReport) -> Result<(), Failure> {
    for (what, rows) in &report.checked {
        println!("checked  {rows:>12}  {what}");
    }
    for violation in &report.violations {
        println!("VIOLATED {violation}");
    }
    if report.checked.is_empty() {
        Err(Failure::new("nothing was checked"))
    } else if report.violations.is_empty() {
        println!("OK: everything holds");
        Ok(())
    } else {
        Err(Failure::new(format!("{} violations", report.violations.len())))
    }
}

/// Operator tokens, straight in the database: how an installation gets its first one. While the
/// server runs, use the operator API's /operator/v1/tokens.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  huodong token create --data huodong-data --name ops --role admin
  huodong token list --data huodong-data
  huodong token revoke --data huodong-data --name ops")]
pub(crate) enum Token {
    /// Make a token and print it, this once; only a digest of it is kept.
    Create {
        #[command(flatten)]
        installation: Installation,
        /// Its name, as the audit log will call its bearer.
        #[arg(long)]
        name: String,
        /// What it allows.
        #[arg(long, value_enum, default_value = "admin")]
        role: RoleName,
        /// When it ends by itself, for example 90d or 12h.
        #[arg(long, value_name = "TIME")]
        expires_in: Option<Span>,
    },
    /// List the tokens.
    List {
        #[command(flatten)]
        installation: Installation,
    },
    /// Take a token back, for good.
    Revoke {
        #[command(flatten)]
        installation: Installation,
        /// Its name.
        #[arg(long)]
        name: String,
    },
}

/// [`Role`], as it is typed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum RoleName {
    /// Reads everything.
    Viewer,
    /// Reads, and decides on enrolments.
    Reviewer,
    /// Reads, and moves money: deposits, funding, refunds.
    Finance,
    /// Everything, tokens included.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Reviewer => Self::Reviewer,
            RoleName::Finance => Self::Finance,
            RoleName::Admin => Self::Admin,
        }
    }
}

impl Token {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Create { installation, name, role, expires_in } => {
                let config = installation.settings(Vec::new())?;
                let (store, _) = open_store(&config)?;
                let expires_at = expires_in.map(ends).transpose()?;
                let (plain, digest) = token::generate(Chance);
                let name = name.as_str().into();
                operate(
                    &config,
                    store,
                    CreateToken { name, role: role.into(), digest, expires_at },
                )?;
                // The token alone on standard output, so that it can go straight into a file.
                eprintln!("huodong: keep this token, it is shown only now");
                println!("{plain}");
            }
            Self::List { installation } => {
                let store = open_existing(&installation.settings(Vec::new())?)?;
                for token in store.reader().tokens().cannot("list the tokens")? {
                    print_token(&token);
                }
            }
            Self::Revoke { installation, name } => {
                let config = installation.settings(Vec::new())?;
                let store = open_existing(&config)?;
                operate(&config, store, RevokeToken { name: name.as_str().into() })?;
                println!("{name} is revoked");
            }
        }
        Ok(())
    }
}

/// When a span from now ends; a day has 24 hours, as in China it always does.
fn ends(span: Span) -> Result<Timestamp, Failure> {
    let now = Clock::system().now().to_zoned(SHANGHAI.to_time_zone());
    let end = now.checked_add(span).cannot("tell when the token ends")?.timestamp();
    if end <= now.timestamp() {
        return Err(Failure::usage("--expires-in must lie in the future"));
    }
    Ok(end)
}

fn print_token(token: &OperatorToken) {
    let wall = |time: Timestamp| SHANGHAI.to_datetime(time).strftime("%F %T").to_string();
    let state = match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked {}", wall(at)),
        (None, Some(at)) => format!("ends {}", wall(at)),
        (None, None) => "valid".to_owned(),
    };
    let role = format!("{:?}", token.role).to_lowercase();
    println!("{:<24} {role:<9} made {}  {state}", token.name.as_str(), wall(token.created_at));
}

/// Carries out one operator's command, with its line in the audit log.
fn operate<C>(config: &Config, store: Store, command: C) -> Result<C::Done, Failure>
where
    C: Audited + Command,
    C::Refusal: std::error::Error,
{
    crate::runtime()?.block_on(async {
        // Its timers begin meanwhile, and must not remove what this installation keeps.
        let orphan_photos = Duration::from_secs(config.ysepay.orphan_photos_s);
        let options = EngineOptions { orphan_photos, ..EngineOptions::default() };
        let engine = Engine::start(store, Clock::system(), options);
        let engine = engine.cannot("start the engine")?;
        let outcome = engine.submit(Operated { actor: actor(), command }, DEADLINE).await;
        engine.stop().await;
        outcome.cannot("reach the database")?.map_err(|refusal| Failure::new(refusal.to_string()))
    })
}

/// Whom the audit log names for what was done by a command.
pub(crate) fn actor() -> Actor {
    let trace_id = hex::encode(Chance.bytes::<16>());
    Actor { name: "huodong-command".to_owned(), trace_id }
}
