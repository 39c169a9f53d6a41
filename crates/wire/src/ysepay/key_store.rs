//! Private keys from files that a password protects.

use ::sm4::Sm4;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use p12_keystore::Pkcs12Archive;
use sm3::{Digest, Sm3};
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::der::{self, Decode, Reader, SliceReader};
use zeroize::{Zeroize, Zeroizing};

use super::key_file::unreadable;
use super::{KeyError, PrivateKey, PublicKey, base64};

/// 国密's name for data (GM/T 0010).
const SM2_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.6.1.4.2.1");
/// SM4, by which the vendor's toolkit means its CBC mode.
const SM4: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104");
/// SM4 in CBC mode, which is what others call it.
const SM4_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.104.2");

impl PrivateKey {
    /// Reads a private key from whichever kind of file this is: PEM or DER, PKCS#12 (.pfx, .p12),
    /// the vendor's .sm2; also where it is the base64 text of one of the latter. A file that needs
    /// no password is read whatever is given.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn read(file: &[u8], password: Option<&str>) -> Result<Self, KeyError> {
        match std::str::from_utf8(file) {
            Ok(text) if text.contains("-----BEGIN ") => match Self::from_pem(text) {
                Err(KeyError::NoPrivateKey) => {
                    match x509_cert::der::pem::decode_vec(text.trim().as_bytes()) {
                        Ok((_, der)) => Self::read_der(&der, password),
                        Err(_) => Err(KeyError::NoPrivateKey),
                    }
                }
                read => read,
            },
            Ok(text) => match base64::decode(text.trim()) {
                Some(der) => Self::read_der(&der, password),
                None => Err(KeyError::NoPrivateKey),
            },
            Err(_) => Self::read_der(file, password),
        }
    }

    fn read_der(der: &[u8], password: Option<&str>) -> Result<Self, KeyError> {
        let needed = || password.ok_or(KeyError::PasswordMissing);
        if Sm2File::read(der).is_ok() {
            Self::from_sm2_file(der, needed()?)
        } else if is_pkcs12(der) {
            Self::from_pkcs12(der, needed()?)
        } else {
            Self::from_der(der)
        }
    }

    /// Reads the first private key of a PKCS#12 file (.pfx, .p12), RSA or SM2, encrypted as OpenSSL
    /// does it, by default (PBES2) or with `-legacy` (3DES, RC2).
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, KeyError> {
        use p12_keystore::error::Error;
        let archive = Pkcs12Archive::from_pkcs12(file, password).map_err(|error| match error {
            Error::MacError(_) | Error::UnpadError | Error::Pkcs5Error(_) => {
                KeyError::WrongPassword
            }
            error => unreadable(error),
        })?;
        let bag = archive.keys.first().ok_or(KeyError::NoPrivateKey)?;
        Self::from_der(bag.key.as_der())
    }

    /// Reads a .sm2 file, the form in which the vendor's toolkit (CFCA's) keeps an SM2 key beside
    /// its certificate: the base64 text of it, or its DER.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_sm2_file(file: &[u8], password: &str) -> Result<Self, KeyError> {
        let text = std::str::from_utf8(file).ok();
        let decoded = text.and_then(|text| base64::decode(text.trim()));
        let file = Sm2File::read(decoded.as_deref().unwrap_or(file)).map_err(unreadable)?;
        let number = file.decrypt(password).ok_or(KeyError::WrongPassword)?;
        let key = Self::from_sm2_number(&number).map_err(|_| KeyError::WrongPassword)?;
        // One wrong password in 256 leaves a padding that looks right.
        if *key.public() != PublicKey::from_der(file.certificate)? {
            return Err(KeyError::WrongPassword);
        }
        Ok(key)
    }
}

/// Whether it begins as a PKCS#12 file does: with its version, 3.
fn is_pkcs12(der: &[u8]) -> bool {
    let version = |mut reader: SliceReader<'_>| {
        let version = reader.sequence(|inside| {
            let version = u8::decode(inside)?;
            inside.read_slice(inside.remaining_len())?;
            Ok::<_, der::Error>(version)
        })?;
        Ok::<_, der::Error>(version)
    };
    SliceReader::new(der).and_then(version) == Ok(3)
}

/// A .sm2 file: SEQUENCE { INTEGER 1, SEQUENCE { data, SM4, OCTET STRING the private key
/// encrypted }, SEQUENCE { data, OCTET STRING the certificate } }. No standard describes it; see
/// decision 0008 for where it is from.
struct Sm2File<'a> {
    encrypted: &'a [u8],
    certificate: &'a [u8],
}

impl<'a> Sm2File<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let file = reader.sequence(|outer| {
            expect(u8::decode(outer)? == 1)?;
            let encrypted = outer.sequence(|key| {
                expect(ObjectIdentifier::decode(key)? == SM2_DATA)?;
                expect([SM4, SM4_CBC].contains(&ObjectIdentifier::decode(key)?))?;
                octets(key)
            })?;
            let certificate = outer.sequence(|certificate| {
                expect(ObjectIdentifier::decode(certificate)? == SM2_DATA)?;
                octets(certificate)
            })?;
            Ok::<_, der::Error>(Self { encrypted, certificate })
        })?;
        reader.finish()?;
        Ok(file)
    }

    /// The private key, unless the password is another. IV and key are what SM3 makes of the
    /// password.
    fn decrypt(&self, password: &str) -> Option<Zeroizing<[u8; 32]>> {
        let mut derived = Sm3::new();
        derived.update(password);
        derived.update(1_u32.to_be_bytes());
        let mut derived: [u8; 32] = derived.finalize().into();
        let (iv, key) = derived.split_at(16);
        let cipher = cbc::Decryptor::<Sm4>::new_from_slices(key, iv);
        derived.zeroize();
        let opened =
            cipher.ok()?.decrypt_padded_vec::<cbc::cipher::block_padding::Pkcs7>(self.encrypted);
        let opened = Zeroizing::new(opened.ok()?);
        // Leading zeros may be missing, as they are from a number.
        let mut number = Zeroizing::new([0; 32]);
        number.get_mut(32_usize.checked_sub(opened.len())?..)?.copy_from_slice(&opened);
        Some(number)
    }
}

fn octets<'a>(reader: &mut SliceReader<'a>) -> der::Result<&'a [u8]> {
    <&OctetStringRef>::decode(reader).map(OctetStringRef::as_bytes)
}

fn expect(holds: bool) -> der::Result<()> {
    if holds { Ok(()) } else { Err(der::ErrorKind::Failed.into()) }
}
