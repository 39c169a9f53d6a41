//! `huodong envelope open`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use huodong_campaign::SHANGHAI;
use huodong_engine::Clock;
use huodong_wire::ysepay::{
    AddDataRequest, Api, Charset, Common, ConsultRequest, ContentKey, DecodeError, Empty, Mode,
    UploadRequest, decode,
};
use jiff::civil::DateTime;
use serde_json::json;

use super::captured::{Captured, File};
use super::keyring::{KeyOptions, Keyring};
use super::report::Report;
use super::signature::{Verdict, judge};
use super::{check, content, open_reply, signature};
use crate::call::ysepay::shown_key;
use crate::failure::{Context as _, Failure};
use crate::json_text::pretty;

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// The captured body, or a whole HTTP message; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    message: PathBuf,
    /// For a reply: the captured request it answers, whose content key opens it.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    #[command(flatten)]
    keys: KeyOptions,
    /// Print what is inside, and nothing else.
    #[arg(long, conflicts_with = "json")]
    content: bool,
    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Print the content key, too, with which anyone can open request and reply.
    #[arg(long)]
    show_content_key: bool,
}

/// What was found, and what was inside.
pub(super) struct Findings {
    pub(super) report: Report,
    /// The content, as it is in UTF-8.
    pub(super) content: Option<String>,
}

impl Open {
    pub(super) fn run(&self) -> Result<(), Failure> {
        let captured = Captured::read(&read(&self.message)?)?;
        let ring = self.keys.keyring()?;
        let findings = if captured.is_reply() {
            let request = self.request.as_deref().map(read).transpose()?;
            let request = request.map(|request| Captured::read(&request)).transpose()?;
            open_reply::open(&captured, request.as_ref(), &ring)
        } else {
            self.open_request(&captured, &ring)
        };
        let Findings { report, content } = findings;
        if self.json {
            println!("{}", pretty(report.json().to_string().as_bytes()));
        } else if self.content {
            println!("{}", content.as_deref().unwrap_or_default());
        } else {
            print!("{report}");
        }
        match report.faults() {
            [] => Ok(()),
            faults => Err(Failure::new(faults.join("; "))),
        }
    }

    fn open_request(&self, captured: &Captured, ring: &Keyring) -> Findings {
        let mut report = Report::default();
        let method = captured.fields.get("method").unwrap_or_default();
        let api = Api::from_method(method);
        let name = api.map_or("a method nobody knows", Api::name);
        head(&mut report, captured, &format!("A request: {method} ({name})"));
        let common = common_fields(&mut report, captured, api);
        let (key, sealed) = self.content_key(&mut report, captured, ring).unzip();
        let charset = common.as_ref().map_or(Charset::Utf8, |common| common.charset);
        let content =
            key.and_then(|key| opened(&mut report, captured, "bizContent", &key, charset));
        let signed = tell_signature(&mut report, captured, ring, content.as_deref());
        if let (Some(Some(sealed)), Some(signed)) = (sealed, signed)
            && sealed != signed
        {
            let why = format!("it is sealed for the {sealed} mode and signed in {signed}");
            let cause = "which mode applies is a property of the certId, for both";
            report.wrong("Mode", why, vec![cause.to_owned()], &[]);
        }
        if let Some(content) = &content {
            business(&mut report, api, content);
        }
        if let Some(file) = &captured.file {
            tell_file(&mut report, file, content.as_deref());
        }
        Findings { report, content }
    }

    /// The content key: as given, or from `check`, sealed in which mode.
    fn content_key(
        &self,
        report: &mut Report,
        captured: &Captured,
        ring: &Keyring,
    ) -> Option<(ContentKey, Option<Mode>)> {
        if let Some(key) = &ring.content_key {
            report.tell("check: not looked at, as the content key is given", []);
            return Some((key.clone(), None));
        }
        let Some(check) = captured.fields.get("check") else {
            report.wrong("check", "it is missing", Vec::new(), &[]);
            return None;
        };
        match check::open(check, &ring.gateway) {
            Ok(check::Found { key, by, mode, layout }) => {
                let layout = check::layout(layout);
                report.found("check_opened_by", json!(by));
                report.found("check_layout", json!(layout));
                let shown = if self.show_content_key {
                    report.found("content_key", json!(shown_key(&key)));
                    shown_key(&key)
                } else {
                    "16 bytes (--show-content-key prints it)".to_owned()
                };
                let lines = [format!("by {by}; {layout}"), format!("content key: {shown}")];
                report.tell("check: opened", lines);
                Some((key, Some(mode)))
            }
            Err(check::Unopened { faults, causes }) => {
                report.wrong("check", "no key at hand opens it", faults, &causes);
                None
            }
        }
    }
}

/// The bytes of a file, or of standard input.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    if path.as_os_str() != "-" {
        return crate::key_file::read(path);
    }
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).cannot("read standard input")?;
    Ok(bytes)
}

/// What it is, its fields, and what was odd about them.
pub(super) fn head(report: &mut Report, captured: &Captured, what: &str) {
    let count = captured.order.len();
    report.tell(format!("{what}; {}, {count} fields", captured.form), []);
    let width = captured.order.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let line = |(name, value): &(String, String)| format!("{name:width$}  {value}");
    report.tell("Fields", captured.order.iter().map(line));
    report.found("form", json!(captured.form.to_string()));
    let fields: serde_json::Map<_, _> =
        captured.order.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    report.found("fields", json!(fields));
    if !captured.blanks.is_empty() {
        report.wrong(
            "Form",
            format!("blanks stand where + should, in {}", captured.blanks.join(", ")),
            vec!["they are read as + from here on".to_owned()],
            &["the form was made without percent-encoding: + must be written as %2B"],
        );
    }
}

fn common_fields<'c>(
    report: &mut Report,
    captured: &'c Captured,
    api: Option<Api>,
) -> Option<Common<'c>> {
    match Common::read(&captured.fields) {
        Ok(common) => {
            let age = age(common.time_stamp);
            report.tell("Common fields: well formed", [format!("timeStamp: {age}")]);
            if api.is_none() {
                let known = Api::ALL.map(Api::method).join(", ");
                report.wrong("method", "it is none of the gateway's", vec![known], &[]);
            }
            Some(common)
        }
        Err(DecodeError::Field { field, reason }) => {
            report.wrong("Common fields", format!("{field} {reason}"), Vec::new(), &[]);
            None
        }
        Err(DecodeError::NotJson) => None,
    }
}

/// How long ago a time was, or will be, by this machine's clock.
pub(super) fn age(time: DateTime) -> String {
    let now = Clock::system().real();
    let Ok(at) = SHANGHAI.to_timestamp(time) else { return "out of reach".to_owned() };
    let seconds = now.as_second() - at.as_second();
    let (length, unit) = match seconds.unsigned_abs() {
        length @ 0..120 => (length, "s"),
        length @ 120..7_200 => (length / 60, "min"),
        length @ 7_200..172_800 => (length / 3_600, "h"),
        length => (length / 86_400, "days"),
    };
    if seconds >= 0 { format!("{length} {unit} ago") } else { format!("in {length} {unit}") }
}

/// Decrypts a field and tells what is in it.
pub(super) fn opened(
    report: &mut Report,
    captured: &Captured,
    name: &str,
    key: &ContentKey,
    charset: Charset,
) -> Option<String> {
    let encrypted = captured.fields.get(name)?;
    let bytes = match content::open(encrypted, key) {
        Ok(bytes) => bytes,
        Err(content::Unopened { fault, causes }) => {
            report.wrong(name, fault, Vec::new(), &causes);
            return None;
        }
    };
    match content::text(&bytes, charset) {
        Ok(text) => {
            let title = format!("{name}: decrypted, {} bytes of {charset}", bytes.len());
            report.tell(title, [pretty(text.as_bytes())]);
            let parsed: serde_json::Value =
                serde_json::from_str(&text).unwrap_or_else(|_| json!(text));
            report.found("content", parsed);
            Some(text)
        }
        Err(content::Unopened { fault, causes }) => {
            report.wrong(name, fault, vec![format!("in hex: {}", hex::encode(&bytes))], &causes);
            None
        }
    }
}

/// The string to sign, and who signed it, in which mode.
pub(super) fn tell_signature(
    report: &mut Report,
    captured: &Captured,
    ring: &Keyring,
    content: Option<&str>,
) -> Option<Mode> {
    let verdict = judge(captured, &ring.public, content);
    let rule = match verdict {
        Verdict::Right { rule: Some(Empty::Kept), .. } => Empty::Kept,
        _ => Empty::Skipped,
    };
    let string = captured.fields.string_to_sign(rule);
    report.tell(format!("String to sign: {} bytes", string.len()), [string.clone()]);
    report.found("string_to_sign", json!(string));
    match verdict {
        Verdict::Unsigned => report.wrong("Signature", "there is none", Vec::new(), &[]),
        Verdict::Right { by, mode, layout, rule } => {
            let layout = layout.map_or("", signature::layout);
            let rule = match rule {
                None => "no field is empty",
                Some(Empty::Skipped) => "empty fields left out",
                Some(Empty::Kept) => "empty fields kept, as k=",
            };
            report.tell("Signature: right", [format!("by {by}; {layout}; {rule}")]);
            report.found("signed_by", json!(by));
            report.found("signature_layout", json!(layout));
            report.found("empty_fields", json!(rule));
            return Some(mode);
        }
        Verdict::Wrong { mistake: Some(mistake), .. } => {
            report.found("mistake", json!(mistake));
            report.wrong("Signature", mistake, Vec::new(), &[]);
        }
        Verdict::Wrong { mistake: None, causes } => {
            let tried =
                ring.public.iter().map(|named| format!("{} ({})", named.name, named.key.mode()));
            let tried = format!("tried: {}", tried.collect::<Vec<_>>().join(", "));
            report.wrong("Signature", "no key at hand made it", vec![tried], &causes);
        }
    }
    None
}

/// Whether the content's fields are in order.
fn business(report: &mut Report, api: Option<Api>, content: &str) {
    let Some(api) = api else { return };
    let refused = match api {
        Api::Upload => decode::<UploadRequest<'_>>(content).map(drop).map_err(|no| no.to_string()),
        Api::AddData => {
            decode::<AddDataRequest<'_>>(content).map(drop).map_err(|no| no.to_string())
        }
        Api::Consult => {
            decode::<ConsultRequest<'_>>(content).map(drop).map_err(|no| no.to_string())
        }
    };
    match refused {
        Ok(()) => report.tell(format!("Content: its fields are well formed for {api}"), []),
        Err(why) => report.wrong("Content", why, Vec::new(), &[]),
    }
}

/// The file of an upload, beside what the content says of it.
fn tell_file(report: &mut Report, file: &File, content: Option<&str>) {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file.bytes);
    let hash = hex::encode(hash);
    let lines = [format!("{}, {} bytes", file.name, file.bytes.len()), format!("sha256 {hash}")];
    report.tell("The part file", lines);
    report.found("file_sha256", json!(hash));
    let said = content.and_then(|content| decode::<UploadRequest<'_>>(content).ok());
    if let Some(said) = said
        && hex::encode(said.meta.sha256) != hash
    {
        let causes = [
            "the hash was made of something else: of the name, or of the file in base64",
            "the file's bytes were changed on the way, as text is",
        ];
        report.wrong("sha256", "the content says another one", Vec::new(), &causes);
    }
}
