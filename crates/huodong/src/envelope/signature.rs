//! The signature of a message.

use huodong_wire::ysepay::{Empty, Layout, Mode, PublicKey};

use super::captured::Captured;
use super::keyring::{Named, Whose};
use super::misfit::explain;

/// What there is to say of a signature.
pub(super) enum Verdict {
    /// There is none.
    Unsigned,
    /// A key at hand made it.
    Right {
        /// Whose.
        by: String,
        mode: Mode,
        layout: Option<Layout>,
        /// By which rule, where fields are empty.
        rule: Option<Empty>,
    },
    /// None of the keys at hand made it.
    Wrong {
        /// What explains it.
        mistake: Option<String>,
        causes: Vec<&'static str>,
    },
}

/// Judges a message's signature. The content, where it is known, helps to find mistakes.
pub(super) fn judge(
    captured: &Captured,
    keys: &[Named<PublicKey>],
    content: Option<&str>,
) -> Verdict {
    let Some(sign) = captured.fields.get("sign") else { return Verdict::Unsigned };
    let empties = captured.fields.iter().any(|(name, value)| value.is_empty() && name != "sign");
    let rules = [Empty::Skipped, Empty::Kept];
    for rule in &rules[..if empties { 2 } else { 1 }] {
        let string = captured.fields.string_to_sign(*rule);
        for Named { whose, name, key } in keys {
            if !key.verify(string.as_bytes(), sign) {
                continue;
            }
            if let Some(mistake) = not_theirs(captured, whose, name) {
                return Verdict::Wrong { mistake: Some(mistake), causes: Vec::new() };
            }
            let (by, mode) = (format!("{name} ({})", key.mode()), key.mode());
            let layout = key.signature_layout(sign);
            return Verdict::Right { by, mode, layout, rule: empties.then_some(*rule) };
        }
    }
    Verdict::Wrong {
        mistake: explain(captured, keys, content),
        causes: causes(captured, keys, sign),
    }
}

/// Why a signature that verifies is somebody else's.
fn not_theirs(captured: &Captured, whose: &Whose, name: &str) -> Option<String> {
    let cert_id = captured.fields.get("certId").unwrap_or_default();
    match (whose, captured.is_reply()) {
        (Whose::Initiator(_), true) => {
            Some(format!("it verifies, but {name} made it, and replies are the gateway's to sign"))
        }
        (Whose::Initiator(known), false) if known != cert_id => {
            Some(format!("it verifies, but {name} made it, and certId says {cert_id}"))
        }
        (Whose::Gateway, false) => Some(format!(
            "it verifies, but {name} made it, and requests are the initiator's to sign"
        )),
        _ => None,
    }
}

/// What is usually the cause where none of the usual mistakes explains it.
fn causes(captured: &Captured, keys: &[Named<PublicKey>], sign: &str) -> Vec<&'static str> {
    let mut causes = Vec::new();
    if !captured.blanks.is_empty() {
        causes.push("blanks stand where + should: a form must write + as %2B");
    }
    if !keys.iter().any(|named| named.key.signature_layout(sign).is_some()) {
        causes.push(
            "it has the form of no signature of a key at hand: it is cut off, or not base64, or \
                     was made by a key of another length or mode",
        );
    }
    let cert_id = captured.fields.get("certId");
    let known = |named: &Named<PublicKey>| match &named.whose {
        Whose::Initiator(known) => cert_id == Some(known),
        Whose::Gateway => captured.is_reply(),
        Whose::Somebody => false,
    };
    causes.push("a field was changed, or its text re-encoded, after it was signed");
    causes.push(if keys.iter().any(known) {
        "it was made by another key than the one that is known for its signer, or of another string"
    } else {
        "it was made by a key that is not at hand: give the signer's public key by --public-key"
    });
    causes
}

/// A signature's layout in words.
pub(super) fn layout(layout: Layout) -> &'static str {
    match layout {
        Layout::Der => "SM2 with SM3, DER{r, s}",
        Layout::Raw => "SM2 with SM3, r ‖ s",
        _ => "SHA256withRSA",
    }
}
