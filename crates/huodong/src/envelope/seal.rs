//! `huodong envelope seal`.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use huodong_client::ysepay::{BodyForm, Request};
use huodong_wire::ysepay::{Api, Charset, ContentKey};

use super::keyring::content_key;
use crate::call::fields;
use crate::call::ysepay::shown_key;
use crate::content::{self, Photo, api};
use crate::failure::{Context as _, Failure};
use crate::initiator::{Called, Caller};
use crate::sealing::{Sealing, charset, set};

#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// upload, addData or consult.
    #[arg(value_parser = api)]
    api: Api,
    /// field=text, or field:=JSON: of the content, before it is encrypted.
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "json")]
    fields: Vec<String>,
    /// The whole content, as it stands; `-` reads it from standard input.
    #[arg(long, value_name = "CONTENT")]
    json: Option<String>,
    /// The photo that is to be uploaded; its name and hash go into the content.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// How the request is written.
    #[arg(long, value_enum)]
    form: Option<Written>,
    /// The request's number; a fresh one unless given.
    #[arg(long)]
    req_id: Option<String>,
    /// In which encoding the content is: utf-8, gbk or gb2312.
    #[arg(long, value_parser = charset, default_value = "utf-8")]
    charset: Charset,
    /// Replace a field of the envelope before it is signed, or add one; with sign=…, in place of
    /// the signature.
    #[arg(long, value_name = "NAME=VALUE", value_parser = set)]
    set: Vec<(String, String)>,
    /// What to encrypt under: 16 characters, or 32 hex digits; fresh unless given.
    #[arg(long, value_name = "KEY", value_parser = content_key)]
    content_key: Option<ContentKey>,
    /// Print the content key, too, with which anyone can open request and reply.
    #[arg(long)]
    show_content_key: bool,
    #[command(flatten)]
    caller: Caller,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Written {
    /// application/json.
    Json,
    /// application/x-www-form-urlencoded.
    Form,
    /// Lines for `curl -K`, which makes a multipart body of them; for uploads.
    Curl,
}

impl Seal {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let content = self.content(&called)?;
        let sealing = Sealing {
            charset: self.charset,
            req_id: self.req_id.clone(),
            content_key: self.content_key.clone(),
            set: self.set.clone(),
        };
        let request = sealing.seal(&called.initiator, self.api, &content)?;
        let form = self.form.unwrap_or(match self.api {
            Api::Upload => Written::Curl,
            _ => Written::Json,
        });
        let mut out = std::io::stdout().lock();
        out.write_all(&written(&request, form)).cannot("print the request")?;
        // Of a form it would be part of the last field.
        if form != Written::Form {
            out.write_all(b"\n").cannot("print the request")?;
        }
        out.flush().cannot("print the request")?;
        if self.show_content_key {
            eprintln!("The content key: {}", shown_key(&request.key));
        }
        eprintln!("Send it while it is fresh:\n  {}", self.curl(&called, form));
        Ok(())
    }

    fn content(&self, called: &Called) -> Result<String, Failure> {
        if let Some(content) = &self.json {
            return fields::whole(content);
        }
        let given = content::given(&self.fields)?;
        Ok(match self.api {
            Api::Upload => {
                let path = self.file.as_deref().ok_or_else(|| {
                    Failure::usage("an upload's content has the photo's hash: give it by --file")
                })?;
                content::upload(&Photo::read(Some(path))?, given)
            }
            Api::Consult => content::consult(&called.consult, given),
            Api::AddData => {
                let enrolment = content::enrolment(&called.initiator.merchants, given);
                if !enrolment.lacking.is_empty() {
                    eprintln!(
                        "It will be refused: the merchant must bring {} (`huodong call ysepay upload` \
                         gives their ids)",
                        enrolment.lacking.join(", ")
                    );
                }
                enrolment.with(Vec::new())
            }
        })
    }

    fn curl(&self, called: &Called, form: Written) -> String {
        let url = format!("{}{}", called.base_url.as_str().trim_end_matches('/'), self.api.path());
        match form {
            Written::Json => {
                format!("curl -s -H 'Content-Type: application/json' -d @request.json {url}")
            }
            Written::Form => format!("curl -s -d @request.txt {url}"),
            Written::Curl => format!("curl -s -K request.curl -F file=@PHOTO {url}"),
        }
    }
}

fn written(request: &Request, form: Written) -> Vec<u8> {
    match form {
        Written::Json => request.body(BodyForm::Json).bytes,
        Written::Form => request.body(BodyForm::Form).bytes,
        Written::Curl => {
            let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let line = |(name, value): (&str, &str)| {
                format!("form-string = \"{}={}\"", escaped(name), escaped(value))
            };
            request.fields.iter().map(line).collect::<Vec<_>>().join("\n").into_bytes()
        }
    }
}
