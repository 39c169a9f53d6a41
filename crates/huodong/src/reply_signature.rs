//! The signature of a lakala reply, as a partner verifies it.

use huodong_wire::lakala::Certificate;
use huodong_wire::lakala::sign::{
    REPLY_APPID, REPLY_NONCE, REPLY_SERIAL, REPLY_SIGNATURE, REPLY_TIMESTAMP, ReplySigned,
};

/// The serial of the certificate by which it was made, or what is wrong with it. `header` gives a
/// header's value by its name.
pub(crate) fn verify<'h>(
    appid: &str,
    certificates: &[Certificate],
    header: impl Fn(&str) -> Option<&'h str>,
    body: &[u8],
) -> Result<String, String> {
    let named = |name| header(name).ok_or_else(|| format!("the reply has no header {name}"));
    let signed = ReplySigned {
        appid: named(REPLY_APPID)?,
        serial: named(REPLY_SERIAL)?,
        timestamp: named(REPLY_TIMESTAMP)?,
        nonce: named(REPLY_NONCE)?,
    };
    let signature = named(REPLY_SIGNATURE)?;
    let serial = signed.serial;
    let certificate = certificates.iter().find(|known| known.serial_is(serial));
    let certificate = certificate
        .ok_or_else(|| format!("it was made by certificate {serial}, which is not known here"))?;
    if signed.appid != appid {
        return Err(format!("the reply is signed for {}", signed.appid));
    }
    if certificate.verify(&signed.string_to_sign(body), signature) {
        Ok(certificate.serial_hex().to_owned())
    } else {
        Err(format!("certificate {serial} did not make it over this body"))
    }
}
