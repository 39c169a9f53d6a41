//! `huodong call ysepay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use huodong_client::ysepay::{Body, BodyForm, Request};
use huodong_wire::ysepay::{
    AddDataCode, Api, Charset, ConsultCode, ContentKey, GatewayCode, ReceivedReply, SubCode,
};
use reqwest::Client;
use serde_json::{Map, Value, json};

use super::exchange::{Exchange, Post};
use super::fields;
use crate::content::{self, Photo, api};
use crate::failure::Failure;
use crate::initiator::{Called, Caller};
use crate::json_text::pretty;
use crate::sealing::{Sealing, charset, set};
use crate::shell::quoted;

#[derive(Debug, Args)]
pub(crate) struct Ysepay {
    /// upload, addData or consult.
    #[arg(value_parser = api)]
    api: Api,
    /// field=text, or field:=JSON: of the content, before it is encrypted.
    #[arg(value_name = "FIELD=VALUE", conflicts_with = "json")]
    fields: Vec<String>,
    /// The whole content, as it stands; `-` reads it from standard input.
    #[arg(long, value_name = "CONTENT")]
    json: Option<String>,
    /// The photo to upload; a small one is made unless given.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The request's number; a fresh one unless given. Sent again with the same content, it gets
    /// the same answer.
    #[arg(long)]
    req_id: Option<String>,
    /// How the request is written; an upload is always multipart.
    #[arg(long, value_enum, default_value = "json")]
    form: Form,
    /// In which encoding the content is sent: utf-8, gbk or gb2312.
    #[arg(long, value_parser = charset, default_value = "utf-8")]
    charset: Charset,
    /// Replace a field of the envelope before it is signed, or add one; with sign=…, in place of
    /// the signature.
    #[arg(long, value_name = "NAME=VALUE", value_parser = set)]
    set: Vec<(String, String)>,
    /// Print the content key, too, with which anyone can open request and reply.
    #[arg(long)]
    show_content_key: bool,
    #[command(flatten)]
    exchange: Exchange,
    #[command(flatten)]
    caller: Caller,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    /// application/json.
    Json,
    /// application/x-www-form-urlencoded.
    Form,
}

impl From<Form> for BodyForm {
    fn from(form: Form) -> Self {
        match form {
            Form::Json => Self::Json,
            Form::Form => Self::Form,
        }
    }
}

/// A reply, and what is to be said of it.
struct Opened {
    /// Its fields, businessData opened.
    shown: String,
    /// Whether the gateway signed it; why not.
    signature: Result<String, String>,
    /// The business data.
    data: Value,
    /// Whether it was carried out; why not.
    outcome: Result<(), String>,
}

impl Ysepay {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let called = self.caller.resolve()?;
        let client = self.exchange.client()?;
        let photo = Photo::read(self.file.as_deref())?;
        let content = self.content(&client, &called, &photo).await?;
        let sealing = Sealing {
            charset: self.charset,
            req_id: self.req_id.clone(),
            content_key: None,
            set: self.set.clone(),
        };
        let request = sealing.seal(&called.initiator, self.api, &content)?;
        if !self.exchange.quiet {
            eprintln!("The content, before it is encrypted:\n{}\n", pretty(content.as_bytes()));
            if self.show_content_key {
                eprintln!("The content key: {}\n", shown_key(&request.key));
            }
        }
        let opened = self.exchange(&client, &called, &request, &photo).await?;
        if !self.exchange.quiet {
            match &opened.signature {
                Ok(by) => eprintln!("Signature: right, by {by}"),
                Err(why) => eprintln!("Signature: WRONG: {why}"),
            }
        }
        println!("{}", opened.shown);
        if opened.outcome.is_ok()
            && !self.exchange.quiet
            && let Some(next) = self.next(&called, &opened.data)
        {
            eprintln!("\n{next}");
        }
        opened.outcome.map_err(Failure::new)?;
        opened.signature.map_err(Failure::new)?;
        Ok(())
    }

    /// What is said, filled in where nobody has said it. An enrolment's photos are uploaded first.
    async fn content(
        &self,
        client: &Client,
        called: &Called,
        photo: &Photo,
    ) -> Result<String, Failure> {
        if let Some(content) = &self.json {
            return fields::whole(content);
        }
        let given = content::given(&self.fields)?;
        Ok(match self.api {
            Api::Upload => content::upload(photo, given),
            Api::Consult => content::consult(&called.consult, given),
            Api::AddData => {
                let enrolment = content::enrolment(&called.initiator.merchants, given);
                let mut photos = Vec::new();
                for field in &enrolment.lacking {
                    photos.push((*field, self.upload(client, called, field).await?));
                }
                enrolment.with(photos)
            }
        })
    }

    /// Uploads a small photo for a field of an enrolment.
    async fn upload(
        &self,
        client: &Client,
        called: &Called,
        field: &str,
    ) -> Result<String, Failure> {
        let photo = Photo::fresh(field);
        let content = content::upload(&photo, Vec::new());
        let request = Sealing::default().seal(&called.initiator, Api::Upload, &content)?;
        let body = request.multipart(&photo.name, &photo.bytes);
        let quietly = self.exchange.quietly();
        let answered = quietly.send(client, post(called, Api::Upload, body, String::new())).await?;
        let opened = open(called, Api::Upload, &request.key, &answered.body)?;
        opened.outcome.map_err(|why| Failure::new(format!("{field} was not uploaded: {why}")))?;
        opened.signature.map_err(Failure::new)?;
        let id = opened.data["picId"].as_str().unwrap_or_default().to_owned();
        if !self.exchange.quiet {
            eprintln!("Uploaded a small picture as {field}: {id}");
        }
        Ok(id)
    }

    async fn exchange(
        &self,
        client: &Client,
        called: &Called,
        request: &Request,
        photo: &Photo,
    ) -> Result<Opened, Failure> {
        let (body, shown) = match self.api {
            Api::Upload => {
                let json = request.body(BodyForm::Json).bytes;
                let (name, length) = (&photo.name, photo.bytes.len());
                let shown = format!(
                    "(these parts, and the part file: {name}, {length} bytes)\n{}",
                    pretty(&json)
                );
                (request.multipart(name, &photo.bytes), shown)
            }
            _ => {
                let body = request.body(self.form.into());
                let shown = pretty(&body.bytes);
                (body, shown)
            }
        };
        let answered = self.exchange.send(client, post(called, self.api, body, shown)).await?;
        open(called, self.api, &request.key, &answered.body).map_err(|failure| {
            Failure::new(format!("answered {}: {}", answered.status, failure.message))
        })
    }

    /// The command to go on with.
    fn next(&self, called: &Called, data: &Value) -> Option<String> {
        let again = &called.again;
        Some(match self.api {
            Api::Upload => {
                let id = quoted(data["picId"].as_str()?);
                format!("Enrol with it:\n  huodong call ysepay addData frontPhoto={id}{again}")
            }
            Api::AddData => {
                let id = quoted(data["reqMsgId"].as_str()?);
                format!(
                    "An operator decides on it:\n  curl -X POST -H \"Authorization: Bearer ${{TOKEN:-hdop_sandbox-reviewer}}\" \
                     -H 'Content-Type: application/json' -d '{{}}' \
                     {}operator/v1/enrolments/{id}/approve",
                    called.base_url
                )
            }
            Api::Consult => {
                let results = data["consultResultInfoList"].as_array()?;
                let granted = results.iter().find(|one| one["consultResultCode"] == "SUCCESS")?;
                let id = quoted(granted["activityId"].as_str()?);
                format!(
                    "What is SUCCESS can be issued now:\n  huodong call lakala issue activity_id={id}{}",
                    called.elsewhere
                )
            }
        })
    }
}

fn post<'c>(called: &'c Called, api: Api, body: Body, shown: String) -> Post<'c> {
    Post {
        base_url: &called.base_url,
        path: api.path(),
        content_type: body.content_type,
        headers: Vec::new(),
        body: body.bytes,
        shown,
    }
}

/// A content key as people read it.
pub(crate) fn shown_key(key: &ContentKey) -> String {
    match std::str::from_utf8(key.bytes()) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => text.to_owned(),
        _ => hex::encode(key.bytes()),
    }
}

/// Verifies and opens a reply.
fn open(called: &Called, api: Api, key: &ContentKey, body: &[u8]) -> Result<Opened, Failure> {
    let reply = ReceivedReply::read(body)
        .map_err(|error| Failure::new(format!("no reply of the gateway's: {error}")))?;
    let gateway = &called.initiator.gateway;
    let signature = if !reply.is_signed() {
        Err("the reply is not signed, so nothing vouches for it".to_owned())
    } else if reply.verify(gateway) {
        Ok(format!("the gateway's {} key", gateway.mode()))
    } else {
        Err("the gateway's key did not make the reply's signature".to_owned())
    };
    let opened = reply.open(key).map(|data| {
        let data = data.map(|data| String::from_utf8_lossy(&data).into_owned());
        data.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)))
    });
    let (data, sealed) = match opened {
        Ok(data) => (data.unwrap_or_default(), None),
        Err(_) => (Value::Null, Some("businessData does not open under the request's key")),
    };
    let mut shown = Map::new();
    for (name, value) in reply.fields().iter() {
        let value =
            if name == "businessData" && sealed.is_none() { data.clone() } else { json!(value) };
        shown.insert(name.to_owned(), value);
    }
    let outcome = match sealed {
        Some(why) => Err(why.to_owned()),
        None => outcome(api, &reply),
    };
    Ok(Opened {
        shown: pretty(Value::from(shown).to_string().as_bytes()),
        signature,
        data,
        outcome,
    })
}

fn outcome(api: Api, reply: &ReceivedReply) -> Result<(), String> {
    if reply.gateway_code() != Some(GatewayCode::Success) {
        return Err(format!("answered code {}: {}", reply.code(), reply.msg()));
    }
    let success = match api {
        Api::Upload | Api::AddData => AddDataCode::Success.number(),
        Api::Consult => ConsultCode::Success.number(),
    };
    if reply.sub_code() == success {
        Ok(())
    } else {
        Err(format!("answered subCode {}: {}", reply.sub_code(), reply.sub_msg()))
    }
}
