//! `huodong sandbox`: the server with demo partners and controls, from one command.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use huodong_campaign::EnvelopeMode;
use huodong_server::sandbox::Credentials;
use huodong_server::seed;

use crate::config::Flag;
use crate::failure::{Context as _, Failure};
use crate::logging;
use crate::serve::Server;
use crate::settings::Installation;
use crate::signals::Stop;

/// Prints a line. Whoever read the banner may have gone since (`… | head`); the server stays.
macro_rules! say {
    ($($line:tt)*) => {{
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

/// Runs a server that already has an organization, applications, projects and activities, the same
/// at every start. Its business clock can be moved, and it can be told to fail.
///
/// It is for trying out and for tests: its secrets are printed, and whoever reaches it can move its
/// clock and empty it. It listens on loopback unless --allow-remote is given.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  huodong sandbox
  huodong sandbox --listen 127.0.0.1:0 --credentials sandbox.json   # a free port; the file tells
  huodong sandbox --data sandbox-data                               # keeps its data
  huodong sandbox --listen 0.0.0.0:18080 --allow-remote             # in a container")]
pub(crate) struct Sandbox {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:18080")]
    listen: SocketAddr,
    /// Keep the data in this directory; else it is gone at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Once the server answers, write where to call and as whom to this file.
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Listen beyond loopback too. Whoever reaches it can then have this machine POST callbacks to
    /// any address that it reaches, private ones included.
    #[arg(long)]
    allow_remote: bool,
    /// What is logged: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log_level: String,
}

impl Sandbox {
    pub(crate) fn run(self) -> Result<(), Failure> {
        // Dropped, and with it removed, when this function returns.
        let temporary = match &self.data {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("huodong-sandbox-").tempdir()),
        };
        let temporary = temporary.transpose().cannot("make a directory for the data")?;
        let data = self.data.clone().or_else(|| Some(temporary.as_ref()?.path().to_owned()));
        let mut flags: Vec<Flag> = vec![
            ("server.listen", self.listen.to_string()),
            ("sandbox.controls", "true".to_owned()),
            // Its receivers are on this machine, or in the same network of containers.
            ("callbacks.allow_http", "true".to_owned()),
            ("callbacks.allow_private", "true".to_owned()),
            ("log.level", self.log_level.clone()),
        ];
        if self.allow_remote {
            flags.push(("sandbox.allow_remote", "true".to_owned()));
        }
        if self.allow_remote {
            let warning = "huodong: warning: listening beyond loopback; whoever reaches this \
                           sandbox can have this machine POST to any address it reaches, private \
                           ones and its own included";
            // As with the banner: whoever read it may have gone.
            let _ = writeln!(std::io::stderr(), "{warning}");
        }
        let config = Installation { config: None, data }.settings(flags)?;
        logging::init(&config.log)?;
        crate::runtime()?.block_on(async {
            let stop = Stop::listen()?;
            let server = Server::start(&config, seed::sandbox_master_key()).await?;
            if let Err(error) = seed::plant(&server.app).await {
                server.app.engine.stop().await;
                return Err(Failure::new(format!("cannot plant the demo data: {error}")));
            }
            server.begin().await?;
            let base_url = format!("http://{}", server.address());
            // The addresses are taken, so whoever calls from now on is answered.
            if let Some(path) = &self.credentials {
                let mut credentials = Credentials::of_seed(&base_url);
                let settings = &server.app.settings.lakala;
                credentials.lakala.issue_path.clone_from(&settings.issue_path);
                credentials.lakala.query_path.clone_from(&settings.query_path);
                credentials.write(path).cannot(format_args!("write {}", path.display()))?;
            }
            self.greet(&base_url, &config.store.name());
            server.run(stop).await?;
            say!("stopped");
            Ok(())
        })
    }

    fn greet(&self, base_url: &str, store: &str) {
        let partner = seed::PARTNER;
        let option = |name: &str, differs: bool| {
            if differs { format!(" --{name} {base_url}") } else { String::new() }
        };
        let elsewhere = option("base-url", base_url != crate::caller::SANDBOX_URL);
        let token = seed::TOKENS[0].1;
        say!(
            "\
Huodong sandbox, listening on {base_url}; operator token {token}

腾讯公益 donations, project_no {project_no}
  appid   {appid}        bid     {bid}
  secret  {secret}        org_no  {org_no}",
            appid = partner.appid,
            bid = partner.bid,
            secret = partner.secret,
            org_no = partner.org_no,
            project_no = seed::PROJECT_NO,
        );
        for activity in seed::ordinary_activities().iter().chain(&seed::special_activities()) {
            say!("  {}  {}", activity.activity_no(), activity.note);
        }
        say!("\n银盛 gateway (--credentials FILE writes the keys, too)");
        for initiator in seed::INITIATORS.iter().chain([&seed::PLAIN_INITIATOR]) {
            let mode = match initiator.mode {
                EnvelopeMode::Sm2 => "国密",
                EnvelopeMode::Rsa => "RSA ",
            };
            let form = if initiator.plain_replies { "plain" } else { "base64" };
            say!(
                "  certId  {}   {mode}, answered in {form}; merchants {} (type 0) to {} (type 5)",
                initiator.cert_id,
                initiator.merc_id(&seed::MERCHANTS[0]),
                initiator.merc_id(&seed::MERCHANTS[5]),
            );
        }
        say!("  consult merchantId {} about the coupons below", seed::ALIPAY_PID);
        let own = seed::INSTITUTION;
        say!(
            "
拉卡拉 coupons (--credentials FILE writes the private key and the certificates, too)
  appid          {appid}        owner_id  {owner_id}
  member prefix  {prefix}               orgId     {org_id}
  openid page    {base_url}/deliverWM/{campaign}",
            appid = own.appid,
            owner_id = own.owners[0],
            prefix = own.member_prefix,
            org_id = own.org_id,
            campaign = seed::CAMPAIGN,
        );
        for activity in seed::ordinary_coupons().iter().chain(&seed::special_coupons()) {
            say!("  {}  {}", activity.activity_id(), activity.note);
        }
        say!(
            "
Try, in another terminal:
  huodong call gongyi RewardToDonate{elsewhere}
  curl $(huodong sign gongyi) -d '{{\"project_no\":\"{project_no}\"}}' \\
      {base_url}/api/reward_donate_service/GetActivityInfo
  huodong listen                # receives callbacks; leave it running, and in a third terminal
  huodong call lakala issue{elsewhere}
  huodong call ysepay consult{elsewhere}
  huodong call ysepay addData{elsewhere}
  huodong clock advance 1h{elsewhere}
",
            project_no = seed::PROJECT_NO,
        );
        if let Some(file) = &self.credentials {
            say!("Credentials are in {}.", file.display());
        }
        match &self.data {
            Some(_) => say!("Data is kept in {store}."),
            None => say!("Data is gone when it stops; --data DIR keeps it."),
        }
        say!("Ctrl-C stops it.");
    }
}
