//! SM2 keys and their certificates. rcgen knows neither SM2 nor SM3, so these are made of
//! x509-cert's structures.

use std::time::Duration;

use huodong_engine::Chance;
use huodong_wire::ysepay::PrivateKey;
use jiff::Timestamp;
use signature::Keypair;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder, CertificateBuilder};
use x509_cert::der::asn1::{Any, BitString, GeneralizedTime, SetOfVec};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Decode, Document, Encode, EncodePem, Tag};
use x509_cert::ext::pkix::{KeyUsage, KeyUsages};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey,
    SubjectPublicKeyInfo, SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};
use x509_cert::{TbsCertificate, attr};

use super::{KeyPair, MakeKeyError, Use, serial, valid};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// SM2 with SM3 (GM/T 0006).
const SM2_WITH_SM3: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.501");

/// Makes an SM2 key with a self-signed certificate whose subject is this common name, valid for so
/// many years from `now` on, the real time. It is signed with the user id that the vendor's
/// signatures have, 1234567812345678, as every tool takes for granted.
pub fn make_sm2(
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    make_for(Use::Signing, subject, years, now, chance)
}

pub(super) fn make_for(
    what_for: Use,
    subject: &str,
    years: u16,
    now: Timestamp,
    chance: Chance,
) -> Result<KeyPair, MakeKeyError> {
    let [not_before, not_after] = valid(years, now)?;
    let key = key(chance);
    let serial = serial(chance);
    let certificate = Draft { what_for, subject, serial: &serial, not_before, not_after };
    let certificate = certificate.signed_by(&key);
    let certificate = certificate.map_err(|error| MakeKeyError::Refused(error.to_string()))?;
    Ok(KeyPair {
        private_key_pem: key.to_pem().to_string(),
        certificate_pem: certificate,
        serial: hex::encode(serial),
    })
}

fn key(chance: Chance) -> PrivateKey {
    // One number in four billion is no key.
    std::iter::repeat_with(|| PrivateKey::from_sm2_number(&chance.bytes()))
        .find_map(Result::ok)
        .expect("it goes on until it finds one")
}

/// What a certificate says.
struct Draft<'a> {
    what_for: Use,
    subject: &'a str,
    serial: &'a [u8],
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Draft<'_> {
    /// The certificate, in PEM.
    fn signed_by(&self, key: &PrivateKey) -> builder::Result<String> {
        let signer = Signer(key);
        let mut builder = CertificateBuilder::new(
            Profile { subject: self.name()?, what_for: self.what_for },
            SerialNumber::new(self.serial)?,
            Validity::new(time(self.not_before)?, time(self.not_after)?),
            SubjectPublicKeyInfo::from_key(&signer.verifying_key())?,
        )?;
        let content = builder.finalize(&signer)?;
        let signature = BitString::from_bytes(&signer.sign(&content))?;
        let certificate = builder.assemble(signature, &signer)?;
        Ok(certificate.to_pem(LineEnding::LF)?)
    }

    fn name(&self) -> builder::Result<Name> {
        let value = Any::new(Tag::Utf8String, self.subject.as_bytes())?;
        let common_name = attr::AttributeTypeAndValue { oid: COMMON_NAME, value };
        let only = RelativeDistinguishedName::from(SetOfVec::from_iter([common_name])?);
        Ok(Name::from_der(&RdnSequence::from(vec![only]).to_der()?)?)
    }
}

fn time(time: Timestamp) -> builder::Result<Time> {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(Duration::from_secs(seconds))?))
}

/// What every certificate of ours has.
struct Profile {
    subject: Name,
    what_for: Use,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _key: SubjectPublicKeyInfoRef<'_>,
        _issuer_key: SubjectPublicKeyInfoRef<'_>,
        certificate: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        let usage = match self.what_for {
            Use::Signing => KeyUsages::DigitalSignature.into(),
            Use::Gateway => KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment,
        };
        Ok(vec![KeyUsage(usage).to_extension(certificate.subject(), &[])?])
    }
}

/// A key of ours as the builder wants it.
struct Signer<'k>(&'k PrivateKey);

impl Signer<'_> {
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        use base64::Engine as _;
        let signature = self.0.sign(message);
        let der = base64::engine::general_purpose::STANDARD.decode(signature);
        der.expect("it has just been written")
    }
}

#[derive(Clone)]
struct Verifier(huodong_wire::ysepay::PublicKey);

impl Keypair for Signer<'_> {
    type VerifyingKey = Verifier;

    fn verifying_key(&self) -> Verifier {
        Verifier(self.0.public().clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Signer<'_> {
    fn signature_algorithm_identifier(&self) -> x509_cert::spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned { oid: SM2_WITH_SM3, parameters: None })
    }
}

impl EncodePublicKey for Verifier {
    fn to_public_key_der(&self) -> x509_cert::spki::Result<Document> {
        Ok(Document::try_from(self.0.to_der())?)
    }
}
